// Package report holds the results of a measurement, works out what is said of them,
// and writes them: as tables for a terminal and for a page, as a digest for a first
// page, in the format of Go benchmarks, and as plots. A [Report] in JSON holds all of
// it, so that the other forms can be written later.
package report

import (
	"time"
)

// Report is a whole measurement.
type Report struct {
	Date     time.Time `json:"date"`
	Machine  Machine   `json:"machine"`
	Settings Settings  `json:"settings"`
	Results  []Result  `json:"results"`
}

// Settings say how to measure.
type Settings struct {
	Runs     int           `json:"runs"`     // of each case
	Duration time.Duration `json:"duration"` // of one run, nanoseconds
	Pinned   bool          `json:"pinned"`   // the receiver on one CPU, its senders on another
}
