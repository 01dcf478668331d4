package measure

import (
	"testing"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m, nil) }
