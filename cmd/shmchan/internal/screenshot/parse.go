package main

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// style is how a cell is drawn.
type style struct {
	bold, faint bool
	colour      int // 0: the default; 1 to 7: red, green, yellow, blue, magenta, cyan, white
}

// run is text of one style, which begins in column at.
type run struct {
	style
	at    int
	text  string
	width int
}

// parse splits a screen into lines of runs. It understands SGR, and ignores all other
// sequences.
func parse(screen string) (lines [][]run) {
	var now style
	for line := range strings.Lines(screen) {
		var runs []run
		column := 0
		p := ansi.NewParser()
		var state byte
		for rest := strings.TrimRight(line, "\n"); rest != ""; {
			seq, width, n, next := ansi.DecodeSequence(rest, state, p)
			rest, state = rest[n:], next
			switch {
			case width > 0:
				if last := len(runs) - 1; last >= 0 && runs[last].style == now {
					runs[last].text += seq
					runs[last].width += width
				} else {
					runs = append(runs, run{now, column, seq, width})
				}
				column += width
			case ansi.Cmd(p.Command()).Final() == 'm':
				now = now.after(p.Params())
			}
		}
		lines = append(lines, runs)
	}
	for len(lines) > 0 && len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// after returns the style after an SGR sequence.
func (s style) after(params ansi.Params) style {
	if len(params) == 0 {
		return style{}
	}
	for i := range params {
		switch n := params[i].Param(0); {
		case n == 0:
			s = style{}
		case n == 1:
			s.bold = true
		case n == 2:
			s.faint = true
		case n == 22:
			s.bold, s.faint = false, false
		case n >= 31 && n <= 37:
			s.colour = n - 30
		case n == 39:
			s.colour = 0
		}
	}
	return s
}
