package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	got := parse("plain \x1b[1;31mred\x1b[0m\x1b[39m\x1b[49m end\n\x1b[2mfaint\n still\x1b[22m\x1b[36m通道\x1b[39m.\n\x1b[m\n\n")
	require.Equal(t, [][]run{
		{{style{}, 0, "plain ", 6}, {style{bold: true, colour: 1}, 6, "red", 3}, {style{}, 9, " end", 4}},
		{{style{faint: true}, 0, "faint", 5}},
		{{style{faint: true}, 0, " still", 6}, {style{colour: 6}, 6, "通道", 4}, {style{}, 10, ".", 1}},
	}, got)
	require.Empty(t, parse("\n\n"))
}

func TestDrawPlacesTextByColumns(t *testing.T) {
	svg := string(draw(parse("a b  c<&\x1b[1m▸ d\n"), "title", "desc"))
	for _, want := range []string{
		`<text x="16" y="29" textLength="25.2">a b</text>`,
		`<text x="58" y="29" textLength="25.2">c&lt;&amp;</text>`,
		`<text x="83.2" y="29" class="b" textLength="25.2">▸ d</text>`,
	} {
		require.Contains(t, svg, want)
	}
}

func TestDrawJoinsBlocks(t *testing.T) {
	svg := string(draw(parse("\x1b[32m██░░\x1b[2m──\n"), "title", "desc"))
	require.Equal(t, 3, strings.Count(svg, "<path"))
	require.Contains(t, svg, `<path class="c2" d="M16 17.4h16.8v15.1h-16.8z"/>`)
	require.Contains(t, svg, `<path class="c2 s" d="M32.8 17.4h16.8v15.1h-16.8z"/>`)
	require.Contains(t, svg, `<path class="f c2" d="M49.6 `)
}

func TestPictureIsWellFormed(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, convert(strings.NewReader("\x1b[31m!\x1b[m ▁▂▃▄▅▆▇█ <\"&'>\n"), &out, `<"&'>`, `a & b`))
	for d := xml.NewDecoder(&out); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
}
