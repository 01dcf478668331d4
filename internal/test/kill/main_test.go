//go:build failpoints

package kill

import (
	"testing"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

func TestMain(m *testing.M) {
	proctest.Main(m, map[string]proctest.Role{"victim": victimRole})
}
