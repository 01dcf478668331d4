package main

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseSize(t *testing.T) {
	for in, want := range map[string]uint64{
		"0": 0, "1": 1, "4096": 4096, "1K": 1 << 10, "64M": 64 << 20, "4G": 4 << 30, "8589934591G": 8589934591 << 30,
	} {
		got, err := parseSize(in)
		if want > math.MaxInt { // in 32 bits
			require.ErrorContains(t, err, "too large for this machine", in)
			continue
		}
		require.NoError(t, err, in)
		require.EqualValues(t, want, got, in)
	}
	for _, in := range []string{"", "K", "-1", "+1", "1k", "1KB", "1KiB", "1.5M", " 1", "1 K", "0x10", "1T", "8589934592G", "99999999999999999999"} {
		_, err := parseSize(in)
		require.Error(t, err, in)
	}
}

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{"0": 0, "250ms": 250 * time.Millisecond, "1m30s": 90 * time.Second} {
		got, err := parseDuration(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
	}
	for _, in := range []string{"", "5", "-1s", "soon"} {
		_, err := parseDuration(in)
		require.Error(t, err, in)
	}
}

func TestParseMode(t *testing.T) {
	got, err := parseMode("0660")
	require.NoError(t, err)
	require.EqualValues(t, 0o660, got)
	for _, in := range []string{"", "0", "8", "rw", "-1", "1777"} {
		_, err := parseMode(in)
		require.Error(t, err, in)
	}
}
