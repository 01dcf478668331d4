#include "textflag.h"

// The kernel calls it as a C function: DI signal, SI *siginfo, DX *ucontext, on
// the alternate stack. It uses only registers that a C function may spoil, and
// leaves DI, SI and DX as they were for the handler that it goes on to.
//
//	siginfo: 8 si_code, 16 si_addr
//	entry:   0 start, 8 end, 16 broken

// func handlerAddress() uintptr
TEXT ·handlerAddress(SB), NOSPLIT, $0-8
	LEAQ handler<>(SB), AX
	MOVQ AX, ret+0(FP)
	RET

TEXT handler<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	CMPL 8(SI), $2           // BUS_ADRERR: no such page in the file
	JNE  next
	MOVQ 16(SI), R8
	LEAQ ·entries(SB), R9
	MOVQ $16384, CX          // maxGuards

look:
	MOVQ 0(R9), AX
	TESTQ AX, AX
	JZ   other
	CMPQ R8, AX
	JCS  other
	CMPQ R8, 8(R9)
	JCC  other
	MOVQ $1, 16(R9)

	// mmap(start, end-start, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0)
	PUSHQ DI
	PUSHQ SI
	PUSHQ DX
	MOVQ AX, DI
	MOVQ 8(R9), SI
	SUBQ DI, SI
	MOVQ $3, DX
	MOVQ $0x4032, R10
	MOVQ $-1, R8
	XORL R9, R9
	MOVL $9, AX
	SYSCALL
	POPQ DX
	POPQ SI
	POPQ DI
	CMPQ AX, $0xfffffffffffff001
	JCC  next
	RET                      // to the restorer, and on with the instruction

other:
	ADDQ $24, R9
	DECQ CX
	JNZ  look

next:
	MOVQ ·previous(SB), AX
	JMP  AX
