package frame

// Eight bytes at a time, as one word: the byte of the lowest address is the lowest.

const (
	ones  = 0x0101010101010101 // each byte is 1
	highs = 0x8080808080808080 // the high bit of each byte
)

// zeroBytes marks, by its high bit, a byte of w that is zero. Above the lowest one it
// may mark others too: so it is exact about whether there is one, and about the first.
func zeroBytes(w uint64) uint64 { return (w - ones) &^ w & highs }

// special marks, as zeroBytes does, a byte of w that does not stand for itself in a JSON
// string: a control character, the quote or the backslash.
func special(w uint64) uint64 {
	return zeroBytes(w&(0xE0*ones)) | zeroBytes(w^'"'*ones) | zeroBytes(w^'\\'*ones)
}
