/* The gate of a Receiver's calls (internal/asymlock): Leave makes a plain release store
 * and then checks whether the gate is closed; Close closes it, calls membarrier and
 * checks whether a call is inside. The last of them runs finish.
 *
 * The store of Leave goes through the caller's store buffer (TSO). Locked instructions
 * and system calls drain it, and so does membarrier, one processor after another.
 *
 * Sizes:   NC callers, NR calls each
 * FENCE=2  the closer calls membarrier (default); 1: Leave fences (Gate.alone); 0: no
 *          goroutine fences
 */
#ifndef NC
#define NC 2
#endif
#ifndef NR
#define NR 2
#endif
#ifndef FENCE
#define FENCE 2
#endif

#define OUT 0
#define IN 1
#define SHUT 2
byte inside;                            /* in memory */
bool leaving[NC];                       /* Leave's store is still buffered */
bool closed, finished;
byte within;                            /* callers using what finish releases */
byte over;

#define DRAINED(k) (!leaving[k])
#define DRAIN(k) if :: leaving[k] -> leaving[k] = false; inside = OUT :: else fi
/* last: the compare-and-swap, then finish */
#define FINISH assert(within == 0); assert(!finished); finished = true                  /* G1, G2 */
#if defined(M_ANYWAY)
bool finishing;
#define LAST if \
   :: atomic { finishing -> skip } \
   :: atomic { !finishing -> finishing = true }; FINISH \
   fi
#else
#define LAST if \
   :: atomic { inside != OUT -> skip } \
   :: atomic { inside == OUT -> inside = SHUT }; FINISH \
   fi
#endif

active [NC] proctype Caller()
{
   byte r;
   bool seen;
next:
   atomic { if :: r == NR -> goto done :: else -> r++ fi };
   atomic { DRAINED(_pid) ->                                           /* Enter */
      if :: inside != OUT -> goto next :: else -> inside = IN fi };
   if :: closed -> goto leave :: else fi;
   within++;
   assert(!finished);                                                  /* G1 */
   within--;
leave:
#ifdef M_LOOKFIRST
   seen = closed;
#endif
   leaving[_pid] = true;                                               /* Leave: the release store */
#if FENCE == 1
   DRAINED(_pid);
#endif
#ifndef M_LOOKFIRST
   seen = closed;
#endif
   if :: !seen -> goto next :: else fi;
   DRAINED(_pid);
   LAST;
   goto next;
done:
   over++
}

active proctype Closer()
{
   byte k;
   closed = true;
#if FENCE == 2
   do                                   /* membarrier */
   :: atomic { k < NC -> DRAIN(k); k++ }
   :: atomic { k == NC -> k = 0; break }
   od;
#endif
   LAST;
   over == NC;
   assert(finished)                                                    /* G3 */
}

active [NC] proctype StoreBuffer()
{
end:
   do
   :: atomic { !DRAINED(_pid - NC - 1) -> DRAIN(_pid - NC - 1) }
   od
}
