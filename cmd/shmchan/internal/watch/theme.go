package watch

import "charm.land/lipgloss/v2"

// theme is how the parts of a frame are set off. What it says is said in words or
// marks too: a terminal without colour tells as much.
type theme struct{ strong, faint, good, warn, bad, bar func(string) string }

func style(s lipgloss.Style) func(string) string {
	return func(text string) string { return s.Render(text) }
}

// coloured takes the terminal's own colours, so that a frame goes with its
// background whatever that is. Faint is no colour, for bright black, the usual grey,
// is the background itself of some palettes.
func coloured() *theme {
	base := lipgloss.NewStyle()
	return &theme{
		strong: style(base.Bold(true)),
		faint:  style(base.Faint(true)),
		good:   style(base.Foreground(lipgloss.Green)),
		warn:   style(base.Foreground(lipgloss.Yellow)),
		bad:    style(base.Foreground(lipgloss.Red).Bold(true)),
		bar:    style(base.Foreground(lipgloss.Cyan)),
	}
}

// monochrome is for NO_COLOR, which does not mean bold and faint.
func monochrome() *theme {
	t, base := uncoloured(), lipgloss.NewStyle()
	t.strong, t.bad, t.faint = style(base.Bold(true)), style(base.Bold(true)), style(base.Faint(true))
	return t
}

// uncoloured leaves text as it is.
func uncoloured() *theme {
	same := func(text string) string { return text }
	return &theme{same, same, same, same, same, same}
}

// fill is how a gauge is drawn that is so full.
func (t *theme) fill(part float64) func(string) string {
	switch {
	case part >= 0.9:
		return t.bad
	case part >= 0.6:
		return t.warn
	}
	return t.good
}
