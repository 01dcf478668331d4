package watch

import (
	"errors"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

// press types keys: by their names in bubbletea, or one letter each.
func press(s *screen, keys ...tea.KeyPressMsg) (last tea.Cmd) {
	for _, k := range keys {
		_, last = s.Update(k)
	}
	return last
}

func letter(r rune) tea.KeyPressMsg { return tea.KeyPressMsg{Code: r, Text: string(r)} }

func key(code rune) tea.KeyPressMsg { return tea.KeyPressMsg{Code: code} }

func opened() *screen {
	s := &screen{frame: frame{interval: time.Second, theme: uncoloured()}}
	s.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	s.Update(sample{frame: Sample{noon, []ipc.Entry{
		{Name: "a", Stats: ipc.Stats{Name: "a", Path: "/a", Capacity: 100, Used: 10}},
		{Name: "b", Stats: ipc.Stats{Name: "b", Path: "/b", Capacity: 100, Used: 90}},
	}}})
	return s
}

func names(s *screen) string {
	all := ""
	for _, c := range selected(s.all, s.filter, s.order) {
		all += c.Name
	}
	return all
}

func TestKeys(t *testing.T) {
	s := opened()
	require.Equal(t, "ab", names(s))
	press(s, letter('s'))
	require.Equal(t, "ba", names(s), "by fill")
	press(s, letter('s'), letter('s'), letter('s'))
	require.Equal(t, "ab", names(s), "round to name")

	press(s, key(tea.KeyDown), key(tea.KeyDown))
	require.Equal(t, "/b", s.cursor)
	press(s, letter('k'))
	require.Equal(t, "/a", s.cursor)

	press(s, letter('/'), letter('x'), key(tea.KeyBackspace), key(tea.KeyBackspace), letter('B'))
	require.Equal(t, "b", names(s), "case does not count")
	press(s, key(tea.KeyEnter), letter('s'))
	require.Equal(t, "B", s.filter, "s is a command again")
	press(s, key(tea.KeyEscape))
	require.Equal(t, "ba", names(s))
	require.Nil(t, press(s, letter('/'), letter('q'), key(tea.KeyEscape)), "q is a letter while typing")
	require.NotNil(t, press(s, letter('q')))
	require.NoError(t, s.err)
	press(s, tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl})
	require.ErrorIs(t, s.err, ErrInterrupted)
}

func TestPauseFreezesWhatIsShown(t *testing.T) {
	s := opened()
	press(s, letter('p'))
	s.Update(sample{frame: Sample{noon.Add(time.Second), nil}})
	require.Equal(t, "ab", names(s))
	press(s, letter('p'))
	require.Empty(t, names(s))
	require.Equal(t, "2 channels are gone", s.note)
	s.Update(sample{frame: Sample{noon.Add(time.Minute), nil}})
	require.Empty(t, s.note)
}

func TestTheSourcesErrorEndsIt(t *testing.T) {
	s, over := opened(), errors.New("over")
	_, cmd := s.Update(sample{err: over})
	require.NotNil(t, cmd)
	require.ErrorIs(t, s.err, over)
}
