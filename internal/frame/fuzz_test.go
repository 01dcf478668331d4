package frame

import (
	"bytes"
	"encoding/json"
	"testing"
	"testing/iotest"
)

// fuzzFrame checks of any stream: no panic; at most the limit; the same
// messages whatever the reads; and, written again, the same messages again.
func fuzzFrame(f *testing.F, k Kind, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	const limit = 64
	f.Fuzz(func(t *testing.T, stream []byte) {
		got, err := cutAll(NewDecoder(bytes.NewReader(bytes.Clone(stream)), k, limit))
		slow, slowErr := cutAll(newDecoder(iotest.OneByteReader(bytes.NewReader(bytes.Clone(stream))), k, limit, 4))
		if (err == nil) != (slowErr == nil) || len(got) != len(slow) {
			t.Fatalf("at once: %q, %v; byte by byte: %q, %v", got, err, slow, slowErr)
		}
		var again []byte
		for i, m := range got {
			if len(m) > limit {
				t.Fatalf("message of %d bytes", len(m))
			}
			if m != slow[i] {
				t.Fatalf("message %d: at once %q, byte by byte %q", i, m, slow[i])
			}
			if again, err = k.Append(again, []byte(m), Origin{Seq: uint64(i)}); err != nil {
				t.Fatalf("what was cut cannot be framed: %v", err)
			}
		}
		back, err := cutAll(NewDecoder(bytes.NewReader(again), k, limit))
		if err != nil || (k != Raw && len(back) != len(got)) {
			t.Fatalf("written again: %q, %v; want %q", back, err, got)
		}
		for i := range got {
			if back[i] != got[i] {
				t.Fatalf("message %d came back as %q, was %q", i, back[i], got[i])
			}
		}
	})
}

func FuzzLine(f *testing.F) { fuzzFrame(f, Line, "", "\n", "a\nb", "a\r\n\n") }
func FuzzNul(f *testing.F)  { fuzzFrame(f, Nul, "", "\x00", "a\x00b", "a\n\x00\x00") }
func FuzzLen(f *testing.F) {
	fuzzFrame(f, Len, "", "\x00\x00\x00\x01a", "\x00\x00", "\x00\x00\x00\x00\xff\xff\xff\xff")
}
func FuzzRaw(f *testing.F) { fuzzFrame(f, Raw, "", "a\x00b\n") }
func FuzzJSON(f *testing.F) {
	fuzzFrame(f, JSON, `{"data":"a"}`, `{"data_b64":"/wA="}`, `{"x":[{"data":1}],"data":"\ud83d\ude00\n"}`, "{}", "[]")
}

// FuzzAppendJSON: what is written is JSON that everybody else reads the same.
func FuzzAppendJSON(f *testing.F) {
	f.Add([]byte("a\u2028\x00\"\\"))
	f.Add([]byte("\xff"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		line, err := JSON.Append(nil, msg, Origin{Seq: 1, Sender: 2, PID: 3})
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Fatalf("%q is not one line", line)
		}
		var v struct {
			Data *string `json:"data"`
			B64  []byte  `json:"data_b64"`
		}
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got := v.B64
		if v.Data != nil {
			got = []byte(*v.Data)
		}
		if !bytes.Equal(got, msg) {
			t.Fatalf("%q reads as %q, was %q", line, got, msg)
		}
	})
}
