package frame

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// fuzzFrame checks any stream: the Decoder does not panic; no message exceeds the limit; the
// messages do not depend on the reads; and they survive another round trip.
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
			if again, err = k.Append(again, []byte(m), &Origin{Seq: uint64(i)}); err != nil {
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

// FuzzAppendJSON checks that encoding/json reads what Append writes.
func FuzzAppendJSON(f *testing.F) {
	f.Add([]byte("a\u2028\x00\"\\"))
	f.Add([]byte("\xff"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		line, err := JSON.Append(nil, msg, &Origin{Seq: 1, Sender: 2, PID: 3})
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

var plainSeeds = []string{
	`{"seq":1,"sender":0,"pid":42,"data":"text"}`, ` { "data" : "a\n\u00e9" , "n":-0 } ` + "\r", `{"data":1}`, `{"data_b64":"/w==","x":01}`,
	`{"data":"a","data":"b"}`, `{"d\u0061ta":"a"}`, `{"data":"a",}`, `{"data":"\x"}`, `{}`, `{"n":1}`, `{"data":"a"}}`, `{:1,"data":"a"}`,
	`{"":"","data":"\ud83d\ude00"}`, "", `{`, `{"data":"a"`, `{"data":"\`,
}

// plainAgrees checks that general agrees with plain on a line that plain accepts.
func plainAgrees(t *testing.T, line []byte) (taken bool) {
	fast, slow := jsonLine{s: bytes.Clone(line)}, jsonLine{s: bytes.Clone(line)}
	text, b64, ok := fast.plain()
	if !ok {
		return false
	}
	got, err := fast.pick(text, b64)
	want, wantErr := slow.general()
	if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
		t.Fatalf("%q: %q, %v; the long way: %q, %v", line, got, err, want, wantErr)
	}
	return true
}

func FuzzPlainJSON(f *testing.F) {
	for _, s := range plainSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) { plainAgrees(t, line) })
}

func TestPlainAgreesOfLinesThatAreNearlyRight(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const some = `{}":,\u0e1-a dbt_64/=` + "\n\x00\xff"
	taken := 0
	for range 100_000 {
		line := []byte(plainSeeds[rnd.IntN(len(plainSeeds))])
		for range rnd.IntN(4) {
			at, c := rnd.IntN(len(line)+1), some[rnd.IntN(len(some))]
			switch {
			case at == len(line) || rnd.IntN(3) == 0:
				line = slices.Insert(line, at, c)
			case rnd.IntN(2) == 0:
				line[at] = c
			default:
				line = slices.Delete(line, at, at+1)
			}
		}
		if plainAgrees(t, line) {
			taken++
		}
	}
	require.Greater(t, taken, 10_000)
	require.True(t, plainAgrees(t, appendJSON(nil, []byte("a\u2028\x00\"\\\n"), &Origin{Name: "ch", Seq: 1})))
	require.True(t, plainAgrees(t, appendJSON(nil, []byte("\xff"), &Origin{Seq: 1})))
}
