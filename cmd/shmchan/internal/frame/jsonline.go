package frame

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	keyData = "data"
	keyB64  = "data_b64"
)

// jsonLine parses one line of JSON. encoding/json does not suffice: it ignores the case
// of keys, and replaces invalid UTF-8 instead of refusing it, so messages would change on
// their way.
type jsonLine struct {
	s     []byte // the line; data is unescaped in place, which only shrinks it
	i     int
	arena []byte // decoded data_b64 is appended to it
}

// message returns the message of the line. It aliases s or arena.
func (p *jsonLine) message() ([]byte, error) {
	if text, b64, ok := p.plain(); ok {
		return p.pick(text, b64)
	}
	return p.general()
}

// general is like message, for any line.
func (p *jsonLine) general() ([]byte, error) {
	// Valid syntax makes further bounds checks unnecessary.
	if !json.Valid(p.s) {
		return nil, errors.New("is not valid JSON")
	}
	if p.space(); p.s[p.i] != '{' {
		return nil, errors.New("is not a JSON object")
	}
	p.i++
	var text, b64 []byte // the contents of the strings; nil if missing
	for {
		p.space()
		switch p.s[p.i] {
		case '}':
			return p.pick(text, b64)
		case ',':
			p.i++
			continue
		}
		key := keyName(p.str())
		p.space()
		p.i++ // the colon
		p.space()
		target := &text
		switch key {
		case keyB64:
			target = &b64
		case keyData:
		default:
			p.skip()
			continue
		}
		if *target != nil {
			return nil, fmt.Errorf("has %q twice", key)
		}
		if p.s[p.i] != '"' {
			return nil, fmt.Errorf("has a %q that is not a string", key)
		}
		*target = p.str()
	}
}

// pick returns the message that text or b64 encodes.
func (p *jsonLine) pick(text, b64 []byte) ([]byte, error) {
	switch {
	case text != nil && b64 != nil:
		return nil, fmt.Errorf("has both %q and %q", keyData, keyB64)
	case text != nil:
		msg, err := unescape(text)
		if err != nil {
			return nil, fmt.Errorf("has a %q that %w", keyData, err)
		}
		return msg, nil
	case b64 != nil:
		b64, err := unescape(b64)
		if err != nil {
			return nil, fmt.Errorf("has a %q that %w", keyB64, err)
		}
		n := len(p.arena)
		if p.arena, err = base64.StdEncoding.AppendDecode(p.arena, b64); err != nil {
			return nil, fmt.Errorf("has a %q that is not valid base64", keyB64)
		}
		return p.arena[n:], nil
	}
	return nil, fmt.Errorf("has neither %q nor %q", keyData, keyB64)
}

func (p *jsonLine) space() {
	for p.i < len(p.s) && (p.s[p.i] == ' ' || p.s[p.i] == '\t' || p.s[p.i] == '\r' || p.s[p.i] == '\n') {
		p.i++
	}
}

// str skips a string and returns its contents, never nil.
func (p *jsonLine) str() []byte {
	p.i++
	from := p.i
	for p.s[p.i] != '"' {
		if p.s[p.i] == '\\' {
			p.i++
		}
		p.i++
	}
	p.i++
	return p.s[from : p.i-1]
}

// skip skips a value.
func (p *jsonLine) skip() {
	for depth := 0; ; {
		switch p.s[p.i] {
		case '"':
			p.str()
		case '{', '[':
			depth++
			p.i++
		case '}', ']':
			if depth == 0 { // the end of the enclosing object
				return
			}
			depth--
			p.i++
		case ',':
			if depth == 0 {
				return
			}
			p.i++
		default:
			p.i++
		}
	}
}

// keyName returns a key without its escapes; it may return "" for a key other than
// keyData and keyB64.
func keyName(raw []byte) string {
	if bytes.IndexByte(raw, '\\') >= 0 {
		if s, err := unescape(bytes.Clone(raw)); err == nil {
			return string(s)
		}
		return ""
	}
	switch string(raw) { // does not allocate
	case keyData:
		return keyData
	case keyB64:
		return keyB64
	}
	return ""
}

// unescape replaces the escapes in s, the contents of a valid JSON string, in place. It
// refuses what Append never writes: invalid UTF-8, and halves of surrogate pairs.
func unescape(s []byte) ([]byte, error) {
	if !utf8.Valid(s) {
		return nil, errors.New("is not valid UTF-8")
	}
	first := bytes.IndexByte(s, '\\')
	if first < 0 {
		return s, nil
	}
	out := s[:first]
	for i := first; i < len(s); {
		if s[i] != '\\' {
			run := bytes.IndexByte(s[i:], '\\')
			if run < 0 {
				run = len(s) - i
			}
			out = append(out, s[i:i+run]...)
			i += run
			continue
		}
		switch c := s[i+1]; c {
		case 'u':
			r := hex4(s[i+2:])
			i += 6
			if utf16.IsSurrogate(r) {
				if i+6 > len(s) || s[i] != '\\' || s[i+1] != 'u' {
					return nil, errors.New("contains half a surrogate pair")
				}
				r = utf16.DecodeRune(r, hex4(s[i+2:]))
				if r == utf8.RuneError {
					return nil, errors.New("contains half a surrogate pair")
				}
				i += 6
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, simpleEscape(c))
			i += 2
		}
	}
	return out, nil
}

// hex4 reads the four digits of \uXXXX.
func hex4(s []byte) rune {
	n, err := strconv.ParseUint(string(s[:4]), 16, 16)
	if err != nil {
		return 0xD800 // unreachable in a valid line; unescape refuses half a pair
	}
	return rune(n)
}

func simpleEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // the quote, the backslash and the slash
}
