/* The flag that asks the receiver to fence at every release (shm/must_fence.go).
 * Senders without membarrier attach, send, sleep over a full ring, and detach or are
 * killed. The receiver clears the flag when it finds no such sender.
 *
 * As in line.pml the receiver's store of head goes through its store buffer.
 * Messages have one unit, and the receiver wakes all waiting senders: line.pml models
 * which senders it must wake and when it may clear lineWaiting. Each sender has a
 * slot of its own, which it takes again at its next visit.
 *
 * Sizes:   NS senders, of which the first UN have no membarrier; NV visits of
 *          each, with NR messages; CAP the ring's units; MAXD senders and MAXC
 *          receivers killed at any step
 */
#ifndef NS
#define NS 2
#endif
#ifndef UN
#define UN 1
#endif
#ifndef NV
#define NV 2
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

byte tail, head, mine;
byte kills, crashes, corpses, left = NS;
bool flag;                              /* lineFence */
bool announced;                         /* lineWaiting */
bool rung[NS], asleep[NS], live[NS], mark[NS], dead[NS];

#define ROOM (tail - head < CAP)
#define DRAINED (head == mine)
#define WAKE d_step { w = 0; do :: w < NS -> asleep[w] = false; w++ :: else -> break od; w = 0 }
#define RING d_step { w = 0; do :: w < NS -> rung[w] = true; w++ :: else -> break od; w = 0 }
#define KILL atomic { kills < MAXD -> kills++; asleep[_pid] = false; dead[_pid] = true; corpses = corpses + live[_pid]; goto gone }

active [NS] proctype Sender()
{
   byte r, v;
visit:
   atomic { if :: v == NV -> goto gone :: else -> v++; r = 0 fi };
   if :: mark[_pid] = false :: KILL fi; /* occupy */
   if :: live[_pid] = true :: KILL fi;
   if
   :: _pid < UN ->                      /* MustFence */
#ifdef M_FLAGFIRST
      if :: flag = true :: KILL fi;
      if :: mark[_pid] = true :: KILL fi;
#else
#ifndef M_NOMARK
      if :: mark[_pid] = true :: KILL fi;
#endif
      if :: flag = true :: KILL fi;
#endif
      if :: DRAINED :: KILL fi          /* stores buffered at that time arrive before it sleeps */
   :: else
   fi;
next:
   atomic { if :: r == NR -> goto leave :: else -> r++ fi };
claim:
   if
   :: atomic { if :: ROOM -> tail++; goto next :: else fi }           /* L0 to L3 */
   :: KILL
   fi;
   if :: rung[_pid] = false :: KILL fi;
   if :: announced = true :: KILL fi;   /* Announce */
   if
   :: _pid >= UN -> head = mine         /* membarrier drains the receiver's buffer */
   :: _pid < UN
   :: KILL
   fi;
   if
   :: atomic { if :: ROOM -> goto claim :: else fi }                  /* ready */
   :: KILL
   fi;
   if                                   /* Sleep */
   :: atomic { if :: !rung[_pid] -> asleep[_pid] = true :: else -> goto claim fi }
   :: KILL
   fi;
   if
   :: !asleep[_pid]
   :: KILL
   fi;
   goto claim;
leave:
   if :: live[_pid] = false :: KILL fi; /* vacate */
   goto visit;
gone:
   atomic { left--; r = 0; v = 0; rung[_pid] = false }
}

active [NS] proctype Reaper()           /* of the sender with pid - NS */
{
end:
   atomic { dead[_pid - NS] && live[_pid - NS] -> live[_pid - NS] = false; corpses-- }
}

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
   bool f, ending;
take:
   if
   :: atomic { mine < tail -> mine++ }  /* Release: the store of head */
   CRASH
   :: atomic { mine == tail && flag && left > 0 -> goto review }      /* Review, idle */
   :: atomic { left == 0 && corpses == 0 && mine == tail -> ending = true; goto review }
   fi;
   if                                   /* Release: one load of the flags */
   :: atomic { flag -> f = true }
   :: atomic { !flag && announced -> f = false }
   :: atomic { !flag && !announced -> goto take }
   CRASH
   fi;
   if                                   /* wakeSenders */
   :: atomic { f -> f = false }
   :: atomic { !f -> goto wake }
   fi;
   if :: DRAINED CRASH fi;              /* fullFence */
   if :: skip :: goto wake CRASH fi;    /* V1: the endpoints or the time have changed, or not */
review:
   if :: w = 0 CRASH fi;
#ifndef M_SCANFIRST
   if :: atomic { DRAINED -> flag = false } CRASH fi;                 /* V2 */
#endif
#ifndef M_NOSCAN
scan:
   if                                   /* V3 */
   :: atomic { w < NS && live[w] }
   :: atomic { w < NS && !live[w] -> w++; goto scan }
   :: atomic { w == NS -> goto none }
   CRASH
   fi;
   if
   :: atomic { mark[w] }
   :: atomic { !mark[w] -> w++; goto scan }
   CRASH
   fi;
   if :: flag = true CRASH fi;          /* V4 */
   goto wake;
none:
#endif
#ifdef M_SCANFIRST
   if :: atomic { DRAINED -> flag = false } CRASH fi;
#endif
wake:
   w = 0;
   if
   :: atomic { ending -> goto over }
   :: atomic { !ending && announced }
   :: atomic { !ending && !announced -> goto take }
   CRASH
   fi;
   if :: atomic { DRAINED -> RING } CRASH fi;
   if :: WAKE CRASH fi;
   goto take;
dies:
   atomic { DRAINED -> f = false; ending = false; RING };             /* AttachReceiver: WakeSenders */
   WAKE;
#ifdef M_NOREVIEW
   goto take;
#endif
   goto review;                         /* NewConsumer */
over:
   atomic {
      w = 0;
      do
      :: w < NS && !(live[w] && mark[w]) -> w++
      :: else -> break
      od;
      assert(!flag || w < NS)           /* H1 */
   }
}
