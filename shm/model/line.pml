/* The line (shm/line.go, shm/waiter.go): senders wait for room, the receiver gives
 * it back. The letters are those of line.go.
 *
 * The receiver's store of head is plain and goes through its store buffer: head lies
 * in memory, mine is what the receiver has stored. All other stores here are locked
 * instructions. Messages have one unit or two and are committed as they are claimed.
 *
 * Sizes:   NS senders; NR messages of each, GREEDY of the first, which never waits
 *          without need; CAP the ring's units; MAXD senders and MAXC receivers killed
 *          at any step (a new receiver comes, of a durable channel); MAXG times a
 *          sender gives up while it waits
 * FENCE=2  senders call membarrier (default); 1: the receiver fences always; 0: nobody
 * TICKS    how many beats may find something when nothing else moves (Ring.Tend by
 *          each sender that waits)
 * PASS     how often a first that lives, but does not run for two beats, is passed
 *
 * T1  nobody sleeps for ever: Spin's invalid end state
 * T2  at most a ringful and a message of each other sender pass a sender in line
 * T3  no turn names a ticket that has left, once nothing moves any more
 */
#ifndef NS
#define NS 2
#endif
#ifndef NR
#define NR 2
#endif
#ifndef GREEDY
#define GREEDY NR
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
#ifndef TICKS
#define TICKS 0
#endif
#ifndef PASS
#define PASS 0
#endif
#ifndef FENCE
#define FENCE 2
#endif

byte tail, head, mine;
byte turn;                              /* the ticket of who is first; 0: nobody */
byte holder;                            /* and its slot; one word with turn */
byte tickets;
byte ticket[NS], need[NS];
bool passed[NS], mark[NS];
bool odd[NS];                           /* the bell's lowest bit */
bool rung[NS];                          /* the bell is another than when its owner announced itself */
bool asleep[NS], waits[NS], dead[NS];
bool flag;                              /* lineWaiting */
byte kills, crashes, givenup, ticked, passes, left = NS;
byte behind[NS];                        /* ghost: units that others claimed since a sender joined */

#define ROOM(n) (tail - head + n <= CAP)
#define RESERVE (turn != 0 && holder != me -> need[holder] : 0)
#define DRAINED (head == mine)
#define VALID(t,s) (t != 0 && ticket[s] == t && !passed[s])
#define KILL atomic { kills < MAXD -> kills++; asleep[me] = false; dead[me] = true; goto gone }

/* E: the lowest ticket becomes first. who is a scratch byte of the caller. */
#define LOWEST d_step { who = NS; k = 0; \
   do :: k < NS -> \
      if :: mark[k] && ticket[k] != 0 && !passed[k] && (who == NS || ticket[k] < ticket[who]) -> who = k :: else fi; k++ \
   :: else -> break od; k = 0 }

/* wake: the sleeper's bell is made even by one, who then wakes it. */
#define EVEN(s) d_step { w = odd[s]; if :: w -> odd[s] = false; rung[s] = true :: else fi }

proctype Sender(byte me; byte quota)
{
   byte n, res, who, k, t, s;
   bool w;
next:
   atomic { n = 0; who = 0; t = 0; s = 0; res = 0;
      if :: quota == 0 -> goto over :: else -> quota-- fi;
      if :: n = 1 :: n = 2 fi };
claim:                                  /* L0, and the reserve */
   if :: res = RESERVE :: KILL fi;
#ifdef M_NORESERVE
   res = 0;
#endif
   if                                   /* L3 */
   :: atomic { if
         :: ROOM(n + res) ->
            d_step { tail = tail + n; k = 0;
               do :: k < NS -> if :: k != me && ticket[k] != 0 -> behind[k] = behind[k] + n :: else fi; k++
               :: else -> break od; k = 0; waits[me] = false;
               assert(ticket[me] == 0 || PASS > 0 || MAXD > 0 || behind[me] <= CAP + 2 * (NS - 1)); /* T2 */
               behind[me] = 0 };
            res = 0; goto leave
         :: else -> res = 0; waits[me] = true
         fi }
   :: KILL
   fi;
   if
   :: atomic { givenup < MAXG -> givenup++; waits[me] = false; behind[me] = 0; goto leave }
   :: skip
   fi;
   if                                   /* J */
   :: atomic { ticket[me] == 0 -> tickets++; need[me] = n; ticket[me] = tickets; behind[me] = 0 }
   :: atomic { ticket[me] != 0 -> passed[me] = false }
   :: KILL
   fi;
   if :: mark[me] = true :: KILL fi;
#ifndef M_NOELECT
elect1:
   if :: atomic { t = turn; s = holder } :: KILL fi;
   if
   :: atomic { VALID(t, s) -> t = 0; s = 0 }
   :: atomic { else -> LOWEST;
         if :: who == NS && t == 0 -> goto announce :: else fi };
      if
      :: atomic { turn == t && holder == s ->
            if :: who == NS -> turn = 0; holder = 0 :: else -> turn = ticket[who]; holder = who fi;
            who = 0; goto elect1 }
      :: atomic { else -> who = 0; goto elect1 }
      :: KILL
      fi
   fi;
announce:
#endif
   if :: atomic { odd[me] = true; rung[me] = false; t = 0; s = 0; who = 0 } :: KILL fi;   /* A */
   if :: flag = true :: KILL fi;
#if FENCE == 2
   if :: head = mine :: KILL fi;        /* membarrier drains the receiver's buffer */
#endif
#ifndef M_NOLOOK
   if
   :: atomic { if :: ROOM(n + RESERVE) -> goto claim :: else fi }
   :: KILL
   fi;
#endif
   if                                   /* sleep */
   :: atomic { if :: !rung[me] -> asleep[me] = true :: else -> goto claim fi }
   :: KILL
   fi;
   if :: !asleep[me] :: KILL fi;
   goto claim;
leave:                                  /* L */
   atomic { if :: ticket[me] == 0 -> goto next :: else -> t = ticket[me] fi };
#ifdef M_TURNFIRST
   if :: atomic { if :: turn == t && holder == me -> turn = 0; holder = 0 :: else fi } :: KILL fi;
#endif
   if :: atomic { ticket[me] = 0; passed[me] = false } :: KILL fi;
   if :: mark[me] = false :: KILL fi;
#ifdef M_NOHAND
   if :: atomic { if :: turn == t && holder == me -> turn = 0; holder = 0 :: else fi } :: KILL fi;
   goto next;
#endif
#ifndef M_TURNFIRST
   if
   :: atomic { if :: turn == t && holder == me -> turn = 0; holder = 0 :: else -> goto next fi }
   :: KILL
   fi;
#endif
elect2:
   if :: atomic { t = turn; s = holder } :: KILL fi;
   if
   :: atomic { VALID(t, s) -> skip }
   :: atomic { else -> LOWEST;
         if :: who == NS && t == 0 -> goto next :: else fi };
      if
      :: atomic { turn == t && holder == s ->
            if :: who == NS -> turn = 0; holder = 0 :: else -> turn = ticket[who]; holder = who fi;
            who = 0; goto elect2 }
      :: atomic { else -> who = 0; goto elect2 }
      :: KILL
      fi
   fi;
#ifndef M_NOWAKENEXT
   if
   :: atomic { if :: ROOM(need[s]) -> EVEN(s) :: else -> goto next fi }
   :: KILL
   fi;
   if :: atomic { if :: w -> asleep[s] = false :: else fi; w = false } :: KILL fi;
#endif
   goto next;
over:
gone:
   atomic { left--; n = 0; res = 0; quota = 0; who = 0; k = 0; t = 0; s = 0; w = false; waits[me] = false }
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
   byte who, k, t, s;
   bool w, again;
take:
   atomic { who = 0; t = 0; s = 0; w = false; again = false };
   if
   :: atomic { mine < tail -> mine++ }
   CRASH
   :: atomic { left == 0 && mine == tail -> goto over }
   fi;
#if FENCE == 1
   if :: DRAINED CRASH fi;
#endif
   if                                   /* one load of the flags */
   :: flag
   :: !flag -> goto take
   CRASH
   fi;
#ifndef M_NOFENCE
   if :: DRAINED CRASH fi;              /* S */
#endif
serve:
   if :: atomic { t = turn; s = holder } CRASH fi;
   if
   :: atomic { VALID(t, s) -> skip }
   :: atomic { else -> LOWEST;
         if :: who == NS && t == 0 -> goto nobody :: else fi };
      if
      :: atomic { turn == t && holder == s ->
            if :: who == NS -> turn = 0; holder = 0 :: else -> turn = ticket[who]; holder = who fi;
            who = 0; goto serve }
      :: atomic { else -> who = 0; goto serve }
      CRASH
      fi
   fi;
   if
   :: atomic { if :: tail - mine + need[s] <= CAP -> EVEN(s) :: else -> goto take fi }
   CRASH
   fi;
   if :: atomic { if :: w -> asleep[s] = false :: else fi } CRASH fi;
   goto take;
nobody:
   if :: again -> goto take :: else fi;
   if :: atomic { DRAINED -> flag = false } CRASH fi;
#ifndef M_NOSECONDLOOK
   if
   :: atomic { LOWEST; if :: who == NS -> goto take :: else -> who = 0; again = true fi }
   CRASH
   fi;
   if :: flag = true CRASH fi;
   goto serve;
#else
   goto take;
#endif
dies:
   atomic { DRAINED -> k = 0 };         /* AttachReceiver: WakeSenders */
   d_step {
      do :: k < NS -> if :: mark[k] -> rung[k] = true; asleep[k] = false :: else fi; k++ :: else -> break od; k = 0 };
   goto take;
over:
   skip
}

#if TICKS > 0
/* The beats of who waits, when nothing else moves: Ring.Tend, then its own poke. */
active proctype Beats()
{
   byte who, k, t, s;
   bool w;
end:
   do
   :: atomic { timeout && ticked < TICKS && left > 0 -> ticked++;
         /* elect */
         do
         :: t = turn; s = holder;
            if
            :: VALID(t, s) ->
               if
               :: dead[s] -> passed[s] = true
#ifdef M_NOPASS
               :: dead[s] -> break
#endif
               :: !dead[s] -> break
               fi
            :: else -> LOWEST;
               if
               :: who == NS -> turn = 0; holder = 0; t = 0; break
               :: else -> turn = ticket[who]; holder = who; who = 0
               fi
            fi
         od;
         if
         :: t != 0 && ROOM(need[s]) -> EVEN(s); if :: w -> asleep[s] = false :: else fi
         :: else
         fi;
         k = 0;
         do
         :: k < NS -> if :: waits[k] && !dead[k] -> rung[k] = true; asleep[k] = false :: else fi; k++
         :: else -> break
         od;
         k = 0; w = false; t = 0; s = 0; who = 0 }
   od
}
#endif

#if PASS > 0
/* A first that lives but does not run is passed, at any time. */
active proctype Passer()
{
   byte who, k, t, s;
   bool w;
end:
   do
   :: atomic { passes < PASS && VALID(turn, holder) && left > 1 -> passes++; s = holder; passed[s] = true };
elect:
      atomic { t = turn; who = holder };
      if
      :: atomic { VALID(t, who) -> who = 0 }
      :: atomic { else -> LOWEST; if :: who == NS -> turn = 0; holder = 0 :: else -> turn = ticket[who]; holder = who fi };
         if
         :: atomic { who != NS && ROOM(need[who]) -> EVEN(who); if :: w -> asleep[who] = false :: else fi }
         :: else
         fi
      fi;
      atomic { rung[s] = true; asleep[s] = false; w = false; t = 0; who = 0; s = 0 }
   od
}
#endif

/* T3 */
active proctype Judge()
{
   byte i;
   atomic { timeout; i = 0;
      do
      :: i < NS -> assert(turn == 0 || MAXD > 0 || ticket[holder] == turn); i++
      :: else -> break
      od }
}

init
{
   byte i;
   atomic {
      do
      :: i < NS -> if :: i == 0 -> run Sender(i, GREEDY) :: else -> run Sender(i, NR) fi; i++
      :: else -> break
      od }
}
