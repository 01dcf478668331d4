package bench

// What a case's processes do, by spec.Kind.
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

	kindPipeline = "pipeline" // has no roles, see pipeline.go

	// Of gathering, see gather.go.
	kindInTurns = "in-turns"
	kindClaims  = "claims"
	kindPlain   = "plain"
	kindStart   = "start" // has no roles, see gather_start.go

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

var ends = map[string]func(*actor, step) (end, error){
	kindTrip:   openTrip,
	kindLine:   openBare,
	kindFutex:  openBare,
	kindFlood:  openFlood,
	kindRing:   openRing,
	kindAttach: openAttach,
	kindIdle:   openIdle,

	kindPeerTrip:  openPeer,
	kindPeerFlood: openPeer,

	kindInTurns: openInTurns,
	kindClaims:  openClaims,
	kindPlain:   openPlain,

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
