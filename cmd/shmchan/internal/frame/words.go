package frame

// The functions below look at eight bytes at a time, as one word. The byte at the lowest
// address is the lowest byte of the word.

const (
	ones  = 0x0101010101010101 // each byte is 1
	highs = 0x8080808080808080 // the high bit of each byte
)

// zeroBytes returns a word in which a high bit marks a zero byte of w. Bits above the
// lowest one may mark other bytes too, so the result tells exactly whether w has a zero
// byte, and which is the first.
func zeroBytes(w uint64) uint64 { return (w - ones) &^ w & highs }

// special marks, as zeroBytes does, the bytes of w that need an escape in a JSON string:
// control characters, the quote and the backslash.
func special(w uint64) uint64 {
	return zeroBytes(w&(0xE0*ones)) | zeroBytes(w^'"'*ones) | zeroBytes(w^'\\'*ones)
}
