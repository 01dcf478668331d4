package text

import (
	"errors"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"
)

func TestSize(t *testing.T) {
	for in, want := range map[uint64]string{
		0: "0", 1023: "1023", 1024: "1K", 1536: "1.5K", 1 << 20: "1M", 1<<20 + 1: "1.0M", 3 << 30: "3G", 1 << 63: "8E",
	} {
		require.Equal(t, want, Size(in))
	}
}

func TestPercent(t *testing.T) {
	for _, tt := range []struct {
		part, whole int
		want        string
	}{
		{0, 100, "0%"}, {1, 1000, "<1%"}, {1, 2, "50%"}, {9999, 10000, "99%"}, {100, 100, "100%"}, {1, 0, "0%"},
	} {
		require.Equal(t, tt.want, Percent(tt.part, tt.whole))
	}
}

func TestAge(t *testing.T) {
	for in, want := range map[time.Duration]string{
		-time.Second: "0s", 1499 * time.Microsecond: "1ms", 12340 * time.Millisecond: "12.3s",
		90*time.Minute + time.Millisecond: "1h30m0s", 100 * time.Hour: "4d",
	} {
		require.Equal(t, want, Age(in))
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"jobs": "jobs", "my jobs": "my jobs", "čřž": "čřž", "a\nb": `"a\nb"`, "\x1b[31m": `"\x1b[31m"`, "\xff": `"\xff"`,
	} {
		require.Equal(t, want, Printable(in))
	}
}

func TestNumbersAreShort(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 0.25: "0.2", 3: "3", 9.96: "10", 999: "999", 999.9: "1k", 1234: "1.2k", 123456: "123k", 5e6: "5M"} {
		require.Equal(t, want, Count(n), "%v", n)
	}
	for n, want := range map[float64]string{1023: "1023", 1024: "1K", 1536: "1.5K", 1 << 30: "1G"} {
		require.Equal(t, want, ShortSize(n), "%v", n)
	}
	for d, want := range map[time.Duration]string{-1: "0ms", 12 * time.Millisecond: "12ms", 90 * time.Second: "1m", 90 * time.Minute: "1h", 72 * time.Hour: "3d"} {
		require.Equal(t, want, ShortAge(d), "%v", d)
	}
}

func TestFitCutsByColumns(t *testing.T) {
	for _, s := range []string{"", "short", "a name that is long", "通道通道通道通道", "e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301"} {
		for w := range 12 {
			require.LessOrEqual(t, ansi.StringWidth(Fit(s, w)), w, "%q in %d", s, w)
			require.Equal(t, w, ansi.StringWidth(Left(s, w)), "%q in %d", s, w)
			require.Equal(t, w, ansi.StringWidth(Right(s, w)), "%q in %d", s, w)
		}
	}
}

func TestShellWord(t *testing.T) {
	for _, tt := range []struct{ word, want string }{
		{"jobs", "jobs"},
		{"/dev/shm/a-b_c.1", "/dev/shm/a-b_c.1"},
		{"", "''"},
		{"my jobs", "'my jobs'"},
		{"it's", `'it'\''s'`},
		{"$(rm)", "'$(rm)'"},
		{"žluť", "'žluť'"},
	} {
		require.Equal(t, tt.want, ShellWord(tt.word))
	}
}

func TestPlural(t *testing.T) {
	require.Equal(t, "0 messages", Plural(0, "message"))
	require.Equal(t, "1 message", Plural(uint64(1), "message"))
	require.Equal(t, "2 messages", Plural(2, "message"))
}

func TestBytes(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1K", 1536: "1.5K"} {
		require.Equal(t, want, Bytes(n))
	}
}

func TestOneLine(t *testing.T) {
	require.Equal(t, "a; b", OneLine(errors.Join(errors.New("a"), errors.New("b"))))
}

func TestOrDash(t *testing.T) {
	require.Equal(t, "-", OrDash(""))
	require.Equal(t, "x", OrDash("x"))
}
