package frame

import (
	"encoding/binary"
	"math/bits"
)

// plain is the fast path for an object whose values are strings and integers, such as
// recv writes. It checks the syntax on the way, several times as fast as encoding/json.
// For any other line, be it valid or not, it returns false. text and b64 are those of
// general.
func (p *jsonLine) plain() (text, b64 []byte, ok bool) {
	s := p.s
	i := skipSpace(s, 0)
	if i == len(s) || s[i] != '{' {
		return nil, nil, false
	}
	for {
		i = skipSpace(s, i+1)
		key, j := plainString(s, i)
		if j = skipSpace(s, j); key == nil || j == len(s) || s[j] != ':' {
			return nil, nil, false
		}
		i = skipSpace(s, j+1)
		var value []byte
		if value, j = plainString(s, i); value == nil {
			j = plainNumber(s, i)
		}
		if j == i {
			return nil, nil, false
		}
		switch string(key) {
		case keyData:
			if value == nil || text != nil {
				return nil, nil, false
			}
			text = value
		case keyB64:
			if value == nil || b64 != nil {
				return nil, nil, false
			}
			b64 = value
		default:
			if hasEscape(key) { // it may be one of those
				return nil, nil, false
			}
		}
		if i = skipSpace(s, j); i == len(s) || s[i] != ',' {
			break
		}
	}
	return text, b64, i < len(s) && s[i] == '}' && skipSpace(s, i+1) == len(s)
}

func skipSpace(s []byte, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\r' || s[i] == '\n') {
		i++
	}
	return i
}

// plainString returns the contents of the string that begins at i, not nil, and the index
// after it. If there is no string, it returns nil and i.
func plainString(s []byte, i int) (inside []byte, end int) {
	if i >= len(s) || s[i] != '"' {
		return nil, i
	}
	for at := i + 1; ; {
		at = nextSpecial(s, at)
		switch {
		case at == len(s) || s[at] < ' ':
			return nil, i
		case s[at] == '"':
			return s[i+1 : at], at + 1
		}
		n := escapeLen(s[at:])
		if n == 0 {
			return nil, i
		}
		at += n
	}
}

// nextSpecial returns the index of the first byte of s at or after i that needs an escape
// in a string, or len(s).
func nextSpecial(s []byte, i int) int {
	for ; len(s)-i >= 8; i += 8 {
		if found := special(binary.LittleEndian.Uint64(s[i:])); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// escapeLen returns the length of the escape at the start of s, or 0 if it is invalid.
func escapeLen(s []byte) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(s) < 6 {
			return 0
		}
		for _, c := range s[2:6] {
			if (c < '0' || c > '9') && (c|' ' < 'a' || c|' ' > 'f') {
				return 0
			}
		}
		return 6
	}
	return 0
}

func hasEscape(s []byte) bool {
	for _, c := range s {
		if c == '\\' {
			return true
		}
	}
	return false
}

// plainNumber returns the index after the integer that begins at i, or i if there is none.
func plainNumber(s []byte, i int) int {
	from := i
	if i < len(s) && s[i] == '-' {
		i++
	}
	digits := i
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	if i == digits || i > digits+1 && s[digits] == '0' {
		return from
	}
	return i
}
