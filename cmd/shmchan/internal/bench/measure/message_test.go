package measure

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The receiver's checks detect every defect of a message.
func TestChecksSeeWhatIsWrong(t *testing.T) {
	inPlace := func(size, who int, n uint64) []byte {
		msg := make([]byte, size)
		Fill(msg, uint64(who)<<SenderShift|n)
		return msg
	}
	numbered := func(size, who int, n uint64) []byte {
		msg := NewMessage(size, who)
		Number(msg, who, n)
		return msg
	}
	for _, tt := range []struct {
		name  string
		size  int
		make  func(size, who int, n uint64) []byte
		check func(*Checker, []byte) error
		bytes []int // each of which is checked
	}{
		{"every byte of 64", 64, numbered, (*Checker).Small, []int{0, 7, 8, 31, 40, 63}},
		{"every byte of 32", 32, numbered, (*Checker).Every, []int{0, 7, 8, 31}},
		{"every byte of 100", 100, numbered, (*Checker).Every, []int{0, 7, 8, 95, 99}},
		{"the edges of 1024", 1024, numbered, (*Checker).Edges, []int{0, 1016, 1023}},
		{"every byte of 1024 in place", 1024, inPlace, (*Checker).Whole, []int{0, 8, 500, 1023}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := NewChecker(tt.size)
			for n := range uint64(3) {
				for who := range 4 {
					require.NoError(t, tt.check(c, tt.make(tt.size, who, n)))
				}
			}
			require.Error(t, tt.check(c, tt.make(tt.size, 1, 2)), "again")
			require.Error(t, tt.check(c, tt.make(tt.size, 1, 4)), "a message is missing")
			require.Error(t, tt.check(c, tt.make(tt.size, 1, 3)[:tt.size-8]), "cut off")
			for _, i := range tt.bytes {
				msg := tt.make(tt.size, 1, 3)
				msg[i] ^= 0x10
				require.Error(t, tt.check(c, msg), "byte %d", i)
			}
			require.NoError(t, tt.check(c, tt.make(tt.size, 1, 3)))
		})
	}
}
