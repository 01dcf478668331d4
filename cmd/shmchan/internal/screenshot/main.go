// Command screenshot draws the screen of a terminal as an SVG: it reads what `tmux
// capture-pane -e -p` printed from stdin and writes the picture to stdout.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	title := flag.String("title", "", "title of the picture")
	desc := flag.String("desc", "", "description for readers who cannot see the picture")
	flag.Parse()
	if err := convert(os.Stdin, os.Stdout, *title, *desc); err != nil {
		fmt.Fprintln(os.Stderr, "screenshot:", err)
		os.Exit(1)
	}
}

func convert(r io.Reader, w io.Writer, title, desc string) error {
	screen, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, err = w.Write(draw(parse(string(screen)), title, desc))
	return err
}
