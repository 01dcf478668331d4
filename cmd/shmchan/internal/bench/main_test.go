package bench

import (
	"fmt"
	"os"
	"testing"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

func TestMain(m *testing.M) {
	parts[kindBurst], parts[kindBareBurst], parts[kindBareTrip] = openBurst, openBareBurst, openBareTrip
	if len(os.Args) == 3 && os.Args[1] == WorkerVerb {
		if err := Work(os.Args[2], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	proctest.Main(m, nil)
}
