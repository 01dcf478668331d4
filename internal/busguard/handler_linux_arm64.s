#include "textflag.h"

// The kernel calls it as a C function: R0 signal, R1 *siginfo, R2 *ucontext, on
// the alternate stack, LR the return to the kernel. It uses only registers that a
// C function may spoil, and leaves R0, R1 and R2 as they were for the handler
// that it goes on to.
//
//	siginfo: 8 si_code, 16 si_addr
//	entry:   0 start, 8 end, 16 broken

// func handlerAddress() uintptr
TEXT ·handlerAddress(SB), NOSPLIT, $0-8
	MOVD $handler<>(SB), R0
	MOVD R0, ret+0(FP)
	RET

TEXT handler<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVW 8(R1), R9
	CMPW $2, R9              // BUS_ADRERR: no such page in the file
	BNE  next
	MOVD 16(R1), R9
	MOVD $·entries(SB), R10
	MOVD $16384, R11         // maxGuards

look:
	MOVD 0(R10), R12
	CBZ  R12, other
	CMP  R12, R9
	BLO  other
	MOVD 8(R10), R13
	CMP  R13, R9
	BHS  other
	MOVD $1, R14
	MOVD R14, 16(R10)

	// mmap(start, end-start, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0)
	MOVD R0, R14
	MOVD R1, R15
	MOVD R2, R16
	MOVD R12, R0
	SUB  R12, R13, R1
	MOVD $3, R2
	MOVD $0x4032, R3
	MOVD $-1, R4
	MOVD $0, R5
	MOVD $222, R8
	SVC
	CMN  $4095, R0
	MOVD R14, R0
	MOVD R15, R1
	MOVD R16, R2
	BHS  next
	RET                      // to the kernel, and on with the instruction

other:
	ADD  $24, R10
	SUB  $1, R11
	CBNZ R11, look

next:
	MOVD ·previous(SB), R9
	JMP  (R9)
