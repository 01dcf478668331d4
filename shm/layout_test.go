package shm

import (
	"encoding/binary"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// field is one row of a layout table.
type field struct {
	name         string
	offset, size uintptr
}

// documented returns the table below a heading of docs/format.md. A size that is not
// a number, such as a payload's, is 0.
func documented(t *testing.T, heading string) []field {
	t.Helper()
	page, err := os.ReadFile("../docs/format.md")
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(page), "\n## "+heading+"\n")
	require.True(t, ok, "no heading %q", heading)
	section, _, _ = strings.Cut(section, "\n## ")
	var fields []field
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "0x") {
			continue
		}
		offset, err := strconv.ParseUint(strings.TrimSpace(cells[1]), 0, 32)
		require.NoError(t, err, line)
		size, _ := strconv.ParseUint(strings.TrimSpace(cells[2]), 0, 32)
		fields = append(fields, field{strings.TrimSpace(cells[3]), uintptr(offset), uintptr(size)})
	}
	return fields
}

// compiled returns the fields of a struct as the compiler lays them out.
func compiled(typ reflect.Type) []field {
	var fields []field
	for i := range typ.NumField() {
		if f := typ.Field(i); f.Name != "_" {
			fields = append(fields, field{f.Name, f.Offset, f.Type.Size()})
		}
	}
	return fields
}

// commented returns the fields of a struct according to the comments beside them.
func commented(t *testing.T, name string) []field {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "layout.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var fields []field
	for _, f := range file.Scope.Lookup(name).Decl.(*ast.TypeSpec).Type.(*ast.StructType).Fields.List {
		if len(f.Names) == 0 || f.Names[0].Name == "_" {
			continue
		}
		words := strings.Fields(f.Comment.Text())
		require.GreaterOrEqual(t, len(words), 2, f.Names[0].Name)
		offset, err := strconv.ParseUint(words[0], 0, 32)
		require.NoError(t, err)
		size, err := strconv.ParseUint(words[1], 0, 32)
		require.NoError(t, err)
		fields = append(fields, field{f.Names[0].Name, uintptr(offset), uintptr(size)})
	}
	return fields
}

func TestStructsAreAsDocumented(t *testing.T) {
	for heading, typ := range map[string]reflect.Type{
		"Header":       reflect.TypeFor[header](),
		"Control page": reflect.TypeFor[control](),
		"Slot":         reflect.TypeFor[slot](),
	} {
		t.Run(heading, func(t *testing.T) {
			require.Equal(t, compiled(typ), documented(t, heading), "docs/format.md")
			require.Equal(t, compiled(typ), commented(t, typ.Name()), "the comments of layout.go")
		})
	}
	require.Equal(t, compiled(reflect.TypeFor[doorbellWords]()), commented(t, "doorbellWords"))
}

// pick returns the number at a documented field, in the machine's byte order.
func pick(t *testing.T, mem []byte, fields []field, name string) uint64 {
	t.Helper()
	for _, f := range fields {
		if f.name == name {
			switch b := mem[f.offset:][:f.size]; f.size {
			case 1:
				return uint64(b[0])
			case 2:
				return uint64(binary.NativeEndian.Uint16(b))
			case 4:
				return uint64(binary.NativeEndian.Uint32(b))
			case 8:
				return binary.NativeEndian.Uint64(b)
			}
		}
	}
	require.Fail(t, "not documented", name)
	return 0
}

func TestRecordIsAsDocumented(t *testing.T) {
	fields := documented(t, "Record")
	require.Len(t, fields, 6)
	const start = 1<<40 + 3*MinCapacity
	r := mappedRing(t, start)
	p, _ := ends(t, r)
	for _, test := range []struct {
		do           func()
		slot         int
		length, kind uint64
	}{
		{func() { put(t, p[2], "hello") }, 2, 5, 1},
		{func() { batch(t, p[1], "a", "bc") }, 1, 32, 2},
		{func() { claim(t, p[0], 20); p[0].Abort() }, 0, 24, 3},
	} {
		pos := r.Tail()
		test.do()
		mem := r.data[pos&r.mask:]
		require.Equal(t, r.stampBase&^1+pos|1, pick(t, mem, fields, "stamp"))
		require.Equal(t, test.length, pick(t, mem, fields, "length"))
		require.EqualValues(t, test.slot, pick(t, mem, fields, "slot"))
		require.Equal(t, test.kind, pick(t, mem, fields, "kind"))
		require.Zero(t, pick(t, mem, fields, "flags"))
		require.Equal(t, field{"payload", RecordHeader, 0}, fields[5])
		require.Equal(t, (RecordHeader+test.length+7)&^7, r.Tail()-pos)
	}
	require.Equal(t, "hello", string(r.data[start&r.mask+RecordHeader:][:5]))
}

func TestBatchIsAsDocumented(t *testing.T) {
	fields := documented(t, "Batch")
	require.Len(t, fields, 3)
	require.Equal(t, field{"payload", BatchHeader, 0}, fields[2])
	r := mappedRing(t, 0)
	p, _ := ends(t, r)
	msgs := []string{"abc", "", "0123456789"}
	batch(t, p[0], msgs...)
	mem := r.data[RecordHeader:]
	for _, msg := range msgs {
		require.EqualValues(t, len(msg), pick(t, mem, fields, "length"))
		require.Zero(t, pick(t, mem, fields, "reserved"))
		require.Equal(t, msg, string(mem[BatchHeader:][:len(msg)]))
		mem = mem[(BatchHeader+len(msg)+7)&^7:]
	}
}

// docs/format.md says that everything is in the machine's byte order; code that
// names one order would be right on half of the machines only.
func TestNoByteOrderIsNamed(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, path := range sources {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		source, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NotRegexp(t, `binary\.(Little|Big)Endian`, string(source), path)
	}
}

func TestMagicIsTheSameBytesOnEveryMachine(t *testing.T) {
	h := goldenHeader()
	require.Equal(t, "SHMCHAN1", string(bytesOf(&h)[:8]))
}

func TestLabelIsBytesOnEveryMachine(t *testing.T) {
	r := mappedRing(t, 0)
	r.slots[1].setLabel("a label ∞")
	fields := documented(t, "Slot")
	require.Equal(t, field{"label", 0xd0, labelSize}, fields[len(fields)-1])
	require.Equal(t, "a label ∞\x00", string(slotBytes(&r.slots[1])[0xd0:][:len("a label ∞")+1]))
	require.Equal(t, "a label ∞", r.slots[1].getLabel())
}

func TestWordsOfDifferentWritersStandApart(t *testing.T) {
	at := map[string]uintptr{}
	for _, f := range compiled(reflect.TypeFor[control]()) {
		at[f.name] = f.offset
	}
	apart := []string{"tail", "head", "doorbell", "line", "attached"}
	for i := 1; i < len(apart); i++ {
		require.GreaterOrEqual(t, at[apart[i]]-at[apart[i-1]], uintptr(128), apart[i])
	}
	require.Zero(t, reflect.TypeFor[slot]().Size()%128)
	require.Zero(t, slotsOffset%128)
}
