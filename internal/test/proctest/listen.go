package proctest

// Heard returns the child's next line if one is available. over reports that the
// child has ended and every line was read.
func (p *Proc) Heard() (line string, ok, over bool) {
	select {
	case line, open := <-p.lines:
		if !open {
			<-p.done
		}
		return line, open, !open
	default:
		return "", false, false
	}
}

// Stopped reports whether the child is suspended.
func (p *Proc) Stopped() bool { return p.state() == 'T' }
