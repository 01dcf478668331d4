package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// Ready lets a goroutine select on a Receiver among other channels.
func ExampleReceiver_Ready() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := ipc.NewReceiver(ctx, "jobs", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	s, err := ipc.NewSender(ctx, "jobs", nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, job := range []string{"wash", "dry"} {
		if err := s.Send(ctx, []byte(job)); err != nil {
			log.Fatal(err)
		}
	}
	s.Close()

	for {
		select {
		case <-ctx.Done():
			fmt.Println(ctx.Err())
			return
		case <-r.Ready():
			msg, err := r.TryRecv() // one message for each value
			switch {
			case errors.Is(err, ipc.ErrDisconnected):
				fmt.Println("done")
				return
			case errors.Is(err, ipc.ErrEmpty): // the value was stale
			case err != nil:
				log.Fatal(err)
			default:
				fmt.Printf("%s\n", msg)
			}
		}
	}
	// Output:
	// wash
	// dry
	// done
}

// Select is for a goroutine that receives from several channels.
func ExampleSelect() {
	ctx := context.Background()
	var rs []*ipc.Receiver
	for _, name := range []string{"jobs", "alerts"} {
		r, err := ipc.NewReceiver(ctx, name, nil)
		if err != nil {
			log.Fatal(err)
		}
		defer r.Close()
		s, err := ipc.NewSender(ctx, name, nil)
		if err != nil {
			log.Fatal(err)
		}
		if err := s.Send(ctx, []byte("one of the "+name)); err != nil {
			log.Fatal(err)
		}
		s.Close()
		rs = append(rs, r)
	}

	for len(rs) > 0 {
		i, err := ipc.Select(ctx, rs...)
		if err != nil {
			log.Fatal(err)
		}
		msg, err := rs[i].TryRecv()
		switch {
		case errors.Is(err, ipc.ErrDisconnected): // no more messages
			rs = slices.Delete(rs, i, i+1)
		case errors.Is(err, ipc.ErrEmpty):
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Printf("%s\n", msg)
		}
	}
	// Unordered output:
	// one of the jobs
	// one of the alerts
}
