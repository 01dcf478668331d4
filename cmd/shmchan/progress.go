package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
)

// redrawEvery is the interval at which the line is redrawn.
const redrawEvery = 200 * time.Millisecond

// progressFlag is --progress.
type progressFlag struct{ on bool }

func (p *progressFlag) register(flags *pflag.FlagSet) {
	flags.BoolVar(&p.on, "progress", false, "show messages, bytes and rate, if stderr is a terminal")
}

// meter shows on a terminal how many messages have passed, in one line that it redraws.
// It also writes diagnostics, above that line. A nil meter does nothing.
type meter struct {
	w      io.Writer
	width  func() int // columns of the terminal
	colour bool
	begun  time.Time

	mu              sync.Mutex
	messages, bytes uint64
	drawn           int // columns of the line on the screen

	end, done chan struct{}
}

// startMeter starts a meter if --progress is set and stderr is a terminal. Diagnostics go
// through the meter until stop is called; the last line remains.
func (a *app) startMeter(p progressFlag) (m *meter, stop func()) {
	screen, ok := a.stderr.(*os.File)
	if !p.on || a.quiet || !ok || !term.IsTerminal(int(screen.Fd())) {
		return nil, func() {}
	}
	m = &meter{
		w: screen, begun: time.Now(), end: make(chan struct{}), done: make(chan struct{}),
		colour: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		width: func() int {
			columns, _, err := term.GetSize(int(screen.Fd()))
			if err != nil || columns <= 0 {
				return 80
			}
			return columns
		},
	}
	a.divert(m)
	go m.run()
	return m, func() {
		close(m.end)
		<-m.done
		a.divert(screen)
	}
}

// screen returns the stderr for a child process.
func (a *app) screen() io.Writer {
	w := a.diagnostics()
	if m, ok := w.(*meter); ok {
		return m.w
	}
	return w
}

// add counts messages that have passed.
func (m *meter) add(messages, bytes uint64) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.messages += messages
	m.bytes += bytes
}

func (m *meter) run() {
	defer close(m.done)
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	last, lastMessages, lastBytes := m.begun, uint64(0), uint64(0)
	for {
		select {
		case <-m.end:
			m.mu.Lock()
			defer m.mu.Unlock()
			m.draw(progressLine(m.messages, m.bytes, m.messages, m.bytes, time.Since(m.begun), time.Since(m.begun)))
			m.put("\n")
			return
		case now := <-tick.C:
			m.mu.Lock()
			m.draw(progressLine(m.messages, m.bytes, m.messages-lastMessages, m.bytes-lastBytes, now.Sub(last), now.Sub(m.begun)))
			last, lastMessages, lastBytes = now, m.messages, m.bytes
			m.mu.Unlock()
		}
	}
}

// draw replaces the line on the screen. Precondition: m.mu is locked.
func (m *meter) draw(line string) {
	line = line[:min(len(line), max(m.width()-1, 0))] // ASCII: a byte is a column
	pad := strings.Repeat(" ", max(m.drawn-len(line), 0))
	m.drawn = len(line)
	if m.colour {
		line = "\x1b[1m" + line + "\x1b[0m"
	}
	m.put("\r" + line + pad)
}

// Write writes a diagnostic in place of the line, which the next tick redraws below.
func (m *meter) Write(text []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.drawn > 0 {
		m.put("\r" + strings.Repeat(" ", m.drawn) + "\r")
		m.drawn = 0
	}
	return m.w.Write(text)
}

// put writes to the terminal and ignores errors.
func (m *meter) put(s string) { _, _ = io.WriteString(m.w, s) }

// progressLine formats the totals, the rates over the last interval, and the time since
// the start.
func progressLine(messages, bytes, lateMessages, lateBytes uint64, late, all time.Duration) string {
	rate := func(n uint64) uint64 {
		if late <= 0 {
			return 0
		}
		return uint64(float64(n) / late.Seconds())
	}
	return fmt.Sprintf("%s, %s, %d messages/s, %s/s, %s", text.Plural(messages, "message"), text.Bytes(bytes),
		rate(lateMessages), text.Bytes(rate(lateBytes)), text.Age(all.Round(100*time.Millisecond)))
}
