package eintr

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestRetryGivesUpOnACallThatIsAlwaysInterrupted(t *testing.T) {
	calls := 0
	require.ErrorIs(t, Retry(func() error { calls++; return unix.EINTR }), unix.EINTR)
	require.Equal(t, tries, calls)

	calls = 0
	require.NoError(t, Retry(func() error {
		if calls++; calls < 3 {
			return unix.EINTR
		}
		return nil
	}))
	require.ErrorIs(t, Retry(func() error { return unix.EAGAIN }), unix.EAGAIN)
}
