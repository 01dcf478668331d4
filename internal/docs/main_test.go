package docs

import (
	"testing"

	"github.com/shmchan/shmchan/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m, nil) }
