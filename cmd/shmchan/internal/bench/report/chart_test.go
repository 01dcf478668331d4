package report

import (
	"bytes"
	"encoding/xml"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
)

func TestLogAxisHoldsEveryPoint(t *testing.T) {
	for name, tt := range map[string]struct {
		points   []point
		min, max float64
		labels   string
	}{
		"within a decade":         {[]point{at(0, 3), at(1, 4)}, 2, 5, ""},
		"ends at ticks":           {[]point{at(0, 2), at(1, 5)}, 2, 5, ""},
		"several decades":         {[]point{at(0, 80), at(1, 6400)}, 50, 10000, "100 ns 1 µs 10 µs "},
		"one figure":              {[]point{at(0, 3)}, 2, 5, ""},
		"one figure, at a tick":   {[]point{at(0, 1)}, 1, 2, "1 ns "},
		"a range about a median":  {[]point{{0, 30, 3, 300}}, 2, 500, "10 ns 100 ns "},
		"a run that came to none": {[]point{{0, 30, 0, 40}}, 20, 50, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := logAxis("", nanos, []line{{points: tt.points}})
			require.InEpsilon(t, tt.min, a.min, 1e-9)
			require.InEpsilon(t, tt.max, a.max, 1e-9)
			labels := ""
			for _, tick := range a.ticks {
				if tick.label != "" {
					labels += tick.label + " "
				}
			}
			require.Equal(t, tt.labels, labels)
			for _, p := range tt.points {
				require.GreaterOrEqual(t, a.fraction(p.y), -1e-9)
				require.LessOrEqual(t, a.fraction(p.high), 1+1e-9)
				require.GreaterOrEqual(t, a.fraction(a.clip(p.low)), -1e-9)
			}
		})
	}
}

func TestTextOfAPlotIsEscaped(t *testing.T) {
	c := &chart{title: "a < b", subtitle: "CPU & more", lines: []line{{name: "<line>", points: []point{at(0, 1), at(1, 2)}}}}
	c.x, c.y = percentileAxis(1), logAxis("", nanos, c.lines)
	var b bytes.Buffer
	require.NoError(t, writeSVG(&b, []*chart{c}))
	require.NoError(t, xml.Unmarshal(b.Bytes(), &struct{}{}))
	require.Contains(t, b.String(), "CPU &amp; more")
	require.Contains(t, b.String(), "&lt;line&gt;")
}

// Quantile 0 of a histogram is 0: the line begins at the quickest round trip.
func TestPercentilesBeginAtTheQuickest(t *testing.T) {
	h := hdrhistogram.New(1, int64(measure.Longest), 3)
	for n := int64(0); n < 1000; n++ {
		require.NoError(t, h.RecordValue(200+n/2))
	}
	raw, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	require.NoError(t, err)
	points, err := percentileLine(&Result{Runs: []Run{{Hist: raw}}})
	require.NoError(t, err)
	require.Equal(t, at(0, 100), points[0])
}
