#include "go_asm.h"
#include "textflag.h"

// The loop of the thread (thread_linux_unsafe.go). It is list.walk and entry.beat
// of walk.go, in the same order. The kernel keeps all registers but AX, CX and R11.
//
//	R12 *thread  R13 *entry  BX now  BP next  R14 raise this one  R9 raise any
//	R15 changed, before the walk

// func clone(flags, stack uintptr, t *thread, tls uintptr, tid *atomic.Uint32) int
TEXT ·clone(SB), NOSPLIT, $0-48
	MOVQ flags+0(FP), DI
	MOVQ stack+8(FP), SI
	MOVQ t+16(FP), R12
	MOVQ tls+24(FP), R8
	MOVQ tid+32(FP), DX      // CLONE_PARENT_SETTID
	MOVQ DX, R10             // CLONE_CHILD_CLEARTID
	MOVL $56, AX             // clone
	SYSCALL
	TESTQ AX, AX
	JZ   child
	MOVQ AX, ret+40(FP)
	RET

child:
	MOVL $15, DI             // prctl(PR_SET_NAME, name)
	LEAQ thread_name(R12), SI
	MOVL $157, AX
	SYSCALL

again:
	MOVL thread_changed(R12), R15
	MOVL $1, DI              // clock_gettime(CLOCK_MONOTONIC, &time)
	LEAQ thread_time(R12), SI
	MOVL $228, AX
	SYSCALL
	MOVQ thread_time(R12), BX
	IMULQ $1000000000, BX
	ADDQ (thread_time+8)(R12), BX
	MOVQ $3600000000000, BP
	ADDQ BX, BP
	XORL R9, R9
	MOVQ thread_pass(R12), DI
	LOCK
	INCQ (DI)
	MOVQ thread_first(R12), DI
	MOVQ (DI), R13

walk:
	TESTQ R13, R13
	JZ   walked
	CMPQ entry_due(R13), BX
	JGT  later

	MOVQ entry_beats(R13), DI
	TESTQ DI, DI
	JZ   beaten
	MOVQ BX, SI
	SUBQ thread_offset(R12), SI
	MOVQ entry_at(R13), R8
	MOVQ SI, (R8)
	LOCK
	INCQ (DI)

beaten:
	XORL R14, R14
	MOVQ entry_due(R13), SI
	TESTQ SI, SI
	JZ   ontime
	MOVQ BX, DI
	SUBQ SI, DI
	MOVQ entry_every(R13), SI
	ADDQ SI, SI
	ADDQ $const_lateBy, SI
	CMPQ DI, SI
	JLE  ontime
	MOVL $1, R14             // the process was stopped

ontime:
	MOVQ BX, AX
	SUBQ entry_phase(R13), AX
	CQO
	IDIVQ entry_every(R13)
	MOVQ BX, SI
	SUBQ DX, SI
	ADDQ entry_every(R13), SI
	MOVQ SI, entry_due(R13)

	MOVL entry_armed(R13), R8
	TESTL R8, R8
	JZ   disarmed
	MOVQ entry_shared(R13), DI
	MOVQ (DI), SI
	MOVQ entry_line(R13), DI
	MOVQ (DI), DI
	MOVQ entry_value(R13), DX
	TESTL $const_armDiffers, R8
	JZ   reaches
	CMPQ SI, DX
	JEQ  reaches
	MOVL $1, R14

reaches:
	TESTL $const_armReaches, R8
	JZ   stands
	MOVQ SI, AX
	SUBQ DX, AX
	TESTQ AX, AX
	JLT  stands
	MOVL $1, R14

stands:
	TESTL $const_armStands, R8
	JZ   changes
	TESTQ DI, DI
	JZ   standing
	CMPQ DI, (entry_seen+8)(R13)
	JNE  changes
	CMPQ SI, entry_seen(R13)
	JNE  standing
	CMPQ DI, entry_stood(R13)
	JEQ  changes

standing:
	MOVQ DI, entry_stood(R13)
	MOVL $1, R14

changes:
	TESTL $const_armChanges, R8
	JZ   silent
	CMPQ DI, (entry_seen+8)(R13)
	JEQ  silent
	MOVL $1, R14

silent:
	TESTL $const_armLingers, R8
	JZ   quiet
	TESTQ DI, DI
	JZ   quiet
	CMPQ DI, (entry_seen+8)(R13)
	JNE  quiet
	MOVL $1, R14

quiet:
	TESTL $const_armSilent, R8
	JZ   seen
	CMPQ SI, entry_seen(R13)
	JNE  seen
	MOVQ BX, AX
	SUBQ thread_offset(R12), AX
	MOVQ entry_at(R13), DX
	SUBQ (DX), AX
	MOVQ entry_every(R13), DX
	SHRQ $1, DX
	ADDQ entry_every(R13), DX
	CMPQ AX, DX
	JLS  seen
	MOVL $1, R14

seen:
	MOVQ SI, entry_seen(R13)
	MOVQ DI, (entry_seen+8)(R13)

disarmed:
	MOVL entry_after(R13), AX
	TESTL AX, AX
	JZ   counted
	LEAL -1(AX), DX
	LOCK
	CMPXCHGL DX, entry_after(R13)
	TESTL DX, DX
	JNZ  counted
	MOVL $1, R14

counted:
	MOVQ entry_path(R13), SI
	TESTQ SI, SI
	JZ   same
	MOVQ $-100, DI           // statx(AT_FDCWD, path, 0, STATX_INO|STATX_MTIME, &statx)
	XORL DX, DX
	MOVL $const_fileMask, R10
	LEAQ thread_statx(R12), R8
	MOVL $332, AX
	SYSCALL
	TESTQ AX, AX
	JZ   looked
	XORL DX, DX
	MOVQ DX, (thread_statx+0x20)(R12)
	MOVQ DX, (thread_statx+0x88)(R12)
	MOVQ DX, (thread_statx+0x70)(R12)
	MOVQ DX, (thread_statx+0x78)(R12)

looked:
	MOVQ (thread_statx+0x20)(R12), DX
	CMPQ DX, entry_file(R13)
	JEQ  second
	MOVQ DX, entry_file(R13)
	MOVL $1, R14

second:
	MOVQ (thread_statx+0x88)(R12), DX
	CMPQ DX, (entry_file+8)(R13)
	JEQ  third
	MOVQ DX, (entry_file+8)(R13)
	MOVL $1, R14

third:
	MOVQ (thread_statx+0x70)(R12), DX
	CMPQ DX, (entry_file+16)(R13)
	JEQ  fourth
	MOVQ DX, (entry_file+16)(R13)
	MOVL $1, R14

fourth:
	MOVQ (thread_statx+0x78)(R12), DX
	CMPQ DX, (entry_file+24)(R13)
	JEQ  same
	MOVQ DX, (entry_file+24)(R13)
	MOVL $1, R14

same:
	TESTL R14, R14
	JZ   later
	MOVL $1, R9
	MOVL $1, AX
	XCHGL AX, entry_raised(R13)

later:
	MOVQ entry_due(R13), SI
	CMPQ SI, BP
	JGE  next
	MOVQ SI, BP

next:
	MOVQ entry_next(R13), R13
	JMP  walk

walked:
	MOVQ thread_pass(R12), DI
	LOCK
	INCQ (DI)
	TESTL R9, R9
	JZ   reported
	MOVL thread_event(R12), DI // write(event, &one, 8)
	LEAQ thread_one(R12), SI
	MOVL $8, DX
	MOVL $1, AX
	SYSCALL

reported:
	MOVL thread_quit(R12), AX
	TESTL AX, AX
	JZ   sleep
	XORL DI, DI              // exit(0), of this thread
	MOVL $60, AX
	SYSCALL

sleep:
	MOVQ BP, AX
	SUBQ BX, AX
	CQO
	MOVQ $1000000000, SI
	IDIVQ SI
	MOVQ AX, thread_time(R12)
	MOVQ DX, (thread_time+8)(R12)
	LEAQ thread_changed(R12), DI // futex(&changed, FUTEX_WAIT_PRIVATE, changed, &time)
	MOVL $128, SI
	MOVL R15, DX
	LEAQ thread_time(R12), R10
	XORL R8, R8
	XORL R9, R9
	MOVL $202, AX
	SYSCALL
	JMP  again
