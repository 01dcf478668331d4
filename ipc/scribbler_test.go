package ipc_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/edsrzf/mmap-go"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// regions are the parts of a segment that a scribbler overwrites; docs/format.md
// describes them. An end of zero means the end of the file.
var regions = []struct {
	name       string
	start, end int
}{
	{"header", 0, controlAt},
	{"control", controlAt, slotsAt},
	{"slots", slotsAt, ringAt},
	{"ring", ringAt, 0},
	{"all", 0, 0},
}

// scribblerRole overwrites one region of the channel's current file with noise and
// plausible values, until it is killed. The seed determines what it writes.
func scribblerRole(args []string) int {
	o := decode(args)
	region, err := strconv.Atoi(args[1])
	if err != nil {
		panic(err)
	}
	seed, err := strconv.ParseUint(args[2], 10, 64)
	if err != nil {
		panic(err)
	}
	rnd := rand.New(rand.NewPCG(seed, uint64(region)))
	proctest.Say("scribbling")
	for {
		mem, unmap, err := mapChannel(path(o))
		if err != nil {
			time.Sleep(time.Millisecond) // until the channel is created again
			continue
		}
		start, end := regions[region].start, regions[region].end
		if end == 0 {
			end = len(mem)
		}
		liar{mem, start, end, rnd}.spree()
		unmap()
	}
}

// mapChannel maps a channel's file without checking it.
func mapChannel(path string) (mem []byte, unmap func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	m, err := mmap.Map(f, mmap.RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	return m, func() { _ = m.Unmap() }, nil
}

// A liar overwrites mem[start:end].
type liar struct {
	mem        []byte
	start, end int
	rnd        *rand.Rand
}

// spree writes several times in one of several ways, then sleeps, so that the victims
// make progress in between.
func (l liar) spree() {
	ways := []func(){l.bit, l.word, l.lie, l.lie, l.lie, l.stretch, l.flap}
	way := ways[l.rnd.IntN(len(ways))]
	for range 1 << l.rnd.IntN(8) {
		way()
		if l.rnd.IntN(4) == 0 {
			runtime.Gosched()
		}
	}
	time.Sleep(time.Duration(l.rnd.IntN(3000)) * time.Microsecond)
}

// at returns a random word of the region.
func (l liar) at() *atomic.Uint64 {
	return wordOf(l.mem, l.start+l.rnd.IntN((l.end-l.start)/8)*8)
}

func (l liar) bit() {
	w := l.at()
	w.Store(w.Load() ^ 1<<l.rnd.IntN(64))
}

func (l liar) word() { l.at().Store(l.rnd.Uint64()) }

func (l liar) stretch() {
	off := l.start + l.rnd.IntN(l.end-l.start)
	n := min(8<<l.rnd.IntN(8), l.end-off)
	if l.rnd.IntN(2) == 0 {
		clear(l.mem[off:][:n])
		return
	}
	copy(l.mem[off:][:n], noise(l.rnd.Int(), n))
}

// flap moves one word back and forth as fast as it can.
func (l liar) flap() {
	w := l.at()
	if l.start <= controlAt && controlAt < l.end && l.rnd.IntN(2) == 0 {
		w = wordOf(l.mem, controlAt) // tail
	}
	was := w.Load()
	for i := range uint64(2000) {
		w.Store(was + 8*(i%3))
	}
}

// lie writes a plausible value to a word on which the protocol relies.
func (l liar) lie() {
	tail, head := wordOf(l.mem, controlAt).Load(), wordOf(l.mem, controlAt+0x80).Load()
	capacity := uint64(len(l.mem) - ringAt)
	positions := []uint64{0, head, tail, head + 8, tail - 8, head + capacity, tail + capacity, head - capacity, tail + 16, 1 << 40, ^uint64(0) - 7, l.rnd.Uint64() &^ 7}
	pos := positions[l.rnd.IntN(len(positions))]
	pick := func(of ...int) int { return of[l.rnd.IntN(len(of))] }
	word := func(of ...uint64) uint64 { return of[l.rnd.IntN(len(of))] }
	var off int
	value := pos
	switch l.rnd.IntN(4) {
	case 0: // positions, cursor and counters
		off = controlAt + pick(0x000, 0x000, 0x080, 0x080, 0x280, 0x288, 0x290, 0x298, 0x2a0, 0x200, 0x208, 0x210, 0x218, 0x228, 0x238)
		if off == controlAt+0x280 {
			value = pos>>3<<32 | word(0, 1, 3, 1<<31)
		}
	case 1: // doorbells: epochs, the bits asleep and must fence, and rarely closed
		off = controlAt + pick(0x100, 0x180)
		value = l.rnd.Uint64() &^ 2
		if l.rnd.IntN(100) == 0 {
			value |= 2
		}
	case 2: // intents, states, identities, beats
		off = slotsAt + 256*l.rnd.IntN((ringAt-slotsAt)/256) + pick(0x00, 0x00, 0x00, 0x08, 0x80, 0x88, 0x90, 0x98, 0x98, 0xa0, 0xa8, 0xb0, 0xb8, 0xc0, 0xc8, 0xd0)
		switch {
		case off%256 == 0:
			value = pos | 1
		case off%256 == 0x98:
			value = word(0, 1, 2, 1<<31) | word(0, 1, uint64(os.Getpid()), uint64(os.Getppid()), 1<<31)<<32
		}
	case 3: // a record with the right stamp and the wrong length or kind
		nonce := binary.LittleEndian.Uint64(l.mem[0x40:])
		off = ringAt + int(pos%capacity)
		length := word(0, 1, 8, 100, capacity/4, capacity/2, capacity/2+1, capacity-16, 1<<31, 1<<32-1)
		if wordOff := ringAt + int((pos+8)%capacity); l.inside(wordOff) {
			wordOf(l.mem, wordOff).Store(length | uint64(pick(0, 1, 2, 65535))<<32 | uint64(pick(0, 1, 2, 2, 3, 3, 4, 255))<<48)
		}
		value = (nonce | 1) + pos
	}
	if l.inside(off) {
		wordOf(l.mem, off).Store(value)
	}
}

func (l liar) inside(off int) bool { return l.start <= off && off+8 <= l.end }

// watched makes calls and records how many there were, the longest time that one took
// and the kinds of their errors.
type watched struct {
	step    atomic.Int64 // grows as a call begins, and as it ends: odd while one is in progress
	longest time.Duration
	calls   int
	kinds   map[string]int
}

// bound is how long a call whose context expires after briefWait may take. A hostile
// peer may add a few heartbeats.
const (
	briefWait = 20 * time.Millisecond
	bound     = 5 * time.Second
)

// guard prints all stacks and exits when a call hangs. It counts its own ticks, so a
// pause of the whole machine does not count as a hang.
func (w *watched) guard() {
	const ticks = 20
	seen, last := 0, int64(0)
	for range time.Tick(bound / ticks) {
		step := w.step.Load()
		if step%2 == 0 || step != last {
			seen, last = 0, step
			continue
		}
		if seen++; seen > ticks {
			buf := make([]byte, 1<<20)
			fmt.Fprintf(os.Stderr, "a call hangs:\n%s\n", buf[:runtime.Stack(buf, true)])
			os.Exit(3)
		}
	}
}

func (w *watched) call(do func() error) error {
	start := time.Now()
	w.step.Add(1)
	err := do()
	w.step.Add(1)
	w.longest = max(w.longest, time.Since(start))
	w.calls++
	w.kinds[kind(err)]++
	return err
}

// say reports the record, and how much memory the runtime has from the system.
func (w *watched) say() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	proctest.Say("%d calls, longest %d ms, %d MiB, %v", w.calls, w.longest.Milliseconds(), m.Sys>>20, w.kinds)
}

// hostileOptions sets options for the victims: small enough to reach laps and limits
// often.
func hostileOptions(o *ipc.Options) {
	o.Capacity, o.MaxSenders, o.Heartbeat = 4096, 15, quick
}
