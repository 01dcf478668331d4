// Package order provides the one store that sync/atomic lacks: a release store. A
// processor that loads the stored word also sees every earlier store. The storing
// processor does not wait for the store to leave the core.
//
// On amd64, atomic.Store is an XCHG, which drains the store buffer and costs some 20
// cycles that publishing a record does not need. There a plain MOV is a release store:
// the architecture keeps stores in program order and never moves a store before an
// earlier load (Intel SDM vol. 3A, 9.2.2; AMD APM vol. 2, 7.2), and the Go compiler keeps
// stores, loads and calls that share the memory state in program order. On arm64
// atomic.Store is already STLR, a release store. Everywhere else, and under the race
// detector, which must see the store, Store64 is atomic.Store.
//
// A release store does not order later loads: such a load may execute before the store
// is visible to other processors. Code that needs that order (a doorbell) must fence.
package order
