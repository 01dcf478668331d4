#include "go_asm.h"
#include "textflag.h"

// The kernel calls it as a C function: DI signal, SI *siginfo, DX *ucontext, on
// the alternate stack. It uses only registers that a C function may spoil, and
// leaves DI, SI and DX as they were for the handler that it goes on to. The steps
// H1 to H5 are those of busguard.go.
//
//	siginfo: 8 si_code, 16 si_addr

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
	MOVQ $const_maxGuards, CX

look:
	MOVQ entry_state(R9), AX // H1
	TESTQ $const_active, AX
	JZ   other
	CMPQ R8, entry_start(R9) // H2
	JCS  other
	CMPQ R8, entry_end(R9)
	JCC  other
	LEAQ 1(AX), R10
	LOCK
	CMPXCHGQ R10, entry_state(R9) // H3
	JNE  look                // it has changed: the same entry anew
	MOVQ $1, entry_broken(R9) // H4

	// mmap(start, end-start, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0)
	PUSHQ DI
	PUSHQ SI
	PUSHQ DX
	PUSHQ R9
	MOVQ entry_start(R9), DI
	MOVQ entry_end(R9), SI
	SUBQ DI, SI
	MOVQ $3, DX
	MOVQ $0x4031, R10
	MOVQ $-1, R8
	XORL R9, R9
	MOVL $9, AX
	SYSCALL
	POPQ R9
	POPQ DX
	POPQ SI
	POPQ DI
	LOCK
	DECQ entry_state(R9)     // H5
	CMPQ AX, $0xfffffffffffff001
	JCC  next
	RET                      // to the restorer, and on with the instruction

other:
	ADDQ $entry__size, R9
	DECQ CX
	JNZ  look

next:
	MOVQ ·previous(SB), AX
	JMP  AX
