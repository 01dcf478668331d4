package proctest

// SignalSet exports signalSet to the tests of roles.
func SignalSet(name string) uint64 {
	set, err := signalSet(name)
	if err != nil {
		panic(err)
	}
	return set
}
