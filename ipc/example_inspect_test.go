package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/shmchan/shmchan/ipc"
)

// Inspect describes a channel without attaching to it.
func ExampleInspect() {
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	s, err := ipc.NewSender(ctx, "ch", &ipc.Options{Label: "worker 7"})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.Send(ctx, []byte("12345")); err != nil {
		log.Fatal(err)
	}

	stats, err := ipc.Inspect("ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stats.Messages, "message of", stats.Bytes, "bytes")
	for _, sender := range stats.Senders {
		fmt.Println(sender.Label, sender.State)
	}
	// Output:
	// 1 message of 5 bytes
	// worker 7 alive
}

// Stats returns what Inspect does, for an attached endpoint.
func ExampleReceiver_Stats() {
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	s, err := ipc.NewSender(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if _, err := s.SendBatch(ctx, [][]byte{[]byte("a"), []byte("b")}); err != nil {
		log.Fatal(err)
	}
	if _, err := r.Recv(ctx); err != nil {
		log.Fatal(err)
	}

	stats := r.Stats()
	fmt.Println(stats.Messages, "sent,", stats.Received, "received,", len(stats.Senders), "sender")
	// Output: 2 sent, 1 received, 1 sender
}

// List returns every file in the channel directory, channel or not.
func ExampleList() {
	dir, err := os.MkdirTemp("", "channels-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	o := &ipc.Options{Dir: dir, Durable: true}
	for _, name := range []string{"jobs", "alerts"} {
		if err := ipc.Create(name, o); err != nil {
			log.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "notes"), []byte("buy milk"), 0o600); err != nil {
		log.Fatal(err)
	}

	entries, err := ipc.List(o)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range entries {
		if errors.Is(e.Err, ipc.ErrIncompatible) {
			fmt.Println(e.Name, "is not a channel")
			continue
		}
		fmt.Println(e.Name, e.Stats.Capacity, e.Err)
	}
	// Output:
	// alerts 1048576 <nil>
	// jobs 1048576 <nil>
	// notes is not a channel
}

// Peek yields the messages that a receiver would get, and takes none.
func ExamplePeek() {
	ctx := context.Background()
	s, err := ipc.NewSender(ctx, "ch", &ipc.Options{Create: true, Durable: true})
	if err != nil {
		log.Fatal(err)
	}
	defer ipc.Remove("ch", nil)
	defer s.Close()
	if _, err := s.SendBatch(ctx, [][]byte{[]byte("one"), []byte("two")}); err != nil {
		log.Fatal(err)
	}

	for m, err := range ipc.Peek("ch", nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d: %s\n", m.Seq, m.Data)
	}
	fmt.Println(ipc.Unread("ch", nil))
	// Output:
	// 1: one
	// 2: two
	// 2 <nil>
}

// A CorruptError names the word that no correct endpoint would have written.
func ExampleCorruptError() {
	dir, err := os.MkdirTemp("", "channels-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "ch") // a name with a slash is a path
	if err := ipc.Create(name, nil); err != nil {
		log.Fatal(err)
	}
	if err := os.Truncate(name, 1<<16); err != nil {
		log.Fatal(err)
	}

	_, err = ipc.Inspect(name, nil)
	var corrupt *ipc.CorruptError
	if errors.As(err, &corrupt) {
		fmt.Println(corrupt.Field+":", corrupt.Reason)
	}
	// Output: header.file_size: the file has 65536 bytes
}
