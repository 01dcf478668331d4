package ipc_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// A Reading is what a sensor measured.
type Reading struct {
	Sensor uint16
	At     time.Time
	Value  int32
}

// readingCodec turns a Reading into 14 bytes, big-endian.
type readingCodec struct{}

func (readingCodec) Append(dst []byte, r Reading) ([]byte, error) {
	dst = binary.BigEndian.AppendUint16(dst, r.Sensor)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.At.UnixMicro()))
	return binary.BigEndian.AppendUint32(dst, uint32(r.Value)), nil
}

func (readingCodec) Decode(src []byte) (Reading, error) {
	if len(src) != 14 {
		return Reading{}, errors.New("a reading is 14 bytes")
	}
	return Reading{
		Sensor: binary.BigEndian.Uint16(src),
		At:     time.UnixMicro(int64(binary.BigEndian.Uint64(src[2:]))),
		Value:  int32(binary.BigEndian.Uint32(src[10:])),
	}, nil
}

// A custom Codec is a type with two methods.
func ExampleCodec() {
	ctx := context.Background()
	rx, err := ipc.NewReceiverOf(ctx, "readings", readingCodec{}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rx.Close()
	tx, err := ipc.NewSenderOf(ctx, "readings", readingCodec{}, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := tx.Send(ctx, Reading{Sensor: 7, At: time.UnixMicro(1_000_000), Value: -40}); err != nil {
		log.Fatal(err)
	}
	tx.Close()

	for r, err := range rx.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Sensor, r.At.UTC().Format(time.TimeOnly), r.Value)
	}
	// Output: 7 00:00:01 -40
}

// JSON carries any value that encoding/json can marshal.
func ExampleJSON() {
	type event struct {
		User string   `json:"user"`
		Tags []string `json:"tags,omitempty"`
	}
	ctx := context.Background()
	rx, err := ipc.NewReceiverOf(ctx, "events", ipc.JSON[event](), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rx.Close()
	tx, err := ipc.NewSenderOf(ctx, "events", ipc.JSON[event](), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Close()

	if err := tx.Send(ctx, event{User: "ada", Tags: []string{"new"}}); err != nil {
		log.Fatal(err)
	}
	e, err := rx.Recv(ctx)
	fmt.Println(e.User, e.Tags, err)
	// Output: ada [new] <nil>
}

// Fixed copies memory. An endpoint whose type has a different layout is refused.
func ExampleFixed() {
	type tick struct {
		Price float64
		Size  uint32
	}
	type newTick struct {
		Price float64
		Size  uint64
	}
	ctx := context.Background()
	rx, err := ipc.NewReceiverOf(ctx, "ticks", ipc.Fixed[tick](), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rx.Close()

	_, err = ipc.NewSenderOf(ctx, "ticks", ipc.Fixed[newTick](), nil)
	fmt.Println(errors.Is(err, ipc.ErrIncompatible))
	_, err = ipc.NewSenderOf(ctx, "ticks", ipc.Fixed[struct{ Name string }](), nil)
	fmt.Println(err)
	// Output:
	// true
	// send ticks: Fixed: struct { Name string }: field Name is a string: only booleans, numbers, and arrays and structs of them can be copied as memory: invalid argument
}

// All yields an error for a message that does not decode, and continues.
func ExampleDecodeError() {
	ctx := context.Background()
	rx, err := ipc.NewReceiverOf(ctx, "numbers", ipc.JSON[int](), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer rx.Close()
	tx, err := ipc.NewSender(ctx, "numbers", nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"1", "two", "3"} {
		if err := tx.Send(ctx, []byte(text)); err != nil {
			log.Fatal(err)
		}
	}
	tx.Close()

	for n, err := range rx.All(ctx) {
		var bad *ipc.DecodeError
		switch {
		case errors.As(err, &bad):
			fmt.Println("message", bad.Meta.Seq, "is not a number")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(n)
		}
	}
	// Output:
	// 1
	// message 2 is not a number
	// 3
}
