package bench

import (
	"testing"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

func TestMain(m *testing.M) {
	ends[kindBurst], ends[kindBareBurst], ends[kindBareTrip] = openBurst, openBareBurst, openBareTrip
	Role() // does not return in a process that a measurement started
	proctest.Main(m, nil)
}
