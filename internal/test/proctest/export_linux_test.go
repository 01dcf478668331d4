package proctest

// SignalSet is signalSet for the tests of roles.
func SignalSet(name string) uint64 {
	set, err := signalSet(name)
	if err != nil {
		panic(err)
	}
	return set
}
