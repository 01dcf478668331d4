package ipc

// ReleaseFirst gives the first n of the messages that Next and TryNext returned
// since the last release back to the senders, and keeps the others: they stay
// valid, and the next call of Next goes on behind them. It gives what Intact gives,
// or an error that wraps fs.ErrInvalid if fewer were returned, and then has
// released nothing. It costs a walk over the messages that were returned.
func (r *Receiver) ReleaseFirst(n int) error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	if err := r.sound("recv", nil); err != nil {
		return err
	}
	held := r.rx.Unreleased()
	if n < 0 || n > held {
		return r.fail("recv", invalid("release of %d messages: from 0 to the %d that were returned", n, held))
	}
	// What was returned is there, whoever has gone meanwhile.
	final := r.final
	r.final = nil
	defer func() { r.final = final }()
	r.rx.Rewind()
	if err := r.walk(n); err != nil {
		return err
	}
	if n > 0 {
		r.rx.Release()
	}
	return r.walk(held - n)
}

// walk goes on by n messages that were returned before.
func (r *Receiver) walk(n int) error {
	for range n {
		if _, err := r.tryNext(); err != nil {
			return err
		}
	}
	return nil
}
