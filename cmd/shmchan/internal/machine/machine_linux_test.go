package machine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFeaturesNameWhatIsRequired(t *testing.T) {
	required := 0
	for _, f := range Features() {
		require.NotEmpty(t, f.Name)
		require.NotEmpty(t, f.Since)
		require.NotEqual(t, f.Required, f.Without != "", "%s: what is done without it", f.Name)
		if f.Required {
			required++
			require.NoError(t, f.Err, "this test would not run without channels")
		}
	}
	require.Equal(t, 2, required)
}
