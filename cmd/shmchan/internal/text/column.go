package text

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Fit returns s truncated to w columns, with an ellipsis if anything is missing.
func Fit(s string, w int) string { return ansi.Truncate(s, max(w, 0), "…") }

// Left returns s in exactly w columns, truncated or padded on the right.
func Left(s string, w int) string {
	s = Fit(s, w)
	return s + strings.Repeat(" ", max(w-ansi.StringWidth(s), 0))
}

// Right returns s in exactly w columns, truncated or padded on the left.
func Right(s string, w int) string {
	s = Fit(s, w)
	return strings.Repeat(" ", max(w-ansi.StringWidth(s), 0)) + s
}

// OrDash returns s, or a dash for a cell that would be empty.
func OrDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
