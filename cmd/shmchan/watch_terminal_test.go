package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// traffic creates channels: busy, which carries messages until the test ends; quiet, which
// is not in use; stuck, which is full and has no receiver.
func traffic(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "shmchan-watch-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	t.Setenv("SHMCHAN_DIR", dir)

	require.NoError(t, ipc.Create("quiet", nil))
	stuck, err := ipc.NewSender(t.Context(), "stuck", &ipc.Options{Create: true, Durable: true, Capacity: 4096, Label: "the last straw"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stuck.Close()) })
	for err == nil {
		err = stuck.TrySend([]byte("never received"))
	}
	require.ErrorIs(t, err, ipc.ErrFull)

	r, err := ipc.NewReceiver(t.Context(), "busy", &ipc.Options{KeepOpen: true})
	require.NoError(t, err)
	s, err := ipc.NewSender(t.Context(), "busy", nil)
	require.NoError(t, err)
	var both sync.WaitGroup
	both.Go(func() {
		for range r.All(t.Context()) {
		}
	})
	both.Go(func() {
		pace := time.NewTicker(5 * time.Millisecond)
		defer pace.Stop()
		for t.Context().Err() == nil {
			_ = s.Send(t.Context(), []byte("a message"))
			<-pace.C
		}
	})
	t.Cleanup(func() {
		both.Wait()
		require.NoError(t, s.Close())
		require.NoError(t, r.Close())
	})
}

const watchAll = "shmchan watch --interval 100ms"

// Rows of the table: the mark, the name, the gauge, the fill, the rates, the
// sparkline, the senders.
const (
	busyRow  = `busy +░+ +0% +[1-9][0-9.k]* +[1-9][0-9.KM]* .*[▂▃▄▅▆▇█] +1$`
	quietRow = `quiet +░+ +0% +0 +0 .*▁ +0$`
	stuckRow = `stuck +█+░? +!(99|100)% +0 +0 .*▁ +1$`
)

func TestWatchInATerminal(t *testing.T) {
	traffic(t)
	term := newTerminal(t, 80, 24)
	term.run("echo stood here before")
	term.run(watchAll)

	// Rates and sparklines of three channels; the endpoints of the first.
	screen := term.shows(`^▸ `+busyRow, `^  `+quietRow, `^  `+stuckRow, `^── busy ─+$`, `^nothing is blocked$`, `^bytes/s .*[▂▃▄▅▆▇█]`,
		`^receiver +[0-9]+  alive +[0-9]+ms +[1-9]`, `^sender 0 +[0-9]+  alive +[0-9]+ms +[1-9]`, `^q quit .* by name$`)
	require.Regexp(t, `^shmchan /dev/shm/shmchan-watch-\S+ +3 channels  every 100ms  [0-9:]{8}$`, screen[0])
	require.False(t, matches(screen, "stood here"))

	// The cursor, and what blocks the endpoints.
	term.keys("Down", "j")
	term.shows(`^▸ stuck`, `^── stuck ─`, `^! the ring is almost full, and there is no receiver$`, `^receiver +none$`, `the last straw$`)
	term.keys("Up", "k", "k")
	term.shows(`^▸ busy`)

	// Sorting: by fill, by messages.
	first := func(name string) func([]string) bool {
		return func(lines []string) bool { return strings.Contains(lines[2], name) }
	}
	term.keys("s")
	term.shows(`by fill$`)
	term.until("the fullest is first", first("stuck"))
	term.keys("s")
	term.shows(`by messages/s$`)
	term.until("the busiest is first", first("busy"))

	// A filter: typed, kept, cleared.
	term.keys("/")
	term.shows(`^filter: ▏ .*Enter keeps, Esc clears$`)
	term.keys("T", "X", "BSpace", "U")
	term.shows(`^filter: TU▏`, `^▸ stuck`, ` 1 of 3 channels `)
	term.keys("Enter")
	require.False(t, matches(term.shows(`filter "TU"$`), busyRow))
	term.keys("Escape")
	term.shows(` 3 channels `, busyRow, quietRow)

	// Paused: nothing moves while the channel does.
	term.keys("p")
	term.shows(`PAUSED`)
	still := term.screen()
	was, err := ipc.Inspect("busy", nil)
	require.NoError(t, err)
	require.NoError(t, ipc.Create("late", nil))
	proctest.Eventually(t, "messages of some ticks have come", func() bool {
		now, err := ipc.Inspect("busy", nil)
		return err == nil && now.Messages >= was.Messages+100
	})
	require.Equal(t, still, term.screen())
	term.keys("p")
	term.shows(`  late `)
	require.NoError(t, ipc.Remove("late", nil))
	term.shows(`late is gone`)

	term.keys("q")
	term.restored(0)
	term.shows("^stood here before$")
}

// TestWatchFitsWhenResized checks that the heading is in the first line and the keys are in
// the last, that nothing wraps, and that the room is used.
func TestWatchFitsWhenResized(t *testing.T) {
	traffic(t)
	term := newTerminal(t, 80, 24)
	term.run(watchAll)
	term.shows(`^▸ ` + busyRow)
	for _, size := range []struct {
		w, h  int
		shows []string
	}{
		{120, 40, []string{busyRow, stuckRow, `^── busy ─+$`, `^sender 0 `}},
		{60, 16, []string{`^▸ busy +░{10} +0% +[1-9][0-9.k]* +[1-9][0-9.KM]*$`, `^── busy ─+$`}},
		{40, 10, []string{`^▸ busy +░{8} +0% +[1-9][0-9.k]*$`, `^  stuck +█+░? +!(99|100)% +0$`}},
		{24, 5, []string{`^▸ busy `}},
		{200, 50, []string{busyRow, quietRow, stuckRow, `^sender 0 `}},
	} {
		term.tmux("resize-window", "-x", fmt.Sprint(size.w), "-y", fmt.Sprint(size.h))
		screen := term.until(fmt.Sprintf("it fits %dx%d", size.w, size.h), func(lines []string) bool {
			return len(lines) == size.h && strings.HasPrefix(lines[0], "shmchan") && matches(lines[:1], `[0-9:]{8}$`) &&
				len([]rune(lines[0])) == size.w && strings.HasPrefix(lines[1], "  CHANNEL") && matches(lines[size.h-1:], `^q quit .*by name$`)
		})
		for _, want := range size.shows {
			if !matches(screen, want) {
				term.shows(want)
			}
		}
	}
	term.tmux("resize-window", "-x", "12", "-y", "3")
	term.until("it says that there is no room", func(lines []string) bool { return lines[0] == "too small" })
	term.tmux("resize-window", "-x", "80", "-y", "24")
	term.shows(`^▸ `+busyRow, `^q quit `)
	term.keys("q")
	term.restored(0)
}

// TestWatchLeavesTheTerminalAsItWas ends watch in every way.
func TestWatchLeavesTheTerminalAsItWas(t *testing.T) {
	traffic(t)
	term := newTerminal(t, 80, 24)
	for _, tt := range []struct {
		name   string
		end    func(pid int)
		status int
		says   string
	}{
		{"^C", func(int) { term.keys("C-c") }, 130, ""},
		{"^C while the filter is typed", func(int) { term.keys("/", "b", "C-c") }, 130, ""},
		{"SIGINT", func(pid int) { require.NoError(t, syscall.Kill(pid, syscall.SIGINT)) }, 130, ""},
		{"SIGTERM", func(pid int) { require.NoError(t, syscall.Kill(pid, syscall.SIGTERM)) }, 143, ""},
		{"the named channel is gone", func(int) { require.NoError(t, ipc.Remove("quiet", nil)) }, 0, `^shmchan: watch: quiet: the channel is gone$`},
	} {
		term.run("clear")
		term.prompt()
		pidFile := filepath.Join(t.TempDir(), "pid")
		term.run("(echo $BASHPID > " + pidFile + "; exec shmchan watch --interval 100ms quiet)")
		term.shows(`^▸ quiet +░+ +0% +0 `)
		raw, err := os.ReadFile(pidFile)
		require.NoError(t, err)
		pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
		require.NoError(t, err)
		tt.end(pid)
		if tt.says != "" {
			term.shows(tt.says)
		}
		term.restored(tt.status)
	}
	require.NoError(t, ipc.Create("quiet", nil))
	term.run("clear")

	// ^Z returns the terminal to the shell until fg.
	term.run(watchAll)
	term.shows(`^▸ ` + busyRow)
	term.keys("C-z")
	term.shows(`Stopped`)
	term.prompt()
	term.run("clear; fg")
	term.shows(`^▸ ` + busyRow)
	term.keys("q")
	term.restored(0)
}

// TestWatchHonoursNoColor sets NO_COLOR to any value, as no-color.org requires. Bold and
// faint text is not colour.
func TestWatchHonoursNoColor(t *testing.T) {
	traffic(t)
	term := newTerminal(t, 80, 24)
	for _, tt := range []struct {
		env      string
		coloured bool
	}{
		{"", true}, {"NO_COLOR= ", true}, {"NO_COLOR=1 ", false}, {"NO_COLOR=yes ", false}, {"NO_COLOR=0 ", false},
	} {
		term.run("clear")
		term.prompt()
		term.run(tt.env + watchAll)
		term.shows(busyRow, stuckRow)
		require.Equal(t, tt.coloured, term.isColoured(), "%q", tt.env)
		require.Contains(t, term.tmux("capture-pane", "-p", "-e"), "\x1b[1m")
		term.keys("q")
		term.restored(0)
	}
	// watch does not draw on a terminal that cannot move its cursor.
	term.run("clear; TERM=dumb " + watchAll + " -n 1 quiet")
	term.shows(`^TIME +NAME `, `^[0-9:]{8} quiet +0% `)
	term.restored(0)
}
