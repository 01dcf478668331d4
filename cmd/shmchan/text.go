package main

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// printable is s as it can stand in a line for a person: quoted if it holds
// what a terminal would not show.
func printable(s string) string {
	if !utf8.ValidString(s) {
		return strconv.Quote(s)
	}
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return s
}

// humanSize is n bytes in the unit that --capacity takes, exact where that is
// short, else to one place.
func humanSize(n uint64) string {
	units := [...]string{"", "K", "M", "G", "T", "P", "E"}
	i := 0
	for whole := n; whole >= 1024 && i < len(units)-1; i++ {
		whole /= 1024
	}
	scale := uint64(1) << (10 * i)
	if n%scale == 0 {
		return strconv.FormatUint(n/scale, 10) + units[i]
	}
	return strconv.FormatFloat(float64(n)/float64(scale), 'f', 1, 64) + units[i]
}

// percent is a share of a whole. Only nothing is 0 %, and only all is 100 %.
func percent(part, whole int) string {
	if whole <= 0 || part <= 0 {
		return "0%"
	}
	p := 100 * float64(part) / float64(whole)
	switch {
	case p < 1:
		return "<1%"
	case p > 99 && part < whole:
		return "99%"
	}
	return fmt.Sprintf("%.0f%%", p)
}

// humanAge is d to two or three digits.
func humanAge(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < 48*time.Hour:
		return d.Round(time.Second).String()
	}
	return strconv.Itoa(int(d.Hours())/24) + "d"
}

// plural is n things.
func plural(n uint64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.FormatUint(n, 10) + " " + thing + "s"
}

// orDash fills a cell of a table that would be empty.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
