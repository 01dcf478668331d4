package watch

import (
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// key handles a key.
func (s *screen) key(k tea.KeyPressMsg) tea.Cmd {
	switch name := k.String(); {
	case name == "ctrl+c":
		s.err = ErrInterrupted
		return tea.Quit
	case name == "ctrl+z":
		return tea.Suspend
	case s.typing:
		s.typed(k)
	case name == "q":
		return tea.Quit
	case name == "s":
		s.order = (s.order + 1) % orders
	case name == "/":
		s.typing = true
	case name == "esc":
		s.filter = ""
	case name == "p" || name == "space":
		if s.paused = !s.paused; !s.paused {
			s.show()
		}
	case name == "up" || name == "k":
		s.move(-1)
	case name == "down" || name == "j":
		s.move(1)
	}
	return nil
}

// typed handles a key while the filter is typed.
func (s *screen) typed(k tea.KeyPressMsg) {
	switch k.String() {
	case "enter":
		s.typing = false
	case "esc":
		s.typing, s.filter = false, ""
	case "backspace":
		_, n := utf8.DecodeLastRuneInString(s.filter)
		s.filter = s.filter[:len(s.filter)-n]
	case "ctrl+u":
		s.filter = ""
	default:
		s.filter += k.Text
	}
}

// move selects another channel.
func (s *screen) move(by int) {
	shown := selected(s.all, s.filter, s.order)
	if len(shown) == 0 {
		return
	}
	to := min(max(s.chosen(shown)+by, 0), len(shown)-1)
	s.cursor = shown[to].Stats.Path
}
