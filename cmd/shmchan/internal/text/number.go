// Package text formats what the command prints for people: numbers, durations, names
// that may contain anything, and columns.
package text

import (
	"fmt"
	"strconv"
	"strings"
)

var binaryUnits = [...]string{"", "K", "M", "G", "T", "P", "E"}

// Size formats n bytes in the units of --capacity, such as 64K. It is exact if that needs
// no fraction, and otherwise has one decimal.
func Size(n uint64) string {
	i := 0
	for whole := n; whole >= 1024 && i < len(binaryUnits)-1; i++ {
		whole /= 1024
	}
	scale := uint64(1) << (10 * i)
	if n%scale == 0 {
		return strconv.FormatUint(n/scale, 10) + binaryUnits[i]
	}
	return strconv.FormatFloat(float64(n)/float64(scale), 'f', 1, 64) + binaryUnits[i]
}

// Bytes is like Size, but adds "bytes" to a number without a unit.
func Bytes(n uint64) string {
	if n < 1024 {
		return strconv.FormatUint(n, 10) + " bytes"
	}
	return Size(n)
}

// ShortSize formats n bytes in powers of 1024, in at most six columns: 12.3K.
func ShortSize(n float64) string { return short(n, 1024, binaryUnits[:]) }

// Count formats a number in powers of 1000, in at most six columns: 12.3k.
func Count(n float64) string { return short(n, 1000, []string{"", "k", "M", "G", "T"}) }

func short(n, base float64, units []string) string {
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

// Percent formats part as a share of whole. The result is 0% only for nothing, and 100%
// only for the whole.
func Percent[N int | float64](part, whole N) string {
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

// Plural formats n things: "1 message", "2 messages".
func Plural[N int | uint64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprint(n, " ", thing, "s")
}
