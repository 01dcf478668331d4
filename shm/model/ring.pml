/* The ring: claim, commit, recovery, reaping, restart of the receiver.
 *
 * Steps have the labels of shm/claim.go (L0 to L5), shm/recover.go (R1 to R7) and
 * shm/attach.go with slot.go (T1 to T6). Every access to a shared word is a step,
 * and SIGKILL may come between any two. docs/model.md maps steps to functions.
 *
 * Sizes:  NS sender slots; NR records of each first sender; CAP ring units (a
 *         record has one or two); MAXD senders killed; MAXC receivers killed (the
 *         next resumes at the published head); NEW later processes that take a
 *         slot and send one record; HOUSE sweeps of the receiver's reaper
 * CACHE   a sender caches head, as Producer.head does; without it a sender always
 *         reads head, which allows the same and more
 * PAY     payload is written unit by unit and checked
 * CYC     positions are rebased at every publication of head, so that head is
 *         always 1 and positions below it are 0: exact up to renaming, and endless
 *         runs have finitely many states. Not with PAY or CACHE
 * UNB     with CYC: endless records, and a killed process is followed by another
 *         that must take a slot; MAXD=255, MAXC=255: endless deaths
 * BIG     R5 to R7 in one step, and delivery in one step
 *
 * M_… changes one step, and Spin must find an error; docs/model.md lists them.
 */
#ifndef NS
#define NS 2
#endif
#ifndef NR
#define NR 1
#endif
#ifndef CAP
#define CAP 2
#endif
#ifndef MAXD
#define MAXD 1
#endif
#ifndef MAXC
#define MAXC 0
#endif
#ifndef NEW
#define NEW 0
#endif
#ifndef HOUSE
#define HOUSE 0
#endif
#define PROCS (NS+NEW)

#define NONE 255                   /* noIntent */
#define RDY(x) ((x)+1)             /* stampAt */
#define IMAGE(x,n) (2*(x)+(n))     /* the payload of a record at x */
#define FREE 0
#define LIVE 1
#define NOBODY 0                   /* a slot's lock is held by: */
#define SENDER 1                   /* a sender's open file */
#define RECEIVER 2                 /* the receiver's, for its reaper */

/* shared memory */
byte tail, head, stamp[CAP], pay[CAP], intent[NS], state[NS];
/* the kernel's locks */
byte lock[NS];
/* Producer and Consumer; global where ghosts or rebasing need them */
#ifdef CYC
byte p_[PROCS], it_[PROCS+1], tl_[PROCS+1];
#define p p_[me]
#define it it_[me]
#define tl tl_[me]
#endif
#if defined(M_REAPPRIVATE) || defined(CYC)
byte h;
#else
local byte h;
#endif
/* ghosts: claim[x%CAP] is the length of the claim at x, +4 committed, +8 its owner died */
byte claim[CAP], kills, crashes, busy;

#if MAXD == 255
#define MAYKILL true
#else
#define MAYKILL kills < MAXD -> kills++
#endif
#if MAXC == 255
#define CANCRASH true
#define MAYCRASH true
#else
#define CANCRASH (crashes < MAXC)
#define MAYCRASH crashes < MAXC -> crashes++
#endif
#ifdef CYC
#define ATORBELOW(x) (x == 0 -> NONE : x)   /* below head: no different from none */
#else
#define ATORBELOW(x) (x)
#endif
#define KILL(claimed) \
   atomic { MAYKILL; lock[i] = NOBODY; \
            if :: (claimed) -> assert(claim[p%CAP] == n); claim[p%CAP] = n + 8 :: else fi; \
            goto dead }

/* settled, of slot.go: intent, head, tail, stamp, in this order */
#ifdef CYC
#define BELOW(x,y) (x == 0 || x < y)
#define STAMPED(x) (x != 0 && x != NONE && stamp[x%CAP] == RDY(x))
#else
#define BELOW(x,y) (x < y)
#define STAMPED(x) (stamp[x%CAP] == RDY(x))
#endif
#ifdef M_REAPPRIVATE
#define HEADREAD h
#else
#define HEADREAD head
#endif

proctype Sender(byte me; byte i; byte quota; bool late)
{
   byte n, hd;
#ifndef CYC
   byte p, it, tl;
#endif
#ifdef CACHE
   byte hc;                        /* Producer.head */
#endif

   if :: late -> goto take :: else -> goto next fi;

take:                              /* AttachSender */
#ifdef M_INTENTEARLY
   atomic { if :: i = 0 :: i = NS-1 fi; it = intent[i] };
#endif
#ifdef M_TAILEARLY
   tl = tail;
#endif
   atomic {                        /* T1: TryLock */
      if
#ifdef M_INTENTEARLY
      :: lock[i] == NOBODY
#else
      :: lock[0] == NOBODY -> i = 0
#if NS > 1
      :: lock[1] == NOBODY -> i = 1
#endif
#if NS > 2
      :: lock[2] == NOBODY -> i = 2
#endif
#endif
      :: goto fin                  /* ErrNoSlot */
      fi;
#ifndef M_NOLOCK
      lock[i] = SENDER;
#endif
      if :: state[i] == FREE -> goto occupy :: else fi
   };
#ifndef M_INTENTEARLY
   if :: it = intent[i] :: KILL(false) fi;                  /* T2 */
#endif
   hd = HEADREAD;                                           /* T3 */
#ifndef M_TAILEARLY
   tl = tail;                                               /* T4 */
#endif
   if
   :: (it == NONE || BELOW(it, hd) || it >= tl) -> skip
   :: else ->
      if                                                    /* T5 */
      :: STAMPED(it) -> skip
      :: !STAMPED(it) ->
#ifndef M_NOLOCK
         lock[i] = NOBODY;
#endif
         goto take
      fi
   fi;
   if :: intent[i] = NONE :: KILL(false) fi;                /* T6: vacate */
   if :: state[i] = FREE :: KILL(false) fi;
occupy:
   if :: atomic { intent[i] = NONE; it = 0; tl = 0; hd = 0 } :: KILL(false) fi;
   if :: atomic { state[i] = LIVE; lock[i] = SENDER } :: KILL(false) fi;
#ifdef CACHE
   hc = head;
#endif

next:
   atomic {
#ifdef UNB
      if :: goto done :: skip fi
#else
      if :: quota == 0 -> goto done :: else -> quota-- fi
#endif
   };
   hd = 0;                         /* from here on: an intent is stored */
L0:
   if :: p = tail :: KILL(false) fi;
   atomic {
      if
      :: n == 0 -> if :: n = 1 :: n = 2 fi
      :: else
      fi;
#ifdef CACHE
      if :: (p >= hc && p + n <= hc + CAP) -> goto L2 :: else fi
   };
   atomic {                        /* refresh */
      hc = head;
      if
      :: p < hc -> hc = p; goto L2
      :: else
      fi;
#endif
      if :: p + n <= head + CAP -> goto L2 :: else -> p = 0 fi
   };
noroom: skip;
#ifdef M_NOCLR
   hd = 0;
#endif
   if                              /* clear this call's intent */
   :: hd == 0 -> skip
   :: hd == 1 -> if :: atomic { intent[i] = NONE; hd = 0 } :: KILL(false) fi
   fi;
   if
   :: goto L0                      /* wait, try again */
   :: atomic { n = 0; goto next }  /* give up */
   fi;
L2:
#ifndef M_INTENTLATE
   if :: atomic { intent[i] = ATORBELOW(p); hd = 1 } :: KILL(false) fi;
#endif
   if                              /* L3 */
   :: atomic { tail == p ->
         assert(claim[p%CAP] == 0 && (n == 1 || claim[(p+1)%CAP] == 0));   /* A1 */
         tail = p + n; claim[p%CAP] = n }
   :: atomic { tail != p -> p = 0; if :: goto L0 :: goto noroom fi }     /* maxLost */
   :: KILL(false)
   fi;
#ifdef M_INTENTLATE
   if :: intent[i] = p :: KILL(true) fi;
#endif
#ifdef PAY                         /* L4 */
   if :: pay[p%CAP] = IMAGE(p,n) :: KILL(true) fi;
   if
   :: n == 2 -> if :: pay[(p+1)%CAP] = IMAGE(p,n) :: KILL(true) fi
   :: else
   fi;
#endif
#ifdef M_CLRBEFORE
   if :: intent[i] = NONE :: KILL(true) fi;
#endif
#ifdef M_TWOSTAMPS
   if
   :: n == 2 -> if :: atomic { stamp[p%CAP] = RDY(p); claim[p%CAP] = 5; p++; n = 1; claim[p%CAP] = 1 } :: KILL(true) fi
   :: else
   fi;
#endif
   if                              /* L5 */
   :: atomic { stamp[p%CAP] = RDY(p); assert(claim[p%CAP] == n);
        claim[p%CAP] = n + 4; p = 0; n = 0 }
   :: KILL(true)
   fi;
   goto next;                      /* L6 is in bell.pml */
done:
   if
   :: KILL(false)
   :: goto fin                     /* stays alive, idle */
   :: intent[i] = NONE             /* DetachSender */
   fi;
   if :: state[i] = FREE :: KILL(false) fi;
   lock[i] = NOBODY;
dead:
#ifdef UNB
   atomic { p = 0; n = 0; it = 0; tl = 0; hd = 0; i = 0; if :: goto take :: skip fi };
#endif
fin:
   atomic { i = 0; p = 0; n = 0; quota = 0; it = 0; tl = 0; hd = 0; busy-- }
}

#if HOUSE > 0
#define HCRASH :: atomic { lock[i] = NOBODY; goto gone }
#ifdef CYC
#undef it
#undef tl
#define it it_[PROCS]
#define tl tl_[PROCS]
#endif
proctype House()                   /* reaper.sweep and Segment.Reap */
{
   byte i, hd, quota = HOUSE;
#ifndef CYC
   byte it, tl;
#endif
again:
   atomic { it = 0; tl = 0; hd = 0; i = 0;
      if :: quota == 0 -> goto gone :: quota > 0 -> quota-- fi;
      if
      :: lock[0] == NOBODY && state[0] == LIVE -> i = 0
#if NS > 1
      :: lock[1] == NOBODY && state[1] == LIVE -> i = 1
#endif
      :: goto gone
      fi;
      lock[i] = RECEIVER };
   if :: it = intent[i] HCRASH fi;
   hd = HEADREAD;
   tl = tail;
   if
   :: (it == NONE || BELOW(it, hd) || it >= tl)
   :: else -> if :: STAMPED(it) :: !STAMPED(it) -> lock[i] = NOBODY; goto again fi
   fi;
   if :: intent[i] = NONE HCRASH fi;
   if :: state[i] = FREE HCRASH fi;
   lock[i] = NOBODY;
   goto again;
gone:
   atomic { it = 0; tl = 0; hd = 0; i = 0; quota = 0 }
}
#endif
#ifdef CYC
#undef it
#undef tl
#undef p
#endif
#include "receiver.pml"
