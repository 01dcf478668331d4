/* The cursor within a batch (NewConsumer, resumeBatch of shm/consumer.go, Release and
 * Rewind of shm/release.go; Each and Append, which store the same in the same order).
 * If a receiver is killed between two stores, no message is lost, no message that an
 * earlier Release released is received again, and all receivers count the same.
 *
 * The records at positions 0 to LAST exist from the start; each is a batch of B
 * messages or a single message. The receiver takes messages, holds at most WIDE
 * records, as many as a ring has, and releases. It may be killed at any step, MAXC
 * times. A cursor's tag is its position modulo TAGS. In the code the modulus is
 * 32 GiB, eight times the largest ring, so a stale tag can match only after eight
 * receivers in a row have died between the stores of their first Release. Here it
 * takes TAGS/WIDE of them, so MAXC is less.
 */
#ifndef LAST
#define LAST 5
#endif
#ifndef B
#define B 2
#endif
#ifndef WIDE
#define WIDE 1
#endif
#ifndef TAGS
#define TAGS 4
#endif
#ifndef MAXC
#define MAXC 3
#endif
#define TAG(x) (1 + (x) % TAGS)         /* 0: no cursor */

byte head, tag, index;                  /* in the control page; tag and index are one word */
byte received, base, basetag;           /* also there; base and basetag are one word (shm/progress.go) */
bool batch[LAST+1];
byte crashes;
byte given[LAST+1];                     /* ghost: messages of each record that a Release was called for */
byte done, done_i;                      /* ghost: the position of the last Release that returned */

/* The number of messages before message i of the record p in number; k is scratch. */
#define NUMBER(number, p, i) \
   number = i; k = 0; \
   do \
   :: k < p -> number = number + (batch[k] -> B : 1); k++ \
   :: else -> break \
   od; \
   k = 0

#define CRASH :: atomic { crashes < MAXC -> crashes++; goto attach }
active proctype Receiver()
{
   byte at, at_i, mark, mark_i;         /* record, and message in it; at_i > 0: in a batch */
   byte from, passed, k, true_n, told;
   bool marked;
   atomic {
      do :: k <= LAST -> if :: batch[k] = true :: batch[k] = false fi; k++ :: else -> break od;
      k = 0; basetag = TAG(0)
   };
attach: skip;                           /* NewConsumer */
   d_step {
      at = head; at_i = 0; from = head; mark = head; mark_i = 0; passed = 0; k = 0;
      do
      :: k < head -> assert(given[k] == B); k++                    /* E1: nothing is lost */
      :: else -> break
      od;
      k = 0;
#ifdef M_STALEMARK
      marked = false;
#else
      marked = (tag != 0);              /* another receiver's cursor must be cleared too */
#endif
      if :: tag != 0 && tag == TAG(head) -> passed = index; marked = true :: else fi;
      assert(head > done || (head == done && passed >= done_i));   /* E2: nothing comes again */
      NUMBER(true_n, head, passed);
      if :: basetag == TAG(head) -> told = base + passed :: else -> told = received fi;
      assert(told == true_n);                                      /* E3: all count the same */
      true_n = 0
   };
   if :: received = told CRASH fi;                                 /* storeCounts */
#ifndef M_NOMEND
   if :: atomic { base = told - passed; basetag = TAG(head) } CRASH fi;
#endif
   told = 0;
look:
   if
   :: atomic { at <= LAST && (at < mark + WIDE || at_i > 0) ->      /* Next */
         if
         :: !batch[at] -> at++
         :: batch[at] && at_i == 0 && passed > 0 && at == from ->   /* resumeBatch */
            at_i = passed; passed = 0;
            assert(given[at] >= at_i);                              /* E1: skipped messages were received */
            if :: at_i >= B -> at++; at_i = 0; goto release :: else fi;
            mark = at; mark_i = at_i
         :: else -> passed = 0; at_i++; if :: at_i == B -> at++; at_i = 0 :: else fi
         fi }
   :: atomic { at = mark; at_i = mark_i }                           /* Rewind */
   :: atomic { at != mark || at_i != mark_i -> goto release }
   :: atomic { mark > LAST -> goto over }
   CRASH
   fi;
   goto look;
release: skip;
   d_step {
      k = mark;
      do :: k < at -> given[k] = B; k++ :: else -> break od;
      if :: at_i > 0 && at_i > given[at] -> given[at] = at_i :: else fi;
      k = 0 };
#ifdef M_COUNTFIRST
   d_step { NUMBER(true_n, at, at_i); received = true_n; true_n = 0; basetag = 0 };
   if :: skip CRASH fi;
#else
   if
   :: at == mark -> goto cursor                                    /* in a batch: the cursor alone */
   :: else
   fi;
#ifndef M_NORECEIVED
   if
   :: d_step { mark_i > 0 -> NUMBER(true_n, mark, mark_i); received = true_n; true_n = 0 }
   :: mark_i == 0
   CRASH
   fi;
#endif
   if
   :: d_step { NUMBER(base, at, 0); basetag = TAG(at) }
   CRASH
   fi;
#endif
#ifndef M_CURSORFIRST
   if :: head = at CRASH fi;
#endif
cursor: skip;
   if
   :: atomic { at_i > 0 -> tag = TAG(at); index = at_i; marked = true }
   :: atomic { at_i == 0 && marked -> tag = 0; index = 0; marked = false }
   :: at_i == 0 && !marked
   CRASH
   fi;
   if
   :: at == mark -> goto released
   :: else
   fi;
#ifdef M_CURSORFIRST
   if :: head = at CRASH fi;
#endif
   if
   :: d_step { NUMBER(true_n, at, at_i); received = true_n; true_n = 0 }
   CRASH
   fi;
released: skip;
   atomic { mark = at; mark_i = at_i; done = at; done_i = at_i };
   goto look;
over:
   skip
}
