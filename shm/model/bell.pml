/* The receiver's doorbell (shm/doorbell.go): senders publish, the receiver sleeps.
 *
 * Stores go through a sender's store buffer (TSO). The stamp of L5 is a plain store.
 * Locked instructions and system calls drain the buffer, and so does membarrier, one
 * processor after another.
 *
 * Sizes:   NS senders; NR records each; MAXD of them killed at any step
 * FENCE=2  the receiver calls membarrier (default); 1: bellFence is set, senders
 *          fence; 0: no process fences (a mutant)
 * SELF     sender 0 could not register for membarrier: it fences (Producer.fence);
 *          with M_UNREG it does not
 * ORFIRST  Announce sets the sleeping flag before it adds to the epoch; ONESTEP: both
 *          in one step. Both orders are right too
 * TICK     the cost of a death: a sleeper is woken by its tick, as in Receiver.tick
 */
#ifndef NS
#define NS 2
#endif
#ifndef NR
#define NR 2
#endif
#ifndef MAXD
#define MAXD 0
#endif
#ifndef FENCE
#define FENCE 2
#endif
#define TOTAL (NS*NR)
/* Epochs grow forever, so the model stores what each sender knows of the current one;
 * an announcement resets all. */
#define UNSEEN 0
#define SEEN 1                          /* Notify has read the flags */
#define ANSWERED 2                      /* and has notified the receiver */
#ifdef M_NOEPOCH
#define NEWEPOCH skip
#else
#define FORGET k = 0; do :: k < NS -> epoch[k] = UNSEEN; k++ :: else -> break od; k = 0
#define NEWEPOCH d_step { FORGET }
#endif

byte tail, h, kills, gone;
bool rung;                              /* seq has changed since the receiver read it */
bool stamp[TOTAL+1], lost[TOTAL+1];     /* lost: its owner died before L5 */
bool sleeping;                          /* bellSleeping */
bool asleep;                            /* queued on the futex */
byte buffer[NS];                        /* a stamp still buffered: position + 1 */
byte ringing;                           /* live senders between L5 and the end of L6 */
byte attached = NS;
byte epoch[NS];

#define DRAINED(k) (buffer[k] == 0)
#define DRAIN(k) if :: buffer[k] != 0 -> stamp[buffer[k]-1] = true; buffer[k] = 0 :: else fi
#define KILL(x) atomic { kills < MAXD -> kills++; x; goto dead }

active [NS] proctype Sender()
{
   byte p, r;
next:
   atomic { p = 0; if :: r == NR -> goto detach :: else -> r++ fi };
   if                                   /* L3: a locked instruction */
   :: atomic { DRAINED(_pid) -> p = tail; tail++ }
   :: KILL(skip)
   fi;
   if                                   /* L5 */
   :: atomic { buffer[_pid] = p + 1; ringing++ }
   :: KILL(lost[p] = true)
   fi;
#if FENCE == 1
   if :: DRAINED(_pid) :: KILL(ringing--) fi;
#elif defined(SELF) && !defined(M_UNREG)
   if :: _pid != 0 || DRAINED(_pid) :: KILL(ringing--) fi;
#endif
   if                                   /* L6: one load of the flags */
   :: atomic { sleeping && epoch[_pid] != ANSWERED -> epoch[_pid] = SEEN }
   :: atomic { !sleeping || epoch[_pid] == ANSWERED ->
         ringing--;
         /* no sleeper is left behind without a sender that will notify it */
         assert(!(asleep && h < TOTAL && stamp[h] && ringing == 0));   /* B1 */
         goto next }
   :: KILL(ringing--)
   fi;
#ifdef M_SENDERCLEARS
   if :: atomic { DRAINED(_pid) -> sleeping = false } :: KILL(ringing--) fi;
#endif
#ifndef M_NOSEQ
   if :: atomic { DRAINED(_pid) -> rung = true } :: KILL(ringing--) fi;
#endif
   if :: atomic { DRAINED(_pid) -> asleep = false; ringing--;
         if :: epoch[_pid] == SEEN -> epoch[_pid] = ANSWERED :: else fi } :: KILL(ringing--) fi;
   goto next;
detach:
   if :: goto over :: skip fi;          /* stays alive, or DetachSender: unlock, then WakeAll */
   atomic { DRAINED(_pid) -> attached--; r = 0; epoch[_pid] = UNSEEN };
   rung = true;
   asleep = false;
   goto over;
dead:
   atomic { attached--; gone++; p = 0; r = 0; epoch[_pid] = UNSEEN }
over:
   skip
}

active [NS] proctype StoreBuffer()
{
end:
   do
   :: atomic { !DRAINED(_pid - NS) -> DRAIN(_pid - NS) }
   od
}

active proctype Receiver()
{
   byte k;
look:
   atomic {
      k = 0;
      if
      :: h < tail && stamp[h] -> h++; goto look
      :: h < tail && !stamp[h] && lost[h] -> h++; goto look       /* Recover */
      :: else
      fi
   };
#ifndef M_SEQLATE
   rung = false;                        /* await: before the checks */
#endif
   atomic {                             /* settle: InFlight, then AnySenderAlive */
      if
      :: h < tail && (stamp[h] || lost[h]) -> goto look
      :: else
      fi };
   atomic {
      if
      :: attached == 0 && h == tail -> goto over
      :: attached == 0 && h < tail -> goto look                   /* checkDisconnected */
      :: else
      fi };
#if defined(ORFIRST)
   sleeping = true;
   NEWEPOCH;
#elif defined(ONESTEP)
   d_step { FORGET; sleeping = true };
#else
   NEWEPOCH;                            /* Announce: Add to the epoch, then Or */
   sleeping = true;
#endif
#if FENCE == 2
   do                                   /* membarrier: one processor after another */
   :: atomic { k < NS ->
#ifdef SELF
         if :: k == 0 :: else -> DRAIN(k) fi;
#else
         DRAIN(k);
#endif
         k++ }
   :: atomic { k == NS -> k = 0; break }
   od;
#endif
#ifdef M_SEQLATE
   rung = false;
#endif
#ifndef M_NOLOOK
   atomic { if :: h < tail && stamp[h] -> goto retract :: else fi };   /* Ready */
#endif
   atomic { if :: !rung -> asleep = true :: else -> goto retract fi };     /* Sleep */
end:
   if
   :: !asleep
#ifdef TICK
   :: atomic { asleep && (h != tail || attached == 0) -> asleep = false }
#endif
   fi;
retract:
   sleeping = false;
   goto look;
over:
   assert(h == tail && tail + gone*NR >= TOTAL)                   /* B2: all is received */
}

active proctype Judge()
{
   timeout;
   /* when no process moves, the receiver sleeps neither over a message nor after disconnection */
   assert(!(asleep && ((h < tail && stamp[h]) || attached == 0)))      /* B3 */
}
