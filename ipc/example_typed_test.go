package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/big"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// Gob matches the fields of Go values by name, without a schema to agree on.
func ExampleGob() {
	ctx := context.Background()
	rx, err := ipc.NewReceiverOf(ctx, "counts", ipc.Gob[map[string]int](), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rx.Close()
	tx, err := ipc.NewSenderOf(ctx, "counts", ipc.Gob[map[string]int](), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Close()

	if err := tx.Send(ctx, map[string]int{"apples": 3}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(rx.Recv(ctx))
	// Output: map[apples:3] <nil>
}

// Binary is for types that define their own binary form, such as time.Time.
func ExampleBinary() {
	ctx := context.Background()
	rx, err := ipc.NewReceiverOf(ctx, "times", ipc.Binary[time.Time](), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rx.Close()
	tx, err := ipc.NewSenderOf(ctx, "times", ipc.Binary[time.Time](), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Close()

	if err := tx.Send(ctx, time.Date(2000, 1, 2, 3, 4, 5, 0, time.UTC)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(rx.Recv(ctx))
	// Output: 2000-01-02 03:04:05 +0000 UTC <nil>
}

// SendBatch sends values with one claim. Flush waits until they are received.
func ExampleSenderOf_SendBatch() {
	ctx := context.Background()
	rx, err := ipc.NewReceiverOf(ctx, "primes", ipc.JSON[*big.Int](), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rx.Close()
	tx, err := ipc.NewSenderOf(ctx, "primes", ipc.JSON[*big.Int](), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Close()

	n, err := tx.SendBatch(ctx, []*big.Int{big.NewInt(2), big.NewInt(3), big.NewInt(5)})
	fmt.Println(n, err)
	for v, err := range rx.Drain() {
		fmt.Println(v, err)
	}
	fmt.Println(tx.Flush(ctx))
	// Output:
	// 3 <nil>
	// 2 <nil>
	// 3 <nil>
	// 5 <nil>
	// <nil>
}

// TryRecv does not wait.
func ExampleReceiverOf_TryRecv() {
	rx, err := ipc.NewReceiverOf(context.Background(), "quiet", ipc.Fixed[int](), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rx.Close()

	_, err = rx.TryRecv()
	fmt.Println(errors.Is(err, ipc.ErrEmpty))
	// Output: true
}

// Receiver and Sender return the underlying byte endpoints, here to read how many
// messages were sent and which one was received.
func ExampleReceiverOf_Receiver() {
	ctx := context.Background()
	rx, err := ipc.NewReceiverOf(ctx, "squares", ipc.Fixed[int64](), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rx.Close()
	tx, err := ipc.NewSenderOf(ctx, "squares", ipc.Fixed[int64](), nil)
	if err != nil {
		log.Fatal(err)
	}
	for i := range int64(3) {
		if err := tx.TrySend(i * i); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(tx.Sender().Stats().Messages, "sent")
	tx.Close()

	for v, err := range rx.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d: %d\n", rx.Receiver().Meta().Seq, v)
	}
	// Output:
	// 3 sent
	// 1: 0
	// 2: 1
	// 3: 4
}
