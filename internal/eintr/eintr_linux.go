package eintr

import "golang.org/x/sys/unix"

// tries bounds the retries: a call that is interrupted every time fails with EINTR. On
// a local file system none of the calls blocks, so one retry is enough.
const tries = 100

// Retry calls fn again while it returns EINTR.
func Retry(fn func() error) (err error) {
	for range tries {
		if err = fn(); err != unix.EINTR {
			break
		}
	}
	return err
}
