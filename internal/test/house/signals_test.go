package house

import (
	"go/ast"
	"path"
	"testing"
)

// A test's process passes on the signal dispositions with which it was started, which
// nohup and CI systems change, unless its main resets them.
func TestTestsThatStartProcessesGiveThemDefaultSignals(t *testing.T) {
	starts, resets := map[string]string{}, map[string]bool{}
	for _, f := range goFiles(t) {
		if !f.isTest() {
			continue
		}
		dir := path.Dir(f.path)
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch x, _ := sel.X.(*ast.Ident); {
			case x == nil:
			case x.Name == "exec" && (sel.Sel.Name == "Command" || sel.Sel.Name == "CommandContext"):
				starts[dir] = f.path
			case x.Name == "proctest" && (sel.Sel.Name == "Main" || sel.Sel.Name == "DefaultSignals"):
				resets[dir] = true
			}
			return true
		})
	}
	for dir, file := range starts {
		if !resets[dir] {
			t.Errorf("%s starts processes: its package needs a TestMain that calls proctest.Main or proctest.DefaultSignals", file)
		}
	}
}
