/* The receiver of ring.pml, which includes this file, and the start. */

/* Release: one store publishes head. State below it can match no later position, so
 * stamps and payload there are forgotten. */
#ifdef CYC
#define DEC(x) x = (x == NONE || x == 0 -> x : x - 1)
#define ROT(a) y = a[0]; z = 0; do :: z < CAP-1 -> a[z] = a[z+1]; z++ :: else -> break od; a[CAP-1] = y
#define PUBLISH d_step { skip; \
   do \
   :: h > 1 -> claim[1] = 0; stamp[1] = 0; ROT(claim); ROT(stamp); \
      z = 0; do :: z < CAP -> DEC(stamp[z]); z++ :: else -> break od; \
      z = 0; do :: z < NS -> DEC(intent[z]); if :: intent[z] == 0 -> intent[z] = NONE :: else fi; z++ :: else -> break od; \
      z = 0; do :: z < PROCS -> DEC(p_[z]); z++ :: else -> break od; \
      z = 0; do :: z <= PROCS -> DEC(it_[z]); DEC(tl_[z]); z++ :: else -> break od; \
      tail--; h--; y = 0; z = 0 \
   :: else -> break od; skip }
#else
#define PUBLISH d_step { skip; \
   do :: head < h -> claim[head%CAP] = 0; stamp[head%CAP] = 0; pay[head%CAP] = 0; head++ :: else -> break od; skip }
#endif
#define CRASH :: atomic { MAYCRASH; h = head; t = 0; b = 0; j = 0; cand = 0; last = 0; goto look }
#define SCAN do \
   :: h + j < b -> if :: stamp[(h+j)%CAP] == RDY(h+j) -> b = h+j :: else fi; j++ \
   :: else -> break od

proctype Receiver()
{
   byte t, b, j, cand, c;
   bool last;                      /* all senders were idle or dead at R1 */
#ifdef CYC
   byte y, z;
#endif
look:                              /* Next */
   atomic {
      t = 0; b = 0; j = 0; cand = 0; last = 0; c = 0;
      if
      :: stamp[h%CAP] == RDY(h) ->
#ifdef BIG
         c = claim[h%CAP] - 4; assert(c == 1 || c == 2);    /* A2 */
         h = h + c; c = 0;
         if :: PUBLISH :: skip fi;
         goto look
#else
         goto deliver
#endif
#ifdef BIG
      :: h != head && CANCRASH -> MAYCRASH; h = head; goto look
#endif
      :: stamp[h%CAP] != RDY(h)
      fi
   };
#if defined(BIG)
   if :: PUBLISH :: skip fi;
#else
   if                              /* Release, or messages that the user holds on to */
   :: PUBLISH
   :: skip
   CRASH
   fi;
#endif
   atomic {                        /* InFlight, R1; asleep while there is nothing */
      (tail != h || busy == 0);
      t = tail; last = (busy == 0);
      if
      :: t == h -> goto over
      :: else -> b = t; assert(t > h && t <= h + CAP);      /* A2 */
#ifdef BIG
         t = 0
#endif
      fi
   };
#ifdef M_SCANFIRST
   atomic { j = 1; SCAN; j = 0 };
#endif
   do                              /* R2 */
   :: atomic { j < NS ->
         if
         :: intent[j] == h -> cand = cand | (1 << j)
         :: intent[j] > h && intent[j] < b -> b = intent[j]
         :: else
         fi;
         j++ }
   :: atomic { j == NS -> j = 0; break }
   od;
#ifdef M_TAFTER
   atomic { b = (b == t -> tail : b); t = tail };
#endif
#ifndef M_NOR3
   atomic { if :: stamp[h%CAP] == RDY(h) -> goto look :: else fi };   /* R3 */
#endif
   assert(cand != 0);              /* A6: else the code reports corruption */
   do                              /* R4 */
   :: atomic { j < NS && !(cand & (1 << j)) -> j++ }
   :: atomic { j < NS && (cand & (1 << j)) ->
         if
         :: lock[j] == SENDER ->
               assert(!last);      /* A5: else the receiver would wait forever */
               goto look
         :: else
         fi;
         j++ }
   :: atomic { j == NS -> j = 0; break }
   CRASH
   od;
#ifdef BIG
   atomic {                        /* R5, R6, R7 */
      if :: stamp[h%CAP] == RDY(h) -> goto look :: else fi;
      j = 1; SCAN; j = 0;
      assert(claim[h%CAP] >= 8 && b == h + (claim[h%CAP] & 3));       /* A3, A4 */
      h = b; b = 0; cand = 0; last = 0;
      if :: PUBLISH :: skip fi;
      goto look
   };
#endif
#ifndef M_NOR5
   atomic { if :: stamp[h%CAP] == RDY(h) -> goto look :: else fi };   /* R5 */
#endif
#if !defined(M_SCANFIRST) && !defined(M_NOR6)
   j = 1;                          /* R6 */
   do
   :: atomic { h + j < b -> if :: stamp[(h+j)%CAP] == RDY(h+j) -> b = h+j :: else fi; j++ }
   :: atomic { h + j >= b -> j = 0; break }
   od;
#endif
   if                              /* R7 */
   :: atomic {
         assert(claim[h%CAP] >= 8);                         /* A3: its owner is dead, it was not committed */
         assert(b == h + (claim[h%CAP] & 3));               /* A4: b is the end of its claim */
         h = b }
   CRASH
   fi;
   goto release;
deliver:
   if
   :: atomic {
#ifdef PAY
         c = pay[h%CAP] - 2*h;
         assert(c == 1 || c == 2);                          /* A2: its own length */
         assert(c == 1 || pay[(h+1)%CAP] == IMAGE(h,c));    /* A2: not torn */
#else
         c = claim[h%CAP] - 4; assert(c == 1 || c == 2);    /* A2 */
#endif
         assert(claim[h%CAP] == c + 4);                     /* A2: a committed claim begins here */
         h = h + c; c = 0 }
   CRASH
   fi;
release:
   if
   :: PUBLISH
   :: skip
   CRASH
   fi;
   goto look;
over: skip;
   PUBLISH;
   d_step {
      assert(h == tail && head == h);                       /* A7: nothing is lost, */
      j = 0;
      do
      :: j < CAP -> assert(claim[j] == 0); j++              /* A7 */
      :: else -> break
      od;
      j = 0;
      do
      :: j < NS ->                                          /* and every dead slot can be reaped */
         assert(lock[j] == SENDER || state[j] == FREE ||
            intent[j] == NONE || intent[j] < head || intent[j] >= tail);       /* A7 */
         j++
      :: else -> break
      od;
      j = 0
   }
}

init {
   byte k;
   atomic {
      busy = PROCS;
#ifdef CYC
      head = 1; tail = 1; h = 1;
#endif
      do
      :: k < NS -> intent[k] = NONE; lock[k] = SENDER; state[k] = LIVE; k++
      :: else -> break
      od;
      k = 0;
      run Receiver();
      do
#ifdef M_SHARE                     /* goroutines of one process: one slot, one intent word */
      :: k < NS -> run Sender(k, 0, NR, false); k++
#else
      :: k < NS -> run Sender(k, k, NR, false); k++
#endif
      :: else -> break
      od;
      k = 0;
      do
      :: k < NEW -> run Sender(NS+k, 0, 1, true); k++
      :: else -> break
      od;
      k = 0;
#if HOUSE > 0
      run House()
#endif
   }
}
