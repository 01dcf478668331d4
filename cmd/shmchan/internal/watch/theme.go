package watch

// theme highlights parts of a frame. Words or marks say the same, so a terminal without
// colour shows as much.
type theme struct{ strong, faint, good, warn, bad, bar func(string) string }

// style returns a function that draws text with an SGR sequence. The usual library for
// styles is not used: once linked, it queries the terminal, and under tmux runs a program,
// at the start of every verb.
func style(sgr string) func(string) string {
	return func(text string) string { return "\x1b[" + sgr + "m" + text + "\x1b[m" }
}

// coloured uses the colours of the terminal, which suit its background. Faint text has no
// colour: bright black, the usual grey, is the background in some palettes.
func coloured() *theme {
	return &theme{
		strong: style("1"), faint: style("2"),
		good: style("32"), warn: style("33"), bad: style("1;31"), bar: style("36"),
	}
}

// monochrome is the theme for NO_COLOR, which still allows bold and faint.
func monochrome() *theme {
	t := uncoloured()
	t.strong, t.faint, t.bad = style("1"), style("2"), style("1")
	return t
}

// uncoloured does not change text.
func uncoloured() *theme {
	same := func(text string) string { return text }
	return &theme{same, same, same, same, same, same}
}

// fill returns the style of a gauge.
func (t *theme) fill(part float64) func(string) string {
	switch {
	case part >= 0.9:
		return t.bad
	case part >= 0.6:
		return t.warn
	}
	return t.good
}
