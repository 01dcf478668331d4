package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFiguresAndTheirTargets(t *testing.T) {
	base, ratio := &Spread{Median: 10}, func(median float64) *Spread { return &Spread{Median: median} }
	for name, tt := range map[string]struct {
		f        Figure
		met, has bool
		target   string
	}{
		"no target":                           {f: Figure{Unit: Percent, Value: Spread{Median: 3}}},
		"at most, reached":                    {Figure{Unit: Percent, Most: 3, Value: Spread{Median: 3}}, true, true, "≤ 3.00 %"},
		"at most, missed":                     {Figure{Unit: Percent, Most: 3, Value: Spread{Median: 3.1}}, false, true, "≤ 3.00 %"},
		"at least, reached":                   {Figure{Unit: Number, Least: 256, Value: Spread{Median: 256}}, true, true, "≥ 256"},
		"at least, missed":                    {Figure{Unit: Number, Least: 256, Value: Spread{Median: 255}}, false, true, "≥ 256"},
		"by a baseline, reached":              {Figure{Unit: Percent, Most: 5, OfOther: true, Baseline: base, Ratio: ratio(5)}, true, true, "≤ 5.00 × baseline"},
		"by a baseline, missed":               {Figure{Unit: Percent, Most: 5, OfOther: true, Baseline: base, Ratio: ratio(5.1), Value: Spread{Median: 51}}, false, true, "≤ 5.00 × baseline"},
		"by a baseline that is none":          {Figure{Unit: Percent, Most: 5, OfOther: true}, false, true, "≤ 5.00 × baseline"},
		"at least so many baselines, reached": {Figure{Unit: PerSecond, Least: 0.8, OfOther: true, Baseline: base, Ratio: ratio(0.8)}, true, true, "≥ 0.80 × baseline"},
		"at least so many baselines, missed":  {Figure{Unit: PerSecond, Least: 0.8, OfOther: true, Baseline: base, Ratio: ratio(0.79)}, false, true, "≥ 0.80 × baseline"},
		"small beside any baseline": {Figure{Unit: Nanoseconds, Most: 2, OfOther: true, NotUnder: 1000, Baseline: base, Value: Spread{Median: 900}},
			true, true, "≤ 2.00 × baseline, or 1.00 µs"},
	} {
		t.Run(name, func(t *testing.T) {
			met, has := tt.f.Met()
			require.Equal(t, tt.met, met)
			require.Equal(t, tt.has, has)
			require.Equal(t, tt.target, tt.f.target())
		})
	}
}
