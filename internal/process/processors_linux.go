package process

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// Processors returns the number of online processors of the machine, including those
// that this process may not use.
func Processors() int { return processors() }

var processors = sync.OnceValue(func() int {
	raw, err := os.ReadFile("/sys/devices/system/cpu/online")
	if n := countList(strings.TrimSpace(string(raw))); err == nil && n > 0 {
		return n
	}
	return runtime.NumCPU()
})

// countList counts the numbers of a list such as 0-3,6. It returns 0 if the list is
// invalid.
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
