package watch

// theme is how the parts of a frame are set off. What it says is said in words or
// marks too: a terminal without colour tells as much.
type theme struct{ strong, faint, good, warn, bad, bar func(string) string }

// style draws text with an SGR. By hand: the library for styles asks the terminal,
// and under tmux runs a program, as soon as it is linked in, in every verb.
func style(sgr string) func(string) string {
	return func(text string) string { return "\x1b[" + sgr + "m" + text + "\x1b[m" }
}

// coloured takes the terminal's own colours, so that a frame goes with its
// background whatever that is. Faint is no colour, for bright black, the usual grey,
// is the background itself of some palettes.
func coloured() *theme {
	return &theme{
		strong: style("1"), faint: style("2"),
		good: style("32"), warn: style("33"), bad: style("1;31"), bar: style("36"),
	}
}

// monochrome is for NO_COLOR, which does not mean bold and faint.
func monochrome() *theme {
	t := uncoloured()
	t.strong, t.faint, t.bad = style("1"), style("2"), style("1")
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
