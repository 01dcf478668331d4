package bench

import (
	"sync/atomic"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/peer"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/reference"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// What the processes of a case do, by Spec.Kind.
const (
	kindTrip   = "trip"
	kindLine   = "line"
	kindFutex  = "futex"
	kindFlood  = "flood"
	kindRing   = "ring"
	kindAttach = "attach"
	kindIdle   = "idle"

	kindPeerTrip  = "peer-trip"
	kindPeerFlood = "peer-flood"

	kindPipeline = "pipeline" // runs no workers, see pipeline.go

	// Of gathering, see gather.go.
	kindInTurns = "in-turns"
	kindClaims  = "claims"
	kindPlain   = "plain"
	kindStart   = "start" // runs no workers, see gather_start.go

	// Of waiting, see waiting.go.
	kindFair        = "fair"
	kindBlocked     = "blocked"
	kindBlockedPipe = "blocked-pipe"
	kindDeadline    = "deadline"
	kindHandOn      = "hand-on"
	kindInside      = "inside"
	kindMany        = "many"
	kindHosts       = "hosts"
	kindDone        = "done"
	kindCut         = "cut"
)

// parts opens what a process does in a case, by Spec.Kind.
var parts = map[string]func(*self, worker.Step) (worker.Part, error){
	kindTrip:   openTrip,
	kindLine:   ofMemory(reference.OpenLine),
	kindFutex:  ofMemory(reference.OpenFutex),
	kindFlood:  openFlood,
	kindRing:   ofMemory(reference.OpenRing),
	kindAttach: openAttach,
	kindIdle:   openIdle,

	kindPeerTrip:  ofPeer(peer.OpenTrip),
	kindPeerFlood: ofPeer(peer.OpenFlood),

	kindInTurns: openInTurns,
	kindClaims:  ofMemory(reference.OpenClaims),
	kindPlain:   func(a *self, s worker.Step) (worker.Part, error) { return reference.OpenPlain(a.dir, s) },

	kindFair:        openFair,
	kindBlocked:     openBlocked,
	kindBlockedPipe: openBlockedPipe,
	kindDeadline:    openDeadline,
	kindHandOn:      openHandOn,
	kindInside:      openInside,
	kindMany:        openMany,
	kindHosts:       openHosts,
	kindDone:        openDone,
	kindCut:         openCut,
}

// ofMemory returns the opener of a reference.
func ofMemory(open func(*reference.Memory, worker.Step) (worker.Part, error)) func(*self, worker.Step) (worker.Part, error) {
	return func(a *self, s worker.Step) (worker.Part, error) { return open(a.mem, s) }
}

// ofPeer returns the opener of a peer.
func ofPeer(open func(string, *atomic.Uint64, worker.Step) (worker.Part, error)) func(*self, worker.Step) (worker.Part, error) {
	return func(a *self, s worker.Step) (worker.Part, error) { return open(a.dir, &a.mem.Quit, s) }
}
