package frame

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonSlack is how much longer than its message, fully escaped, a line may be:
// room for the other keys.
const jsonSlack = 64 << 10

// jsonLimit returns the longest line for a message of max bytes: one byte
// takes six at most, as \u0000.
func jsonLimit(max int) int {
	if max > math.MaxInt/6 {
		return math.MaxInt
	}
	return satAdd(6*max, jsonSlack)
}

// appendJSON appends the line of one message, as "data" where it is UTF-8.
func appendJSON(dst, msg []byte, from Origin) []byte {
	dst = append(dst, '{')
	if from.Name != "" {
		dst = append(dst, `"name":"`...)
		dst = appendEscaped(dst, []byte(strings.ToValidUTF8(from.Name, "\ufffd")))
		dst = append(dst, `",`...)
	}
	dst = append(dst, `"seq":`...)
	dst = strconv.AppendUint(dst, from.Seq, 10)
	dst = append(dst, `,"sender":`...)
	dst = strconv.AppendInt(dst, int64(from.Sender), 10)
	dst = append(dst, `,"pid":`...)
	dst = strconv.AppendInt(dst, int64(from.PID), 10)
	if utf8.Valid(msg) {
		dst = append(dst, `,"data":"`...)
		dst = appendEscaped(dst, msg)
	} else {
		dst = append(dst, `,"data_b64":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, msg)
	}
	return append(dst, '"', '}', '\n')
}

// appendEscaped appends s, which is UTF-8, as the inside of a JSON string. It
// escapes what JSON demands, and the three line ends of Unicode, because some
// readers of JSON Lines split there too.
func appendEscaped(dst, s []byte) []byte {
	plain := 0 // s[plain:i] stands for itself
	for i := nextSuspect(s, 0); i < len(s); i = nextSuspect(s, i) {
		esc, n := escape(s[i:])
		if n == 0 {
			i++
			continue
		}
		dst = append(dst, s[plain:i]...)
		dst = append(dst, esc...)
		i += n
		plain = i
	}
	return append(dst, s[plain:]...)
}

// nextSuspect returns the index of the first suspect byte at or behind i, or the length.
func nextSuspect(s []byte, i int) int {
	for ; len(s)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		// 0xC2 and 0xE2 differ in one bit.
		if found := special(w) | zeroBytes((w|' '*ones)^0xE2*ones); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && !suspect[s[i]] {
		i++
	}
	return i
}

// suspect holds the first bytes of everything that escape may escape.
var suspect = func() (t [256]bool) {
	for c := range ' ' {
		t[c] = true
	}
	t['"'], t['\\'], t[0xC2], t[0xE2] = true, true, true, true
	return t
}()

// escape returns what stands for the first n bytes of s; n is 0 if they stand
// for themselves.
func escape(s []byte) (esc string, n int) {
	switch c := s[0]; {
	case c < ' ':
		return controlEscapes[c], 1
	case c == '"':
		return `\"`, 1
	case c == '\\':
		return `\\`, 1
	case c == 0xC2 && s[1] == 0x85:
		return `\u0085`, 2
	case c == 0xE2 && s[1] == 0x80 && s[2] == 0xA8:
		return `\u2028`, 3
	case c == 0xE2 && s[1] == 0x80 && s[2] == 0xA9:
		return `\u2029`, 3
	}
	return "", 0
}

var controlEscapes = func() (t [' ']string) {
	for c := range t {
		t[c] = fmt.Sprintf(`\u%04x`, c)
	}
	t['\n'], t['\r'], t['\t'] = `\n`, `\r`, `\t`
	return t
}()

// emitJSON takes the message of one line.
func (d *Decoder) emitJSON(line []byte) {
	p := jsonLine{s: line, arena: d.arena}
	msg, err := p.message()
	if err != nil {
		d.broken(err.Error(), nil)
		return
	}
	d.arena = p.arena
	d.emit(msg)
}
