package report

import (
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
)

// Machine describes where a report was measured.
type Machine struct {
	CPU        string  `json:"cpu"`
	Processors int     `json:"processors"`
	Virtual    bool    `json:"virtual"`
	Kernel     string  `json:"kernel"`
	GOOS       string  `json:"goos"`
	GOARCH     string  `json:"goarch"`
	Go         string  `json:"go"`
	Clock      float64 `json:"clock_ns"` // what one reading of the clock takes; each round trip includes one
}

// ThisMachine describes the machine that this process runs on.
func ThisMachine() (Machine, error) {
	modelName := regexp.MustCompile(`(?m)^(?:model name|Model|cpu model)\s*:\s*(.+)$`)
	hypervisor := regexp.MustCompile(`(?m)^flags\s*:.*\bhypervisor\b`)
	m := Machine{CPU: "unknown", Processors: runtime.NumCPU(), GOOS: runtime.GOOS, GOARCH: runtime.GOARCH, Go: runtime.Version(), Clock: clockCost()}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m, err
	}
	if found := modelName.FindSubmatch(info); found != nil {
		m.CPU = string(found[1])
	}
	m.Virtual = hypervisor.Match(info)
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	m.Kernel = "Linux " + strings.TrimSpace(string(release))
	return m, err
}

func clockCost() float64 {
	const readings = 1000
	samples := make([]float64, 0, 20)
	base := time.Now()
	for range cap(samples) {
		from := time.Since(base)
		for range readings {
			_ = time.Since(base)
		}
		samples = append(samples, float64(time.Since(base)-from)/readings)
	}
	return measure.Median(samples)
}
