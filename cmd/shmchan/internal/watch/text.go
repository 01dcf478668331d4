package watch

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// scaled is n in at most six columns, in steps of base.
func scaled(n, base float64, units []string) string {
	i := 0
	for n >= base*0.9995 && i < len(units)-1 {
		n /= base
		i++
	}
	if i == 0 && (n == 0 || n >= 9.95) || n >= 99.95 {
		return strconv.FormatFloat(n, 'f', 0, 64) + units[i]
	}
	return strings.TrimSuffix(strconv.FormatFloat(n, 'f', 1, 64), ".0") + units[i]
}

// Count is a number of messages, in thousands: 12.3k.
func Count(n float64) string { return scaled(n, 1000, []string{"", "k", "M", "G", "T"}) }

// Size is a number of bytes, in powers of 1024: 12.3K.
func Size(n float64) string { return scaled(n, 1024, []string{"", "K", "M", "G", "T", "P", "E"}) }

// Percent is a part of a whole. Only nothing is 0 %, and only all is 100 %.
func Percent(part float64) string {
	switch p := part * 100; {
	case p <= 0:
		return "0%"
	case p < 1:
		return "<1%"
	case p > 99 && p < 100:
		return "99%"
	default:
		return fmt.Sprintf("%.0f%%", p)
	}
}

// age is d in at most six columns.
func age(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(max(d, 0).Milliseconds(), 10) + "ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + "h"
	}
	return strconv.Itoa(int(d.Hours()/24)) + "d"
}

// plain is s without what a terminal would take for more than text.
func plain(s string) string {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// fit is s, cut to w columns, with an ellipsis if anything is missing.
func fit(s string, w int) string { return ansi.Truncate(s, max(w, 0), "…") }

// left and right are s in exactly w columns.
func left(s string, w int) string {
	s = fit(s, w)
	return s + strings.Repeat(" ", max(w-ansi.StringWidth(s), 0))
}

func right(s string, w int) string {
	s = fit(s, w)
	return strings.Repeat(" ", max(w-ansi.StringWidth(s), 0)) + s
}

// plural is n things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
