package process

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// Processors returns how many processors the machine has on line, whichever of
// them this process may use.
func Processors() int { return processors() }

var processors = sync.OnceValue(func() int {
	raw, err := os.ReadFile("/sys/devices/system/cpu/online")
	if n := countList(strings.TrimSpace(string(raw))); err == nil && n > 0 {
		return n
	}
	return runtime.NumCPU()
})

// countList counts the numbers of a list such as 0-3,6; 0 if it is none.
func countList(list string) (n int) {
	for part := range strings.SplitSeq(list, ",") {
		low, high, isRange := strings.Cut(part, "-")
		from, err := strconv.Atoi(low)
		to := from
		if isRange && err == nil {
			to, err = strconv.Atoi(high)
		}
		if err != nil || to < from {
			return 0
		}
		n += to - from + 1
	}
	return n
}
