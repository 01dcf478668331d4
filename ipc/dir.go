package ipc

import "fmt"

// Dir returns the directory where plain names live: o.Dir, else $SHMCHAN_DIR, else
// the user's own below /dev/shm. It need not exist.
func Dir(o *Options) (string, error) {
	set, err := o.check()
	if err != nil {
		return "", fmt.Errorf("dir: %w", err)
	}
	home, err := set.home(false)
	if err != nil {
		return "", fmt.Errorf("dir: %w", err)
	}
	return home.Dir, nil
}
