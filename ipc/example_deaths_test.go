package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/shmchan/shmchan/ipc"
)

// The example runs its own binary as a sender that dies after its first message.
func init() {
	if os.Getenv("EXAMPLE_ROLE") != "sender" {
		return
	}
	ctx := context.Background()
	s, err := ipc.NewSender(ctx, "ch", &ipc.Options{Label: "worker 7"})
	if err != nil {
		log.Fatal(err)
	}
	if err := s.Send(ctx, []byte("all is well")); err != nil {
		log.Fatal(err)
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		log.Fatal(err)
	}
	self.Kill()
	select {}
}

// A killed sender loses no message that it sent. The receiver gets those messages
// first, then learns of the death.
func ExampleReceiver_Deaths() {
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()

	sender := exec.Command(os.Args[0])
	sender.Env = append(os.Environ(), "EXAMPLE_ROLE=sender")
	fmt.Println(sender.Run())

	msg, err := r.Recv(ctx)
	fmt.Printf("%s %v\n", msg, err)
	_, err = r.Recv(ctx)
	fmt.Println(errors.Is(err, ipc.ErrDisconnected))
	for _, death := range r.Deaths() {
		fmt.Println(death.Label, "died")
	}
	// Output:
	// signal: killed
	// all is well <nil>
	// true
	// worker 7 died
}
