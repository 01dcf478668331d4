package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// The layout of a chart, in pixels. The legend stands in the right margin of the plot.
const (
	svgWidth, svgHeight     = 860, 430
	plotLeft, plotRight     = 78, svgWidth - 150
	plotTop, plotBottom     = 66, svgHeight - 56
	legendLeft, legendRow   = plotRight + 20, 21
	sampleWidth, lineHeight = 30, 4 // of a legend's line; from a baseline to the middle of a letter
)

// colours distinguish lines. All are readable on white and on near black.
var colours = []string{"#2f7ed8", "#e0702a", "#2ca05a", "#d6455d", "#8a63d2", "#1f9fb0", "#b8860b", "#c2589b"}

// dashes distinguish lines of the same colour.
var dashes = []string{"", "6 4", "2 3"}

// style draws plots dark where the viewer prefers dark colours. A viewer that does not
// know the media query draws them on white.
const style = `
svg { font: 12px system-ui, "DejaVu Sans", sans-serif }
.page { fill: #ffffff }
text { fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.about, .tick { fill: #59636e; font-size: 11px }
.grid { stroke: #808a94; stroke-opacity: 0.45 }
.minor { stroke: #808a94; stroke-opacity: 0.18 }
.frame { fill: none; stroke: #808a94 }
.line { fill: none; stroke-width: 2; stroke-linejoin: round }
.spread { stroke-width: 1.5; stroke-opacity: 0.7 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 }
text { fill: #e6edf3 }
.about, .tick { fill: #9198a1 }
}
`

// picture is an SVG that is being written.
type picture struct{ bytes.Buffer }

// writeSVG draws the charts, one below the other.
func writeSVG(w io.Writer, charts []*chart) error {
	var p picture
	height := svgHeight * len(charts)
	p.line(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img">`, svgWidth, height)
	titles := make([]string, len(charts))
	for i, c := range charts {
		titles[i] = c.title
	}
	p.line(`<title>%s</title>`, escaped.Replace(strings.Join(titles, "; ")))
	p.line(`<style>%s</style>`, style)
	p.line(`<rect class="page" width="%d" height="%d"/>`, svgWidth, height)
	for i, c := range charts {
		p.line(`<g transform="translate(0 %d)">`, i*svgHeight)
		p.chart(c)
		p.line(`</g>`)
	}
	p.line(`</svg>`)
	_, err := p.WriteTo(w)
	return err
}

// escaped replaces what text in XML cannot contain.
var escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func (p *picture) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// text writes a line of text at the place that the attributes name.
func (p *picture) text(class, attributes, s string) {
	p.line(`<text class="%s" %s>%s</text>`, class, attributes, escaped.Replace(s))
}

func (p *picture) chart(c *chart) {
	p.text("title", fmt.Sprintf(`x="%d" y="26"`, plotLeft), c.title)
	p.text("about", fmt.Sprintf(`x="%d" y="46"`, plotLeft), c.subtitle)
	p.axes(c)
	for i, l := range c.lines {
		p.series(c, i, l)
	}
	p.legend(c)
}

// left and top return where a figure lies in the picture.
func (c *chart) left(v float64) float64 { return plotLeft + (plotRight-plotLeft)*c.x.fraction(v) }
func (c *chart) top(v float64) float64  { return plotBottom - (plotBottom-plotTop)*c.y.fraction(v) }

func (p *picture) axes(c *chart) {
	class := func(t tick) string {
		if t.label == "" {
			return "minor"
		}
		return "grid"
	}
	for _, t := range c.y.ticks {
		y := c.top(t.value)
		p.line(`<path class="%s" d="M%d %.1fH%d"/>`, class(t), plotLeft, y, plotRight)
		p.text("tick", fmt.Sprintf(`x="%d" y="%.1f" text-anchor="end"`, plotLeft-8, y+lineHeight), t.label)
	}
	for _, t := range c.x.ticks {
		x := c.left(t.value)
		p.line(`<path class="%s" d="M%.1f %dV%d"/>`, class(t), x, plotTop, plotBottom)
		p.text("tick", fmt.Sprintf(`x="%.1f" y="%d" text-anchor="middle"`, x, plotBottom+18), t.label)
	}
	p.line(`<rect class="frame" x="%d" y="%d" width="%d" height="%d"/>`, plotLeft, plotTop, plotRight-plotLeft, plotBottom-plotTop)
	p.text("label", fmt.Sprintf(`x="%d" y="%d" text-anchor="middle"`, (plotLeft+plotRight)/2, plotBottom+40), c.x.label)
	p.text("label", fmt.Sprintf(`transform="translate(16 %d) rotate(-90)" text-anchor="middle"`, (plotTop+plotBottom)/2), c.y.label)
}

// stroke returns the attributes of the i-th line: its colour and dashes.
func stroke(i int) string {
	s := fmt.Sprintf(`stroke="%s"`, colours[i%len(colours)])
	if d := dashes[i/len(colours)%len(dashes)]; d != "" {
		s += fmt.Sprintf(` stroke-dasharray="%s"`, d)
	}
	return s
}

// mark draws the i-th line's point.
func (p *picture) mark(i int, x, y float64) {
	p.line(`<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`, x, y, colours[i%len(colours)])
}

func (p *picture) series(c *chart, i int, l line) {
	var path strings.Builder
	for n, at := range l.points {
		fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(n, 1)], c.left(at.x), c.top(at.y))
	}
	p.line(`<path class="line" %s d="%s"/>`, stroke(i), path.String())
	for _, at := range l.points {
		if !l.marks {
			continue
		}
		x := c.left(at.x)
		if at.low < at.high {
			p.line(`<path class="spread" stroke="%s" d="M%.1f %.1fV%.1f"/>`, colours[i%len(colours)], x, c.top(c.y.clip(at.low)), c.top(at.high))
		}
		p.mark(i, x, c.top(at.y))
	}
}

func (p *picture) legend(c *chart) {
	for i, l := range c.lines {
		y := plotTop + 10 + float64(i*legendRow)
		p.line(`<path class="line" %s d="M%d %.1fh%d"/>`, stroke(i), legendLeft, y, sampleWidth)
		if l.marks {
			p.mark(i, legendLeft+sampleWidth/2, y)
		}
		p.text("legend", fmt.Sprintf(`x="%d" y="%.1f"`, legendLeft+sampleWidth+8, y+lineHeight), l.name)
	}
}
