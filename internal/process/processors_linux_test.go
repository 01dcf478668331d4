package process

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProcessorListsAreCounted(t *testing.T) {
	for list, want := range map[string]int{"0": 1, "0-1": 2, "0-3,6": 5, "0,2-2,8-15": 10, "": 0, "x": 0, "3-1": 0, "0-": 0} {
		require.Equal(t, want, countList(list), list)
	}
}

func TestMachineHasAtLeastTheProcessorsOfThisProcess(t *testing.T) {
	require.GreaterOrEqual(t, Processors(), runtime.NumCPU())
}
