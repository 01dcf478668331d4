package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	"github.com/shmchan/shmchan/ipc"
)

// Create makes a channel before any endpoint attaches.
func ExampleCreate() {
	if err := ipc.Create("jobs", &ipc.Options{Capacity: 1 << 16, Durable: true}); err != nil {
		log.Fatal(err)
	}
	err := ipc.Create("jobs", nil)
	fmt.Println(errors.Is(err, fs.ErrExist))
	fmt.Println(ipc.Remove("jobs", nil))
	// Output:
	// true
	// <nil>
}

// Remove refuses to remove a channel that is in use. ForceRemove removes it and
// disconnects its senders.
func ExampleRemove() {
	ctx := context.Background()
	s, err := ipc.NewSender(ctx, "ch", &ipc.Options{Create: true, Durable: true})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	err = ipc.Remove("ch", nil)
	fmt.Println(errors.Is(err, ipc.ErrBusy))
	fmt.Println(ipc.ForceRemove("ch", nil))
	err = s.Send(ctx, []byte("too late"))
	fmt.Println(errors.Is(err, ipc.ErrDisconnected))
	// Output:
	// true
	// <nil>
	// true
}

// RemoveUnused keeps a channel in which a receiver would find unread messages.
func ExampleRemoveUnused() {
	ctx := context.Background()
	s, err := ipc.NewSender(ctx, "ch", &ipc.Options{Create: true, Durable: true})
	if err != nil {
		log.Fatal(err)
	}
	if err := s.Send(ctx, []byte("unread")); err != nil {
		log.Fatal(err)
	}
	s.Close()

	var unread *ipc.UnreadError
	if err := ipc.RemoveUnused("ch", nil); errors.As(err, &unread) {
		fmt.Println("unread messages:", unread.Messages)
	}

	r, err := ipc.NewReceiver(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := r.Recv(ctx); err != nil {
		log.Fatal(err)
	}
	r.Close()
	fmt.Println(ipc.RemoveUnused("ch", nil))
	// Output:
	// unread messages: 1
	// <nil>
}

// Dir returns the directory of the channels with plain names.
func ExampleDir() {
	dir, err := os.MkdirTemp("", "channels-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	o := &ipc.Options{Dir: dir}
	if err := ipc.Create("jobs", o); err != nil {
		log.Fatal(err)
	}

	where, err := ipc.Dir(o)
	if err != nil {
		log.Fatal(err)
	}
	_, err = os.Stat(filepath.Join(where, "jobs"))
	fmt.Println(where == dir, err)
	// Output: true <nil>
}
