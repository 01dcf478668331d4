/* The senders' doorbell (shm/bell.go, Consumer.wakeSenders): the receiver gives
 * room back, senders sleep over a full ring.
 *
 * The receiver's store of head is plain and goes through its store buffer: head
 * lies in memory, mine is what the receiver has stored. Messages are one unit and
 * committed as they are claimed.
 *
 * Sizes:   NS senders; NR messages each; CAP the ring's units; MAXD senders and
 *          MAXC receivers killed at any step (a new receiver comes, of a durable
 *          channel)
 * FENCE=2  senders call membarrier (default); 1: the receiver fences; 0: nobody
 * TICK     sleepers are woken by a tick of their process (Sender.tick) as well
 * ORPHAN   no new receiver comes after a death: for C2, with pan -E
 * STRIDE   not in the code: the receiver publishes head now and then, whenever it
 *          likes, at once if senders are announced when it has taken a message, and
 *          before it waits. What it took lies below taken
 * AWAY     with STRIDE: its user may leave for good after a message; with pan -E
 */
#ifndef NS
#define NS 2
#endif
#ifndef NR
#define NR 2
#endif
#ifndef CAP
#define CAP 1
#endif
#ifndef MAXD
#define MAXD 0
#endif
#ifndef MAXC
#define MAXC 0
#endif
#ifndef FENCE
#define FENCE 2
#endif

byte tail, head, mine;
#ifdef STRIDE
byte taken;
#define PUBLISH mine = taken
#else
#define taken mine
#endif
byte kills, crashes, left = NS;
bool rung[NS];                          /* seq is another than this sender read */
bool announced;                         /* bellSleeping of the senders' bell */
bool asleep[NS];
bool waits[NS];                         /* Sender.sleepers > 0 */
bool dead[NS];
bool absent;                            /* the receiver is dead, no other has come */
byte ticks[NS];                         /* headSeen of each sender's tick */

#define ROOM (tail - head < CAP)
#define DRAINED (head == mine)
#define WAKE d_step { w = 0; do :: w < NS -> asleep[w] = false; w++ :: else -> break od; w = 0 }
#define RING d_step { w = 0; do :: w < NS -> rung[w] = true; w++ :: else -> break od; w = 0 }
#define KILL atomic { kills < MAXD -> kills++; asleep[_pid] = false; dead[_pid] = true; goto gone }

active [NS] proctype Sender()
{
   byte r;
next:
   atomic { if :: r == NR -> goto gone :: else -> r++ fi };
claim:
   if
   :: atomic { waits[_pid] = false;
         if :: ROOM -> tail++; goto next :: else -> waits[_pid] = true fi }   /* L0 to L3 */
   :: KILL
   fi;
#ifndef M_SEQLATE
   if :: rung[_pid] = false :: KILL fi; /* sleepUntil */
#endif
   if :: announced = true :: KILL fi;   /* Announce */
#if FENCE == 2
   if :: head = mine :: KILL fi;        /* membarrier drains the receiver's buffer */
#endif
#ifdef M_SEQLATE
   if :: rung[_pid] = false :: KILL fi;
#endif
#ifndef M_NOLOOK
   if
   :: atomic { if :: ROOM -> goto claim :: else fi }                  /* ready */
   :: KILL
   fi;
#endif
   if                                   /* Sleep */
   :: atomic { if :: !rung[_pid] -> asleep[_pid] = true :: else -> goto claim fi }
   :: KILL
   fi;
   if
   :: !asleep[_pid]
   :: KILL
   fi;
   goto claim;
gone:
   atomic { left--; r = 0; rung[_pid] = false; waits[_pid] = false }
}

#ifdef TICK
active [NS] proctype Tick()             /* Sender.tick, of the sender with pid - NS */
{
   byte w, x;
end:
   do
   :: atomic { !dead[_pid - NS] && head != ticks[_pid - NS] -> x = head };
      atomic { ticks[_pid - NS] = x; x = 0;
#ifdef M_TICKBYFLAG
         if :: announced :: else -> goto end fi
#else
         if :: waits[_pid - NS] :: else -> goto end fi
#endif
      };
      RING;
      WAKE
   od
}
#endif

active proctype StoreBuffer()
{
end:
   do
   :: atomic { !DRAINED -> head++ }
   od
}

#define CRASH :: atomic { crashes < MAXC -> crashes++; goto dies }

active proctype Receiver()
{
   byte w;
take:
#ifdef STRIDE
   if
   :: atomic { taken < tail -> taken++ }
   CRASH
#ifdef M_NOPUBLISH
   :: atomic { left == 0 && taken == tail -> goto over }
#else
   :: atomic { taken == tail && mine != taken -> PUBLISH; goto wake }           /* before it waits */
   :: atomic { left == 0 && mine == tail -> goto over }
#endif
   fi;
   if
   :: PUBLISH                           /* the stride is over */
   :: atomic { announced -> PUBLISH }
   :: atomic { !announced -> goto user }
   CRASH
   fi;
#ifdef M_NOWAKE
   goto user;
#endif
#else
   if
   :: atomic { mine < tail -> mine++ }  /* Release: the store of head */
   CRASH
   :: atomic { left == 0 && mine == tail -> goto over }
   fi;
#endif
wake:
#if FENCE == 1
   if :: DRAINED CRASH fi;
#endif
   if                                   /* wakeSenders: one load of the flags */
   :: announced
   :: !announced -> goto user
   CRASH
   fi;
#ifdef M_SEQFIRST
   if :: atomic { DRAINED -> RING } CRASH fi;
   if :: announced = false CRASH fi;
#else
   if :: atomic { DRAINED -> announced = false } CRASH fi;
   if :: atomic { DRAINED -> RING } CRASH fi;
#endif
   if :: WAKE CRASH fi;
user:
#ifdef AWAY
   if :: skip :: goto over fi;
#endif
   goto take;
dies:
#ifdef ORPHAN
   absent = true;
   goto over;
#else
   atomic { DRAINED -> taken = mine; RING };                          /* AttachReceiver: Poke */
   WAKE;
   goto take;
#endif
over:
   skip
}

#if defined(ORPHAN) || defined(STRIDE)
/* Senders that still sleep when nothing moves any more find no room, published or not. */
active proctype Judge()
{
   byte w;
   atomic { timeout;
      w = 0;
      do
      :: w < NS -> assert(!(asleep[w] && tail - taken < CAP)); w++                  /* C2 */
      :: else -> break
      od }
}
#endif
