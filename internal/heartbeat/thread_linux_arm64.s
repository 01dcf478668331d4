#include "go_asm.h"
#include "textflag.h"

// The loop of the thread (thread_linux_unsafe.go). It is list.walk and entry.beat
// of walk.go, in the same order. The kernel keeps all registers but R0.
//
//	R19 *thread  R20 *entry  R21 now  R22 next  R23 raise this one  R24 raise any
//	R25 changed, before the walk

// func clone(flags, stack uintptr, t *thread, tls uintptr, tid *atomic.Uint32) int
TEXT ·clone(SB), NOSPLIT, $0-48
	MOVD flags+0(FP), R0
	MOVD stack+8(FP), R1
	MOVD t+16(FP), R19
	MOVD tid+32(FP), R2      // CLONE_PARENT_SETTID
	MOVD tls+24(FP), R3
	MOVD R2, R4              // CLONE_CHILD_CLEARTID
	MOVD $220, R8            // clone
	SVC
	CBZ  R0, child
	MOVD R0, ret+40(FP)
	RET

child:
	MOVD $15, R0             // prctl(PR_SET_NAME, name)
	ADD  $thread_name, R19, R1
	MOVD $167, R8
	SVC

again:
	ADD  $thread_changed, R19, R0
	LDARW (R0), R25
	MOVD $1, R0              // clock_gettime(CLOCK_MONOTONIC, &time)
	ADD  $thread_time, R19, R1
	MOVD $113, R8
	SVC
	MOVD thread_time(R19), R21
	MOVD $1000000000, R1
	MUL  R1, R21
	MOVD (thread_time+8)(R19), R1
	ADD  R1, R21
	MOVD $3600000000000, R22
	ADD  R21, R22
	MOVD $0, R24
	MOVD thread_pass(R19), R0

enter:
	LDAXR (R0), R1
	ADD  $1, R1
	STLXR R1, (R0), R2
	CBNZ R2, enter
	DMB  $0xb                // before the list is read
	MOVD thread_first(R19), R0
	LDAR (R0), R20

walk:
	CBZ  R20, walked
	MOVD entry_due(R20), R1
	CMP  R21, R1
	BGT  later

	MOVD entry_beats(R20), R0
	CBZ  R0, beaten
	MOVD thread_offset(R19), R2
	SUB  R2, R21, R2
	MOVD entry_at(R20), R3
	STLR R2, (R3)

beat:
	LDAXR (R0), R2
	ADD  $1, R2
	STLXR R2, (R0), R3
	CBNZ R3, beat

beaten:
	MOVD $0, R23
	MOVD entry_every(R20), R5
	CBZ  R1, ontime
	SUB  R1, R21, R2
	ADD  R5<<1, ZR, R3
	ADD  $const_lateBy, R3
	CMP  R3, R2
	BLE  ontime
	MOVD $1, R23             // the process was stopped

ontime:
	MOVD entry_phase(R20), R4
	SUB  R4, R21, R2
	SDIV R5, R2, R3
	MUL  R5, R3
	ADD  R5, R3
	ADD  R4, R3
	MOVD R3, entry_due(R20)

	ADD  $entry_armed, R20, R0
	LDARW (R0), R6
	CBZ  R6, disarmed
	MOVD entry_shared(R20), R0
	LDAR (R0), R2            // shared
	MOVD entry_line(R20), R0
	LDAR (R0), R3            // line
	ADD  $entry_value, R20, R0
	LDAR (R0), R4
	TBZ  $0, R6, reaches     // armDiffers
	CMP  R4, R2
	BEQ  reaches
	MOVD $1, R23

reaches:
	TBZ  $1, R6, stands      // armReaches
	SUB  R4, R2, R7
	TBNZ $63, R7, stands
	MOVD $1, R23

stands:
	TBZ  $2, R6, changes     // armStands
	CBZ  R3, standing
	MOVD (entry_seen+8)(R20), R7
	CMP  R7, R3
	BNE  changes
	MOVD entry_seen(R20), R7
	CMP  R7, R2
	BNE  standing
	MOVD entry_stood(R20), R7
	CMP  R7, R3
	BEQ  changes

standing:
	MOVD R3, entry_stood(R20)
	MOVD $1, R23

changes:
	TBZ  $3, R6, silent      // armChanges
	MOVD (entry_seen+8)(R20), R7
	CMP  R7, R3
	BEQ  silent
	MOVD $1, R23

silent:
	TBZ  $5, R6, quiet       // armLingers
	CBZ  R3, quiet
	MOVD (entry_seen+8)(R20), R7
	CMP  R7, R3
	BNE  quiet
	MOVD $1, R23

quiet:
	TBZ  $4, R6, seen        // armSilent
	MOVD entry_seen(R20), R7
	CMP  R7, R2
	BNE  seen
	MOVD thread_offset(R19), R7
	SUB  R7, R21, R7
	MOVD entry_at(R20), R0
	LDAR (R0), R8
	SUB  R8, R7
	ADD  R5>>1, R5, R8
	CMP  R8, R7
	BLS  seen
	MOVD $1, R23

seen:
	MOVD R2, entry_seen(R20)
	MOVD R3, (entry_seen+8)(R20)

disarmed:
	ADD  $entry_after, R20, R0

count:
	LDAXRW (R0), R1
	CBZW R1, uncounted
	SUBW $1, R1
	STLXRW R1, (R0), R2
	CBNZ R2, count
	CBNZW R1, counted
	MOVD $1, R23
	B    counted

uncounted:
	CLREX

counted:
	MOVD entry_path(R20), R1
	CBZ  R1, same
	MOVD $-100, R0           // statx(AT_FDCWD, path, 0, STATX_INO|STATX_MTIME, &statx)
	MOVD $0, R2
	MOVD $const_fileMask, R3
	ADD  $thread_statx, R19, R4
	MOVD $291, R8
	SVC
	CBZ  R0, looked
	MOVD ZR, (thread_statx+0x20)(R19)
	MOVD ZR, (thread_statx+0x88)(R19)
	MOVD ZR, (thread_statx+0x70)(R19)
	MOVD ZR, (thread_statx+0x78)(R19)

looked:
	MOVD (thread_statx+0x20)(R19), R1
	MOVD entry_file(R20), R2
	CMP  R1, R2
	BEQ  second
	MOVD R1, entry_file(R20)
	MOVD $1, R23

second:
	MOVD (thread_statx+0x88)(R19), R1
	MOVD (entry_file+8)(R20), R2
	CMP  R1, R2
	BEQ  third
	MOVD R1, (entry_file+8)(R20)
	MOVD $1, R23

third:
	MOVD (thread_statx+0x70)(R19), R1
	MOVD (entry_file+16)(R20), R2
	CMP  R1, R2
	BEQ  fourth
	MOVD R1, (entry_file+16)(R20)
	MOVD $1, R23

fourth:
	MOVD (thread_statx+0x78)(R19), R1
	MOVD (entry_file+24)(R20), R2
	CMP  R1, R2
	BEQ  same
	MOVD R1, (entry_file+24)(R20)
	MOVD $1, R23

same:
	CBZ  R23, later
	MOVD $1, R24
	ADD  $entry_raised, R20, R0
	STLRW R24, (R0)

later:
	MOVD entry_due(R20), R1
	CMP  R22, R1
	BGE  next
	MOVD R1, R22

next:
	ADD  $entry_next, R20, R0
	LDAR (R0), R20
	B    walk

walked:
	MOVD thread_pass(R19), R0

leave:
	LDAXR (R0), R1
	ADD  $1, R1
	STLXR R1, (R0), R2
	CBNZ R2, leave
	CBZ  R24, reported
	MOVW thread_event(R19), R0 // write(event, &one, 8)
	ADD  $thread_one, R19, R1
	MOVD $8, R2
	MOVD $64, R8
	SVC

reported:
	ADD  $thread_quit, R19, R0
	LDARW (R0), R1
	CBZW R1, sleep
	MOVD $0, R0              // exit(0), of this thread
	MOVD $93, R8
	SVC

sleep:
	SUB  R21, R22, R1
	MOVD $1000000000, R2
	SDIV R2, R1, R3
	MSUB R2, R1, R3, R4
	MOVD R3, thread_time(R19)
	MOVD R4, (thread_time+8)(R19)
	ADD  $thread_changed, R19, R0 // futex(&changed, FUTEX_WAIT_PRIVATE, changed, &time)
	MOVD $128, R1
	MOVD R25, R2
	ADD  $thread_time, R19, R3
	MOVD $0, R4
	MOVD $0, R5
	MOVD $98, R8
	SVC
	B    again
