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

// jsonFormat: {"seq":1,"sender":0,"pid":42,"data":"text"} | \n, or "data_b64" for bytes
// that are not UTF-8
var jsonFormat = format{
	name: "json", unit: "line", origin: true, limit: jsonLimit,
	cut: func(d *Decoder) { d.cutEnded('\n', (*Decoder).emitJSON) },
	finish: func(d *Decoder, rest []byte) {
		if len(rest) > 0 {
			d.emitJSON(rest)
		}
	},
	append: func(dst, msg []byte, from *Origin) ([]byte, error) { return appendJSON(dst, msg, from), nil },
}

// jsonSlack is the room in a line for keys other than that of the message.
const jsonSlack = 64 << 10

// jsonLimit returns the longest line for a message of max bytes: a byte takes at most
// six, as \u0000.
func jsonLimit(max int) int {
	if max > math.MaxInt/6 {
		return math.MaxInt
	}
	return satAdd(6*max, jsonSlack)
}

// appendJSON appends the line of one message.
func appendJSON(dst, msg []byte, from *Origin) []byte {
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

// appendEscaped appends s, which is UTF-8, as the contents of a JSON string. It escapes
// what JSON requires, and the three other line ends of Unicode, because some readers of
// JSON Lines also split there.
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

// nextSuspect returns the index of the first suspect byte of s at or after i, or len(s).
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

// suspect marks the bytes with which a sequence that escape replaces may begin.
var suspect = func() (t [256]bool) {
	for c := range ' ' {
		t[c] = true
	}
	t['"'], t['\\'], t[0xC2], t[0xE2] = true, true, true, true
	return t
}()

// escape returns the replacement for the first n bytes of s. If they need none, n is 0.
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

// emitJSON emits the message of one line.
func (d *Decoder) emitJSON(line []byte) {
	p := jsonLine{s: line, arena: d.arena}
	msg, err := p.message()
	if err != nil {
		d.invalid(err.Error(), nil)
		return
	}
	d.arena = p.arena
	d.emit(msg)
}
