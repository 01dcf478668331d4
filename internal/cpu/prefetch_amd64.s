#include "textflag.h"

// func FetchForWriting(p *atomic.Uint64, n uintptr)
TEXT ·FetchForWriting(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), AX
	MOVQ n+8(FP), CX
	ADDQ AX, CX

again:
	BYTE $0x0f; BYTE $0x0d; BYTE $0x08 // PREFETCHW (AX); where it is not known, a NOP
	ADDQ $64, AX
	CMPQ AX, CX
	JB   again
	RET
