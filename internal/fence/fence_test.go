package fence

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRegisterIsIdempotentAndAgreesWithEverywhere(t *testing.T) {
	if runtime.GOOS != "linux" {
		require.False(t, Register())
		return
	}
	first := Register()
	require.Equal(t, first, Register())
	if first {
		require.True(t, Everywhere())
	}
}
