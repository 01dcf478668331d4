/* The lock among a Sender's goroutines (internal/asymlock): Unlock makes a plain release
 * store and then checks the number of waiters; a waiter increments it, calls
 * membarrier, tries again and sleeps.
 *
 * The store of Unlock goes through the goroutine's store buffer (TSO). Locked
 * instructions and system calls drain it, and so does membarrier, one processor after
 * another. Lock.mu and Lock.freed, from the standard library, are assumed correct.
 *
 * Sizes:   NG goroutines, NR turns each
 * FENCE=2  waiters call membarrier (default); 1: waiters is one too high, so Unlock
 *          always calls wake, whose mutex fences (Lock.alone); 0: no goroutine fences
 * REFUSED  from some time on the kernel refuses membarrier: such a waiter polls instead
 *          of sleeping
 */
#ifndef NG
#define NG 3
#endif
#ifndef NR
#define NR 2
#endif
#ifndef FENCE
#define FENCE 2
#endif

bool held;                              /* in memory */
#ifdef REFUSED
bool refuses;                           /* the kernel does */
#endif
bool storing[NG];                       /* Unlock's store is still buffered */
byte waiters;
bool mu;
bool asleep[NG];                        /* in freed.Wait */
byte inside;

#define DRAINED(k) (!storing[k])
#define DRAIN(k) if :: storing[k] -> storing[k] = false; held = false :: else fi
#define LOCKMU atomic { DRAINED(_pid) && !mu -> mu = true }
/* the compare-and-swap */
#define TRY(won) atomic { DRAINED(_pid) -> if :: !held -> held = true; inside++; goto won :: else fi }

active [NG] proctype Goroutine()
{
   byte r, k;
#ifdef REFUSED
   bool refused;
#endif
next:
   atomic { if :: r == NR -> goto over :: else -> r++ fi };
   TRY(in);                             /* Lock; a few more tries change nothing */
   LOCKMU;                              /* wait */
   waiters++;
#ifdef REFUSED
   atomic { if :: refuses = true :: skip fi;
      refused = refuses };
   if :: refused -> goto again :: else fi;
#endif
#if FENCE == 2
   do                                   /* membarrier */
   :: atomic { k < NG -> DRAIN(k); k++ }
   :: atomic { k == NG -> k = 0; break }
   od;
#endif
#ifdef M_NOLOOK
   goto sleep;
#endif
again:
   TRY(won);
#ifdef M_NOMU
   mu = false;
#endif
#ifdef REFUSED
   if
   :: refused ->
      mu = false;
#ifdef M_REFUSEDSLEEPS
      goto sleep;
#endif
      LOCKMU;
      goto again
   :: else
   fi;
#endif
sleep:
   atomic { mu = false; asleep[_pid] = true };                         /* freed.Wait */
   !asleep[_pid];
#ifdef M_UNCOUNTED
   waiters--;
#endif
   LOCKMU;
   goto again;
won:
#ifdef REFUSED
   refused = false;
#endif
#ifndef M_UNCOUNTED
   waiters--;
#endif
   mu = false;
in:
   assert(inside == 1);                                                /* F1 */
#ifdef M_LOOKFIRST
   k = waiters;
#endif
   atomic { inside--; storing[_pid] = true };                          /* Unlock: the release store */
   if
#if FENCE == 1
   :: true
#elif defined(M_LOOKFIRST)
   :: atomic { k == 0 -> goto next }
   :: atomic { k != 0 -> k = 0 }
#else
   :: waiters == 0 -> goto next
   :: waiters != 0
#endif
   fi;
#ifndef M_NOMU
   LOCKMU;                              /* wake */
#endif
   atomic {
      DRAINED(_pid);
      if
      :: asleep[0] -> asleep[0] = false
      :: asleep[1] -> asleep[1] = false
      :: asleep[NG-1] -> asleep[NG-1] = false
      :: else
      fi };
#ifndef M_NOMU
   mu = false;
#endif
   goto next;
over:
   skip
}

active [NG] proctype StoreBuffer()
{
end:
   do
   :: atomic { !DRAINED(_pid - NG) -> DRAIN(_pid - NG) }
   od
}
