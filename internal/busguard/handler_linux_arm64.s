#include "go_asm.h"
#include "textflag.h"

// The kernel calls it as a C function: R0 signal, R1 *siginfo, R2 *ucontext, on
// the alternate stack, LR the return to the kernel. It uses only registers that a
// C function may spoil, and leaves R0, R1 and R2 as they were for the handler
// that it goes on to. The steps H1 to H5 are those of busguard.go.
//
// The bounds are read between the LDAR of H1 and the STLXR of H3, and can't be
// moved out of there: nothing moves before an LDAR, nor behind an STLXR.
//
//	siginfo: 8 si_code, 16 si_addr

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
	MOVD $const_maxGuards, R11

look:
	ADD  $entry_state, R10, R3
	LDAR (R3), R4            // H1
	TST  $const_active, R4
	BEQ  other
	MOVD entry_start(R10), R12 // H2
	CMP  R12, R9
	BLO  other
	MOVD entry_end(R10), R13
	CMP  R13, R9
	BHS  other
	LDAXR (R3), R5           // H3
	CMP  R4, R5
	BNE  look                // it has changed: the same entry anew
	ADD  $1, R4
	STLXR R4, (R3), R5
	CBNZ R5, look
	MOVD $1, R14
	MOVD R14, entry_broken(R10) // H4

	// mmap(start, end-start, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0)
	MOVD R0, R14
	MOVD R1, R15
	MOVD R2, R16
	MOVD R3, R17
	MOVD R12, R0
	SUB  R12, R13, R1
	MOVD $3, R2
	MOVD $0x4031, R3
	MOVD $-1, R4
	MOVD $0, R5
	MOVD $222, R8
	SVC

unpin:
	LDAXR (R17), R4          // H5
	SUB  $1, R4
	STLXR R4, (R17), R5
	CBNZ R5, unpin
	CMN  $4095, R0
	MOVD R14, R0
	MOVD R15, R1
	MOVD R16, R2
	BHS  next
	RET                      // to the kernel, and on with the instruction

other:
	ADD  $entry__size, R10
	SUB  $1, R11
	CBNZ R11, look

next:
	MOVD ·previous(SB), R9
	JMP  (R9)
