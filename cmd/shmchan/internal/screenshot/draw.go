package main

import (
	"bytes"
	"fmt"
	"html"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Sizes in pixels. A cell is as wide and as high as in the usual fonts of 14 pixels.
const (
	cellWidth  = 8.4
	cellHeight = 18
	baseline   = 13 // below the top of a cell
	margin     = 16
)

const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-labelledby="title desc">
<title id="title">%s</title>
<desc id="desc">%s</desc>
<style>
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace; white-space: pre; fill: #d0d7de }
path { fill: #d0d7de }
.b { font-weight: bold; fill: #fff } .f { fill: #8b949e } path.f { fill: #30363d }
.c1 { fill: #ff7b72 } .c2 { fill: #3fb950 } .c3 { fill: #e3b341 } .c4 { fill: #79c0ff } .c5 { fill: #d2a8ff } .c6 { fill: #56d4dd } .c7 { fill: #fff }
.s { opacity: .25 }
</style>
<rect width="100%%" height="100%%" rx="8" fill="#0d1117"/>
`

// draw returns the picture of a screen. It places text by columns, whatever the width of
// the reader's font, and draws blocks and lines, which fit together in few fonts, as paths.
func draw(lines [][]run, title, desc string) []byte {
	columns := 0
	for _, runs := range lines {
		for _, r := range runs {
			columns = max(columns, r.at+r.width)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, head, int(float64(columns)*cellWidth)+2*margin, len(lines)*cellHeight+2*margin,
		html.EscapeString(title), html.EscapeString(desc))
	for y, runs := range lines {
		top := margin + y*cellHeight
		for _, r := range runs {
			drawRun(&b, r, top)
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// drawRun draws the words of a run as text, and its blocks as one path for each shade.
func drawRun(b *bytes.Buffer, r run, top int) {
	var solid, shade path
	word, begun := "", 0
	end := func() {
		if w := strings.TrimRight(word, " "); w != "" {
			fmt.Fprintf(b, `<text x="%s" y="%d"%s textLength="%s">%s</text>`+"\n", x(begun), top+baseline, r.class(""),
				number(float64(ansi.StringWidth(w))*cellWidth), html.EscapeString(w))
		}
		word = ""
	}
	column := r.at
	for _, c := range r.text {
		from, to, isBlock := block(c)
		switch {
		case isBlock && c == '░':
			end()
			shade.add(column, top, from, to)
		case isBlock:
			end()
			solid.add(column, top, from, to)
		case c == ' ' && (word == "" || strings.HasSuffix(word, " ")):
			end() // a gap
		default:
			if word == "" {
				begun = column
			}
			word += string(c)
		}
		column += ansi.StringWidth(string(c))
	}
	end()
	solid.draw(b, r.class(""))
	shade.draw(b, r.class("s"))
}

// block returns the part of a cell that a character fills, from its top.
func block(c rune) (from, to float64, ok bool) {
	switch {
	case c == '█' || c == '░':
		return 0.08, 0.92, true
	case c >= '▁' && c <= '▇':
		return 0.92 - 0.84*float64(c-'▁'+1)/8, 0.92, true
	case c == '─':
		return 0.47, 0.53, true
	}
	return 0, 0, false
}

// path is a path of rectangles. Neighbours of the same height are one.
type path struct {
	data          strings.Builder
	at, next, top int
	from, to      float64
}

func (p *path) add(column, top int, from, to float64) {
	if column == p.next && p.next > p.at && from == p.from && to == p.to {
		p.next++
		return
	}
	p.flush()
	p.at, p.next, p.top, p.from, p.to = column, column+1, top, from, to
}

func (p *path) flush() {
	if p.next > p.at {
		h := number((p.to - p.from) * cellHeight)
		w := number(float64(p.next-p.at) * cellWidth)
		fmt.Fprintf(&p.data, "M%s %sh%sv%sh-%sz", x(p.at), number(float64(p.top)+p.from*cellHeight), w, h, w)
	}
	p.at, p.next = 0, 0
}

func (p *path) draw(b *bytes.Buffer, class string) {
	p.flush()
	if p.data.Len() > 0 {
		fmt.Fprintf(b, `<path%s d="%s"/>`+"\n", class, p.data.String())
	}
}

// class returns the attribute that selects the style, and more.
func (s style) class(more string) string {
	var names []string
	if s.bold {
		names = append(names, "b")
	}
	if s.faint {
		names = append(names, "f")
	}
	if s.colour > 0 {
		names = append(names, fmt.Sprintf("c%d", s.colour))
	}
	if more != "" {
		names = append(names, more)
	}
	if len(names) == 0 {
		return ""
	}
	return ` class="` + strings.Join(names, " ") + `"`
}

// x returns the place of a column.
func x(column int) string { return number(margin + float64(column)*cellWidth) }

// number formats with one decimal, if that is not 0.
func number(f float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0") }
