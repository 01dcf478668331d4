package frame

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// cutAll returns all messages of a stream, and the error that ended it, or nil for io.EOF.
func cutAll(d *Decoder) ([]string, error) {
	var got []string
	for {
		msgs, err := d.Next()
		for _, m := range msgs {
			got = append(got, string(m))
		}
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
	}
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		name string
		kind Kind
		in   string
		want []string
		err  string // part of the error; "" for none
	}{
		{"an empty stream holds no line", Line, "", nil, ""},
		{"a line ends at its newline", Line, "a\nbc\n", []string{"a", "bc"}, ""},
		{"a last line without a newline counts", Line, "a\nb", []string{"a", "b"}, ""},
		{"an empty line is an empty message", Line, "\n\na\n\n", []string{"", "", "a", ""}, ""},
		{"a carriage return stays", Line, "a\r\n", []string{"a\r"}, ""},
		{"NUL is a byte like others in a line", Line, "a\x00b\n", []string{"a\x00b"}, ""},
		{"the largest line fits", Line, strings.Repeat("x", 20) + "\n", []string{strings.Repeat("x", 20)}, ""},
		{"a line too large names itself and its size", Line, "ok\n" + strings.Repeat("x", 21) + "\nlost\n", []string{"ok"},
			"line 2, at byte 3, has 21 bytes; the limit is 20"},
		{"a line too large without an end names the limit", Line, "ok\n" + strings.Repeat("x", 90), []string{"ok"},
			"line 2, at byte 3, has more than 20 bytes"},

		{"NUL ends a message", Nul, "a\x00b\n\x00", []string{"a", "b\n"}, ""},
		{"the last NUL may be missing", Nul, "a\x00b", []string{"a", "b"}, ""},
		{"two NULs hold an empty message", Nul, "a\x00\x00", []string{"a", ""}, ""},
		{"a NUL message too large names itself", Nul, strings.Repeat("x", 21) + "\x00", nil,
			"message 1, at byte 0, has 21 bytes"},

		{"an empty stream holds no frame", Len, "", nil, ""},
		{"lengths cut frames", Len, "\x00\x00\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x02b\n", []string{"a", "", "b\n"}, ""},
		{"a frame cut off in its bytes names its offset", Len, "\x00\x00\x00\x01a\x00\x00\x00\x05bcd", []string{"a"},
			"frame 2, at byte 5, is truncated: got 3 of its 5 bytes"},
		{"a frame cut off in its length names its offset", Len, "\x00\x00\x00\x01a\x00\x00", []string{"a"},
			"frame 2, at byte 5, is truncated: got 2 bytes of its 4-byte length"},
		{"a frame cut off before its bytes names its offset", Len, "\x00\x00\x00\x05", nil,
			"frame 1, at byte 0, is truncated: got 0 of its 5 bytes"},
		{"a frame too large is refused by its length alone", Len, "\x00\x00\x00\x01a\xff\xff\xff\xff", []string{"a"},
			"frame 2, at byte 5, has 4294967295 bytes; the limit is 20"},

		{"raw is one message", Raw, "a\nb\x00c", []string{"a\nb\x00c"}, ""},
		{"raw of nothing is one empty message", Raw, "", []string{""}, ""},
		{"raw too large is refused", Raw, strings.Repeat("x", 21), nil,
			"message 1, at byte 0, has more than 20 bytes"},

		{"data is text", JSON, `{"seq":1,"sender":0,"pid":7,"data":"hi"}` + "\n", []string{"hi"}, ""},
		{"data_b64 is bytes", JSON, `{"data_b64":"/wA="}`, []string{"\xff\x00"}, ""},
		{"other keys are ignored, whatever they hold", JSON,
			`{"x":{"data":"no","y":["}",{"a":1}]},"Data":"no","n":-1.5e3,"t":true,"z":null,"data":"yes","s":"\"}"}`,
			[]string{"yes"}, ""},
		{"white space is free", JSON, " { \"data\" : \"a\" , \"x\" : 1 } \r\n", []string{"a"}, ""},
		{"a key may be escaped", JSON, `{"d\u0061ta":"a"}`, []string{"a"}, ""},
		{"every escape is understood", JSON, `{"data":"\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00 é"}`,
			[]string{"\"\\/\b\f\n\r\tAé😀 é"}, ""},
		{"base64 may be escaped", JSON, `{"data_b64":"\/wA="}`, []string{"\xff\x00"}, ""},
		{"an empty text is an empty message", JSON, `{"data":""}`, []string{""}, ""},
		{"what is not JSON names its line", JSON, `{"data":"a"}` + "\nnonsense\n", []string{"a"},
			"line 2, at byte 13, is not valid JSON"},
		{"an empty line is not JSON", JSON, "\n", nil, "line 1, at byte 0, is not valid JSON"},
		{"an array is no object", JSON, `["data"]`, nil, "is not a JSON object"},
		{"an object without data", JSON, `{"seq":1}`, nil, `has neither "data" nor "data_b64"`},
		{"an object with both", JSON, `{"data":"a","data_b64":""}`, nil, `has both "data" and "data_b64"`},
		{"an object with two", JSON, `{"data":"a","data":"b"}`, nil, `has "data" twice`},
		{"data that is a number", JSON, `{"data":1}`, nil, `has a "data" that is not a string`},
		{"data that is null", JSON, `{"data":null}`, nil, `has a "data" that is not a string`},
		{"data that is not UTF-8", JSON, "{\"data\":\"\xff\"}", nil, `has a "data" that is not valid UTF-8`},
		{"half a surrogate pair", JSON, `{"data":"\ud83d"}`, nil, `contains half a surrogate pair`},
		{"the wrong half of a surrogate pair", JSON, `{"data":"\ude00\ud83d"}`, nil, `contains half a surrogate pair`},
		{"half a surrogate pair before another escape", JSON, `{"data":"\ud83d\u0041"}`, nil, `contains half a surrogate pair`},
		{"what is not base64", JSON, `{"data_b64":"?"}`, nil, `has a "data_b64" that is not valid base64`},
		{"a message too large, its escapes not counted", JSON, `{"data":"` + strings.Repeat(`\u0041`, 21) + `"}`, nil,
			"line 1, at byte 0, has 21 bytes; the limit is 20"},
		{"the largest message, escaped", JSON, `{"data":"` + strings.Repeat(`\u0041`, 20) + `"}`,
			[]string{strings.Repeat("A", 20)}, ""},
	} {
		t.Run(tt.kind.String()+"/"+tt.name, func(t *testing.T) {
			for _, how := range []struct {
				name   string
				reader io.Reader
			}{
				{"at once", strings.NewReader(tt.in)},
				{"byte by byte", iotest.OneByteReader(strings.NewReader(tt.in))},
				{"the end with the data", iotest.DataErrReader(strings.NewReader(tt.in))},
			} {
				got, err := cutAll(newDecoder(how.reader, tt.kind, 20, 8))
				require.Equal(t, tt.want, got, how.name)
				if tt.err == "" {
					require.NoError(t, err, how.name)
					continue
				}
				require.ErrorIs(t, err, ErrFrame, how.name)
				if !strings.Contains(tt.err, "bytes") || how.name == "at once" {
					require.ErrorContains(t, err, tt.err, how.name)
				}
			}
		})
	}
}

func TestAppend(t *testing.T) {
	from := &Origin{Seq: 3, Sender: 1, PID: 42}
	for _, tt := range []struct {
		name, msg string
		kind      Kind
		want      string
		err       string
	}{
		{"a line ends with a newline", "a", Line, "a\n", ""},
		{"an empty line", "", Line, "\n", ""},
		{"a line refuses a newline", "ab\nc", Line, "", `contains a \n (byte 3 of 4), which --frame line cannot carry`},
		{"NUL ends with NUL", "a\n", Nul, "a\n\x00", ""},
		{"NUL refuses NUL", "\x00", Nul, "", "contains a NUL (byte 1 of 1), which --frame nul cannot carry"},
		{"len is headed by the length", "ab\n", Len, "\x00\x00\x00\x03ab\n", ""},
		{"raw adds nothing", "a\n\x00", Raw, "a\n\x00", ""},
		{"text is data", "hi", JSON, `{"seq":3,"sender":1,"pid":42,"data":"hi"}` + "\n", ""},
		{"bytes are data_b64", "\xff\x00", JSON, `{"seq":3,"sender":1,"pid":42,"data_b64":"/wA="}` + "\n", ""},
		{"an empty message is text", "", JSON, `{"seq":3,"sender":1,"pid":42,"data":""}` + "\n", ""},
		{"what JSON must escape, and no more", "<&>\"\\/\n\r\t\b\x1f\x7fé€😀", JSON,
			`{"seq":3,"sender":1,"pid":42,"data":"<&>\"\\/\n\r\t\u0008\u001f` + "\x7f" + `é€😀"}` + "\n", ""},
		{"every line end of Unicode is escaped", "a\u0085b\u2028c\u2029d\u2027", JSON,
			`{"seq":3,"sender":1,"pid":42,"data":"a\u0085b\u2028c\u2029d` + "\u2027" + `"}` + "\n", ""},
	} {
		t.Run(tt.kind.String()+"/"+tt.name, func(t *testing.T) {
			got, err := tt.kind.Append([]byte("before"), []byte(tt.msg), from)
			if tt.err != "" {
				require.ErrorIs(t, err, ErrFrame)
				require.ErrorContains(t, err, tt.err)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, "before"+tt.want, string(got))
		})
	}
}

// TestNextYieldsAllOfOneRead checks that Next returns all messages of one read, without
// another read that could block.
func TestNextYieldsAllOfOneRead(t *testing.T) {
	for _, k := range []Kind{Line, Nul, Len, JSON} {
		var in []byte
		for _, m := range []string{"one", "two", ""} {
			in, _ = k.Append(in, []byte(m), &Origin{})
		}
		n := len(in)
		in, _ = k.Append(in, []byte("incomplete"), &Origin{})
		reads := 0
		d := NewDecoder(readerFunc(func(p []byte) (int, error) {
			reads++
			return copy(p, in[:n+2]), nil
		}), k, 1000)
		msgs, err := d.Next()
		require.NoError(t, err)
		require.Len(t, msgs, 3, k)
		require.Equal(t, 1, reads, k)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestReadErrors(t *testing.T) {
	boom := errors.New("boom")

	t.Run("what came before a failed read is returned", func(t *testing.T) {
		d := NewDecoder(io.MultiReader(strings.NewReader("a\nb\nhalf"), iotest.ErrReader(boom)), Line, 100)
		got, err := cutAll(d)
		require.Equal(t, []string{"a", "b"}, got)
		require.ErrorIs(t, err, boom)
		_, err = d.Next()
		require.ErrorIs(t, err, boom, "the error stays")
	})
	t.Run("a reader that never gives anything is given up", func(t *testing.T) {
		_, err := cutAll(NewDecoder(readerFunc(func([]byte) (int, error) { return 0, nil }), Line, 100))
		require.ErrorIs(t, err, io.ErrNoProgress)
	})
	t.Run("a reader that lies is refused", func(t *testing.T) {
		_, err := cutAll(NewDecoder(readerFunc(func(p []byte) (int, error) { return len(p) + 1, nil }), Line, 100))
		require.Error(t, err)
	})
}

func TestParse(t *testing.T) {
	for _, name := range Names() {
		k, err := Parse(name)
		require.NoError(t, err)
		require.Equal(t, name, k.String())
	}
	_, err := Parse("xml")
	require.ErrorContains(t, err, "line, nul, len, raw or json")
}

func TestEveryFrameIsComplete(t *testing.T) {
	for k, f := range frames {
		require.NotEmpty(t, f.name, k)
		require.NotEmpty(t, f.unit, f.name)
		require.GreaterOrEqual(t, f.limit(100), 100, f.name)
		require.NotNil(t, f.cut, f.name)
		require.NotNil(t, f.finish, f.name)
		require.NotNil(t, f.append, f.name)
		require.Equal(t, f.origin, Kind(k).NeedsOrigin(), f.name)
	}
	require.Equal(t, "frame(200)", Kind(200).String())
}

// TestLargeMessageAmongSmall makes the buffer grow.
func TestLargeMessageAmongSmall(t *testing.T) {
	big := strings.Repeat("b", 3*bufferSize+7)
	for _, k := range []Kind{Line, Nul, Len, JSON} {
		var in []byte
		for _, m := range []string{"a", big, "c", big, ""} {
			in, _ = k.Append(in, []byte(m), &Origin{})
		}
		got, err := cutAll(NewDecoder(bytes.NewReader(in), k, 1<<20))
		require.NoError(t, err)
		require.Equal(t, []string{"a", big, "c", big, ""}, got)
	}
}

// counted counts its reads.
type counted struct {
	io.Reader
	reads int
}

func (c *counted) Read(p []byte) (int, error) {
	c.reads++
	return c.Reader.Read(p)
}

func TestNextReturnsWhatStaysInTheCacheAndReadsOnlyWhenItHasNothing(t *testing.T) {
	for name, tt := range map[string]struct{ size, first int }{
		"short messages": {9, mostMessages},
		"longer ones":    {999, (mostBytes + 999) / 1000},
		"one too large":  {mostBytes, 1},
	} {
		for _, k := range []Kind{Line, Nul, Len} {
			t.Run(name+"/"+k.String(), func(t *testing.T) {
				var stream []byte
				want := 0
				for ; len(stream) < bufferSize-tt.size-lenHeader; want++ {
					stream, _ = k.Append(stream, bytes.Repeat([]byte("m"), tt.size), &Origin{})
				}
				r := &counted{Reader: bytes.NewReader(stream)}
				d := NewDecoder(r, k, 1<<20)
				msgs, err := d.Have()
				require.Empty(t, msgs)
				require.NoError(t, err)
				msgs, err = d.Next()
				require.NoError(t, err)
				if k == Len {
					require.LessOrEqual(t, len(msgs), tt.first)
				} else {
					require.Len(t, msgs, tt.first)
				}
				got := 0
				for ; len(msgs) > 0; msgs, err = d.Have() {
					require.NoError(t, err)
					got += len(msgs)
				}
				require.NoError(t, err)
				require.Equal(t, want, got)
				require.Equal(t, 1, r.reads)
				_, err = d.Next()
				require.Equal(t, io.EOF, err)
			})
		}
	}
}

func TestReadInTheReadersPlace(t *testing.T) {
	d := NewDecoder(strings.NewReader("d\nlast"), Line, 100)
	require.False(t, d.Read(func([]byte) (int, bool, error) { return 0, false, nil }))
	for _, part := range []string{"one\ntw", "o\nthir"} {
		require.True(t, d.Read(func(p []byte) (int, bool, error) { return copy(p, part), true, nil }))
		msgs, err := d.Have()
		require.NoError(t, err)
		require.Len(t, msgs, 1)
		msgs, err = d.Have()
		require.NoError(t, err)
		require.Empty(t, msgs)
	}
	rest, err := cutAll(d)
	require.NoError(t, err)
	require.Equal(t, []string{"third", "last"}, rest)
}
