// Package order has the one store that sync/atomic lacks: a release store,
// which makes everything before it visible to whoever loads the stored word,
// and does not wait for the store to leave the core.
//
// atomic.Store is an XCHG on amd64, which drains the store buffer: some 20
// cycles that publishing a record does not need. On amd64 a plain MOV is a
// release store: the architecture keeps stores in program order and never moves
// a store before an earlier load (Intel SDM vol. 3A, 9.2.2; AMD APM vol. 2,
// 7.2), and the Go compiler keeps stores, loads and calls that share the memory
// state in program order. On arm64 atomic.Store is already STLR, a release
// store. Everywhere else, and under the race detector, which must see the
// store, it is atomic.Store.
//
// What a release store does not give: a later load may be done before the store
// is visible to others. Who needs that order (a doorbell) must fence.
package order
