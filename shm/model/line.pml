/* The line (shm/line.go, shm/waiter.go): senders wait for room, or until their
 * messages are received; the receiver releases room. The step labels are those of line.go.
 *
 * The receiver's store of head is plain and goes through its store buffer: buf of the
 * units in use are released there, but not yet in memory. All other stores here are
 * locked instructions. Messages have one unit or two, and a claim commits at once.
 * Positions are relative to head, and tickets are renamed in order whenever one is
 * drawn, so endless runs have finitely many states.
 *
 * Sizes:   NS senders; NR messages each; CAP the ring's units; MAXG times a sender
 *          gives up while it is in line, or does not wait; MAXD senders and MAXC
 *          receivers die at any step, or stop there permanently
 * USED     units in use initially
 * FENCE=2  senders call membarrier (default); 1: the receiver always fences; 0: no
 *          process fences
 * BEATS    how often a beat finds something to do (Ring.Tend, and waking waiters)
 *          while no other process moves
 * PASS     times that a live first is passed over, since it missed a beat, at any
 *          moment; it continues later
 * FLUSH    senders may wait until everything claimed is received
 * ANY      each message has one unit or two; otherwise the first sender's have one and
 *          the others' two
 * PASSED   for T2: a sender reads the first's need one step before it claims
 * BARRED   a ringful has passed the first: no other sender claims
 * LIVE     no sender ends. Sender 0 sends single units and never waits. Use it with
 *          the formula and weak fairness
 *
 * The receiver may stop for good after any release.
 *
 * T1  when no process moves, no sender sleeps whose need is met or position is reached
 * T2  each other sender claims at most once against the room of the first in line
 * T3  when no process moves, no turn names a ticket that has left
 * T4  (LIVE) a sender in line gets its room
 */
#ifndef NS
#define NS 2
#endif
#ifndef NR
#define NR 2
#endif
#ifndef CAP
#define CAP 2
#endif
#ifndef MAXD
#define MAXD 0
#endif
#ifndef MAXC
#define MAXC 0
#endif
#ifndef MAXG
#define MAXG 0
#endif
#ifndef BEATS
#define BEATS 0
#endif
#ifndef PASS
#define PASS 0
#endif
#ifndef FENCE
#define FENCE 2
#endif

#define RECV NS                         /* process: a sender, the receiver, a beat */
#define BEAT (NS + 1)
#define NP (NS + 2)

#ifndef USED
#define USED 0
#endif
byte used = USED, buf;                  /* tail - head; the units of it that are released, but not in memory */
byte T[NS + 1 + 2 * NP];                /* all tickets: in the slots, in turn, and in hand */
#define TURN T[NS]                      /* the ticket of the first in line; 0: none */
#define SAW(p) T[NS + 1 + p]            /* the turn that p has loaded */
#define LOW(p) T[NS + 1 + NP + p]       /* the lowest ticket that p has found */
byte holder, claims;                    /* slot and need in turn */
byte sawSlot[NP], lowSlot[NP], lowNeed[NP];
byte need[NS];
bool passed[NS], mark[NS];
bool odd[NS];                           /* the doorbell's lowest bit */
bool rung[NS];                          /* the doorbell has changed since its owner announced itself */
bool asleep[NS], waits[NS], dead[NS];
bool flag;                              /* lineWaiting */
bool even[NP];                          /* p has made a doorbell even, and is about to wake its owner */
bool intruded[NS];                      /* ghost: has claimed against the present first */
byte pos[NS], lowest;                   /* positions: 1 is head, 0 is none */
byte kills, crashes, givenup, beats, passes;

#define ROOM(n) (used + n <= CAP)
#ifdef M_NORESERVE                      /* small messages do not reserve the first sender's room */
#define RESERVE (TURN != 0 && holder != me && n > 1 -> claims : 0)
#else
#ifdef BARRED
#define RESERVE (TURN != 0 && holder != me -> CAP : 0)
#else
#define RESERVE (TURN != 0 && holder != me -> claims : 0)
#endif
#endif
#define DRAINED (buf == 0)
#define DRAIN used = used - buf; LOWER(buf); buf = 0
#define VALID(t,s) (t != 0 && T[s] == t && !passed[s])
#define KILL :: atomic { kills < MAXD -> kills++; goto gone }
#define CRASH :: atomic { crashes < MAXC -> crashes++; goto dies }

#ifdef FLUSH
#define LOWER(n) k = 0; do :: k < NS -> if :: pos[k] > n -> pos[k] = pos[k] - n :: pos[k] > 0 && pos[k] <= n -> pos[k] = 1 :: else fi; k++ :: else -> break od; k = 0; \
   if :: lowest > n -> lowest = lowest - n :: lowest > 0 && lowest <= n -> lowest = 1 :: else fi
#else
#define LOWER(n) skip
#endif

/* All tickets are renamed from 1 on; x is the highest. */
#define RENAME(x) x = 0; h = 0; \
   do \
   :: m = 255; k = 0; \
      do :: k < NS + 1 + 2 * NP -> if :: T[k] > h && T[k] < m -> m = T[k] :: else fi; k++ :: else -> break od; \
      if :: m == 255 -> break :: else fi; \
      x++; k = 0; \
      do :: k < NS + 1 + 2 * NP -> if :: T[k] == m -> T[k] = x :: else fi; k++ :: else -> break od; \
      h = m \
   od; k = 0; h = 0; m = 0

#define LOWEST(p) d_step { LOW(p) = 0; lowSlot[p] = 0; lowNeed[p] = 0; k = 0; \
   do :: k < NS -> \
      if :: mark[k] && T[k] != 0 && !passed[k] && (LOW(p) == 0 || T[k] < LOW(p)) -> LOW(p) = T[k]; lowSlot[p] = k; lowNeed[p] = need[k] :: else fi; k++ \
   :: else -> break od; k = 0 }

#define NAME(t,s,n) TURN = t; holder = s; claims = n; k = 0; \
   do :: k < NS -> intruded[k] = false; k++ :: else -> break od; k = 0

#define PUTDOWN(p) SAW(p) = 0; sawSlot[p] = 0; LOW(p) = 0; lowSlot[p] = 0; lowNeed[p] = 0

/* E: SAW(p) is the turn then, or 0. */
#define ELECT(p, DEATH) \
   do \
   :: atomic { SAW(p) = TURN; sawSlot[p] = holder; \
         if :: VALID(SAW(p), sawSlot[p]) -> break :: else -> skip fi }; \
      if \
      :: atomic { LOWEST(p); \
            if :: LOW(p) == 0 && SAW(p) == 0 -> PUTDOWN(p); break :: else -> skip fi } \
      DEATH \
      fi; \
      if \
      :: atomic { \
            if \
            :: TURN == SAW(p) && holder == sawSlot[p] -> NAME(LOW(p), lowSlot[p], lowNeed[p]); NAMED(p) \
            :: else -> PUTDOWN(p) \
            fi } \
      DEATH \
      fi \
   od

#ifdef M_NOELECTLOOK                    /* the elected sender may have left meanwhile */
#define NAMED(p) SAW(p) = LOW(p); sawSlot[p] = lowSlot[p]; LOW(p) = 0; lowSlot[p] = 0; lowNeed[p] = 0; break
#else
#define NAMED(p) PUTDOWN(p)
#endif

/* W: a process makes the doorbell even, and then wakes its owner. */
#define WAKE(p, s, cond, DEATH) \
   if \
   :: atomic { if :: (cond) && odd[s] -> odd[s] = false; rung[s] = true; even[p] = true :: else -> skip fi } \
   DEATH \
   fi; \
   if \
   :: atomic { even[p] -> even[p] = false; asleep[s] = false } \
   :: atomic { !even[p] -> skip } \
   DEATH \
   fi

#define RINGALL d_step { k = 0; \
   do :: k < NS -> if :: mark[k] && !dead[k] && (odd[k] || asleep[k]) -> rung[k] = true; asleep[k] = false :: else fi; k++ :: else -> break od; k = 0 }

proctype Sender(byte me)
{
   byte n, res, quota, k, h, m, x;
   quota = NR;
next:
   if
   :: atomic { quota > 0 ->
#ifndef LIVE
         quota--;
#endif
#ifdef ANY
         if :: n = 1 :: n = 2 fi
#else
         n = (me == 0 -> 1 : 2)
#endif
      }
   :: atomic { quota == 0 -> goto gone }
   KILL
   fi;
claim:
#ifdef PASSED
   if :: res = RESERVE KILL fi;
#endif
   if                                   /* L3 */
   :: atomic {
#ifndef PASSED
         res = RESERVE;
#endif
         if
         :: ROOM(n + res) ->
            used = used + n; beats = 0; waits[me] = false; res = 0;
#ifdef PASSED
            if
            :: holder != me && VALID(TURN, holder) && !ROOM(claims) ->
               assert(!intruded[me]);   /* T2 */
               intruded[me] = true
            :: else
            fi;
#endif
            n = 0; goto leave
         :: else -> res = 0
         fi }
   KILL
   fi;
#ifdef LIVE
   if :: me == 0 -> goto next :: else fi;
#endif
   if
   :: atomic { givenup < MAXG -> givenup++; waits[me] = false; n = 0; goto leave }
   :: atomic { T[me] == 0 -> d_step { RENAME(x); T[me] = x + 1; x = 0; need[me] = n; waits[me] = true } }   /* J */
   :: atomic { T[me] != 0 -> passed[me] = false; waits[me] = true }
   KILL
   fi;
   if :: mark[me] = true KILL fi;
#ifndef M_NOELECT
   ELECT(me, KILL);
#ifndef M_NOJOINWAKE
   WAKE(me, sawSlot[me], SAW(me) != 0 && sawSlot[me] != me && ROOM(need[sawSlot[me]]), KILL);
#endif
#endif
   if :: atomic { PUTDOWN(me); odd[me] = true; rung[me] = false } KILL fi;   /* A */
   if :: flag = true KILL fi;
#if FENCE == 2
   if :: d_step { DRAIN } KILL fi;      /* membarrier drains the receiver's buffer */
#endif
#ifndef M_NOLOOK
   if
   :: atomic { if :: ROOM(n + RESERVE) -> rung[me] = false; goto claim :: else fi }
   KILL
   fi;
#endif
   if                                   /* sleep */
   :: atomic { if :: !rung[me] -> asleep[me] = true :: else fi }
   KILL
   fi;
   if :: atomic { !asleep[me] -> rung[me] = false } KILL fi;
   goto claim;
leave:                                  /* L */
   atomic { if :: T[me] == 0 -> goto flush :: else -> SAW(me) = T[me]; sawSlot[me] = me fi };
#ifdef M_TURNFIRST
   if :: atomic { if :: TURN == SAW(me) && holder == me -> NAME(0, 0, 0) :: else fi } KILL fi;
#endif
   if :: d_step { T[me] = 0; passed[me] = false; need[me] = 0; RENAME(x); x = 0 } KILL fi;
   if :: mark[me] = false KILL fi;
#ifndef M_TURNFIRST
   if
   :: atomic {
         if
         :: TURN == SAW(me) && holder == me -> d_step { NAME(0, 0, 0); PUTDOWN(me); RENAME(x); x = 0 }
         :: else -> d_step { PUTDOWN(me); RENAME(x); x = 0 }; goto flush
         fi }
   KILL
   fi;
#endif
#ifndef M_NOHAND
   ELECT(me, KILL);
#ifndef M_NOWAKENEXT
   WAKE(me, sawSlot[me], SAW(me) != 0 && ROOM(need[sawSlot[me]]), KILL);
#endif
#endif
flush:
   atomic { PUTDOWN(me) };
#ifdef FLUSH
   if
   :: used > 0
   :: goto next
   fi;
   if :: atomic { if :: used == 0 -> goto next :: else -> pos[me] = used + 1; m = pos[me] fi } KILL fi;
again:
   if :: mark[me] = true KILL fi;       /* Await */
   if :: atomic { if :: lowest == 0 || lowest > pos[me] -> lowest = pos[me] :: else fi } KILL fi;
   m = 0;
   if :: atomic { odd[me] = true; rung[me] = false } KILL fi;
   if :: flag = true KILL fi;
#if FENCE == 2
   if :: d_step { DRAIN } KILL fi;
#endif
#ifndef M_NOLOOK
   if :: atomic { if :: pos[me] == 1 -> goto reached :: else fi } KILL fi;
#endif
   if :: atomic { if :: !rung[me] -> asleep[me] = true :: else fi } KILL fi;
   if :: !asleep[me] KILL fi;
   if
   :: atomic { if :: pos[me] == 1 -> goto reached :: else -> goto again fi }
   KILL
   fi;
reached:
   if :: pos[me] = 0 KILL fi;           /* AwaitNothing */
   if :: mark[me] = false KILL fi;
#endif
   goto next;
gone:
   atomic {
      dead[me] = (quota > 0 || T[me] != 0 || mark[me] || n > 0 || waits[me]);
      asleep[me] = false; waits[me] = false; even[me] = false; PUTDOWN(me);
      n = 0; res = 0; quota = 0; m = 0 }
}

active proctype StoreBuffer()
{
   byte k;
end:
   do
   :: d_step { !DRAINED -> used--; buf--; LOWER(1) }
   od
}

active proctype Receiver()
{
   byte k, i;
   bool again, none;
take:
   if
   :: atomic { used > buf -> buf++; beats = 0 }
   CRASH
#ifndef LIVE
   :: goto over                         /* it stops here */
#endif
   fi;
#if FENCE == 1
   if :: DRAINED CRASH fi;
#endif
   if                                   /* one load of the flags */
   :: flag
   :: atomic { !flag -> goto take }
   CRASH
   fi;
#if FENCE != 0
   if :: DRAINED CRASH fi;              /* S */
#endif
serve:
   ELECT(RECV, CRASH);
   WAKE(RECV, sawSlot[RECV], SAW(RECV) != 0 && used - buf + need[sawSlot[RECV]] <= CAP, CRASH);
   none = true;
#ifdef FLUSH
   if
   :: atomic {
         if
         :: lowest == 0
         :: lowest > 0 && lowest > buf + 1 -> none = false
         :: lowest > 0 && lowest <= buf + 1 -> i = NS
         fi }
   CRASH
   fi;
   if
   :: i == 0
   :: else ->
      if :: lowest = 0 CRASH fi;
      i = 0;
      do
      :: i < NS && mark[i] && pos[i] > buf + 1 -> none = false;
         if :: atomic { if :: lowest == 0 || lowest > pos[i] && pos[i] > 0 -> lowest = pos[i] :: else fi; i++ } CRASH fi
      :: i < NS && mark[i] && pos[i] != 0 && pos[i] <= buf + 1 ->
         WAKE(RECV, i, true, CRASH); i++
      :: i < NS && (!mark[i] || pos[i] == 0) -> i++
      :: i == NS -> break
      CRASH
      od;
      i = 0
   fi;
#endif
   atomic {
      if :: SAW(RECV) != 0 || !none || again -> PUTDOWN(RECV); none = false; again = false; goto take :: else -> PUTDOWN(RECV); none = false fi };
   if :: atomic { DRAINED -> flag = false } CRASH fi;
#ifdef M_NOSECONDLOOK
   goto take;
#endif
   if
   :: atomic { k = 0;
         do
         :: k < NS && !(mark[k] && (T[k] != 0 && !passed[k] || pos[k] != 0)) -> k++
         :: else -> break
         od;
         if :: k == NS -> k = 0; goto take :: else -> k = 0; again = true fi }
   CRASH
   fi;
   if :: flag = true CRASH fi;
   goto serve;
dies:
   atomic { PUTDOWN(RECV); even[RECV] = false; again = false; none = false; i = 0;
      if :: DRAINED -> skip :: goto over fi };                          /* perhaps without a successor */
   RINGALL;                             /* AttachReceiver: WakeSenders */
   goto take;
over:
   atomic { again = false; none = false; i = 0 }
}

/* P: a beat of a waiting process, at rest or at any time; then each pokes its own. */
#if BEATS > 0 || PASS > 0
active proctype Beat()
{
   byte k, i;
end:
   do
   :: atomic {
#ifndef LIVE
         timeout && beats < BEATS ->
#endif
         i = 0;
         do :: i < NS && !waits[i] && !pos[i] -> i++ :: else -> break od;
         i < NS -> i = 0;
#ifndef LIVE
         beats++
#endif
      };
tend:
      ELECT(BEAT, );
#ifndef M_NOTEND
      if
      :: atomic { SAW(BEAT) != 0 && (dead[sawSlot[BEAT]] || i == 1) ->
            i = sawSlot[BEAT];
            if :: VALID(SAW(BEAT), i) -> passed[i] = true :: else fi; PUTDOWN(BEAT) };
         ELECT(BEAT, );
         WAKE(BEAT, sawSlot[BEAT], SAW(BEAT) != 0 && ROOM(need[sawSlot[BEAT]]), );
         atomic { if :: !dead[i] -> rung[i] = true; asleep[i] = false :: else fi; i = 0 }
      :: atomic { SAW(BEAT) == 0 || !dead[sawSlot[BEAT]] && i == 0 };
         WAKE(BEAT, sawSlot[BEAT], SAW(BEAT) != 0 && ROOM(need[sawSlot[BEAT]]), )
      fi;
#endif
      atomic { PUTDOWN(BEAT); i = 0; RINGALL }
#if PASS > 0
   :: atomic { passes < PASS && VALID(TURN, holder) && ROOM(claims) -> passes++; i = 1 };
      goto tend
#endif
   od
}
#endif

#ifndef LIVE
active proctype Judge()
{
   byte k, f;
   atomic { timeout && beats >= BEATS; k = 0; f = NS;
      do
      :: k < NS ->
         if :: asleep[k] && T[k] != 0 && !dead[k] && (f == NS || T[k] < T[f]) -> f = k :: else fi;
         assert(!(asleep[k] && pos[k] == 1));                           /* T1 */
         k++
      :: else -> break
      od;
      if :: VALID(TURN, holder) -> f = holder :: else fi;               /* a higher one, if the lower was late */
      assert(f == NS || dead[f] || !ROOM(need[f]));                     /* T1 */
      assert(!VALID(TURN, holder) || !dead[holder] || BEATS == 0);      /* T1 */
      assert(TURN == 0 || T[holder] == TURN || MAXD + MAXC > 0) }       /* T3 */
}
#endif

init
{
   byte i;
   atomic {
      do
      :: i < NS -> run Sender(i); i++
      :: else -> break
      od }
}

#ifdef LIVE
ltl progress { [] (waits[1] -> <> (!waits[1])) }
#endif
