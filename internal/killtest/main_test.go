//go:build failpoints

package killtest

import (
	"testing"

	"github.com/shmchan/shmchan/internal/proctest"
)

func TestMain(m *testing.M) {
	proctest.Main(m, map[string]proctest.Role{"victim": victimRole})
}
