/* How channels are created, joined, closed, replaced and removed (ipc/open.go,
 * ipc/manage.go, ipc/receiver_wait.go, shm/attach.go, shm/remove_linux.go).
 *
 * There is one name, which may refer to one of the files 1 to F. Each endpoint is a
 * process; the kernel releases its locks when it dies. Messages are only counted: in
 * flight or sent.
 *
 * Sizes:   RECVS receivers; SENDS senders, of which the first CREATE create a missing
 *          channel; NR messages each; RMS removers; F files; MAXD deaths
 * DURABLE  the channels outlive their receivers
 * XRM      another program unlinks the name, once, without taking a lock
 * LATER    only the first receiver exists from the start; the others begin when a
 *          receiver has gone. Then D4 holds too. In general a sender may take the
 *          lock of a receiver that checked before the death for the dead one's; it
 *          learns the truth at its first send (D3)
 * FORK     a sender that dies leaves a child that holds its slot's lock for some time.
 *          The other processes see the sender as dead at once, but its slot is not free
 */
#ifndef RECVS
#define RECVS 2
#endif
#ifndef SENDS
#define SENDS 1
#endif
#ifndef CREATE
#define CREATE 0
#endif
#ifndef NR
#define NR 1
#endif
#ifndef RMS
#define RMS 0
#endif
#ifndef F
#define F 3
#endif
#ifndef MAXD
#define MAXD 1
#endif

byte name;                              /* the file that it refers to, or 0 */
byte made;                              /* files so far */
bool closed[F+1];                       /* bellClosed */
bool receivers[F+1];                    /* ctl.receivers > 0 */
byte attached[F+1];                     /* ctl.attached */
byte rlock[F+1], xlock[F+1], all[F+1];  /* the holder of the receiver's byte, the remover's, all senders' */
byte slots[F+1];                        /* a bit for each sender that holds one */
byte live[F+1];                         /* a bit for each sender that is attached, or died so */
byte flight[F+1], sent[F+1];            /* claims without a stamp, by sender; messages to be received */
byte kills, here = SENDS;
#ifdef FORK
/* One slot of each file whose owner died. Its words are the dead sender's until it is
 * VACANT: its lock is the CHILD's, free, or a newcomer's, which must swap the state */
#define NONE 0
#define CHILD 1
#define FREE 2
#define NEWCOMER 3
#define VACANT 4
byte orphan[F+1];
byte taker[F+1];                        /* the newcomer */
bool barred[F+1];                       /* slotBarred */
bool around[F+1];                       /* the latch holds all locks but this one */
#define LEAVE if \
   :: me <= SENDS && f != 0 && orphan[f] == NEWCOMER && taker[f] == me -> orphan[f] = FREE \
   :: else -> if :: me <= SENDS && f != 0 && (slots[f] & BIT(me)) && orphan[f] == NONE -> orphan[f] = CHILD :: else fi \
   fi;
#else
#define LEAVE
#endif
/* ghosts */
byte ropen;                             /* files that a receiver has attached to */
byte rgone;                             /* files whose receiver has gone */
byte came;                              /* files that a sender joined that began after ropen */
byte final;                             /* files whose receiver said: disconnected */

#define BIT(x) (1 << (x))
#define DROP d_step { g = 1; do :: g <= F -> \
      if :: rlock[g] == me -> rlock[g] = 0; if :: ropen & BIT(g) -> rgone = rgone | BIT(g) :: else fi :: else fi; \
      if :: xlock[g] == me -> xlock[g] = 0 :: else fi; \
      if :: all[g] == me -> all[g] = 0 :: else fi; \
      if :: me <= SENDS -> slots[g] = slots[g] & ~BIT(me); live[g] = live[g] & ~BIT(me) :: else fi; \
      g++ :: else -> break od; g = 0; f = 0 }
#define KILL :: atomic { kills < MAXD -> kills++; LEAVE goto over }
#define STEP(x) if :: x KILL fi

/* Segment.Unlink */
#define LOCKREMOVER STEP(atomic { xlock[f] == 0 -> xlock[f] = me })
#define TAKENAME(done) \
   if \
   :: atomic { name == f -> skip } \
   :: atomic { name != f -> xlock[f] = 0; goto done } \
   KILL \
   fi
#if defined(M_NOREMOVERLOCK)
#define UNLINK(done) TAKENAME(done); STEP(REMOVE)
#elif defined(M_NAMEBEFOREREMOVER)
#define UNLINK(done) TAKENAME(done); LOCKREMOVER; STEP(REMOVE); xlock[f] = 0
#else
#define UNLINK(done) LOCKREMOVER; TAKENAME(done); STEP(REMOVE); xlock[f] = 0
#endif
#ifdef XRM
#define REMOVE name = 0
#else
/* D1: a name is unlinked only while it refers to that file, and only if the file is
 * closed or the remover holds the locks of all endpoints */
#ifdef M_REMOVEUNLOCKED
#define REMOVE atomic { assert(name == f); name = 0 }
#else
#define REMOVE atomic { assert(name == f && (closed[f] || (rlock[f] == me && all[f] == me))); name = 0 }
#endif
#endif

/* Segment.Finished: closed; receivers; the receiver's lock */
#ifdef DURABLE
#define FINISHED(yes) STEP(atomic { if :: closed[f] -> goto yes :: else fi })
#else
#define FINISHED(yes) \
   STEP(atomic { if :: closed[f] -> goto yes :: else fi }); \
   if \
   :: !receivers[f] \
   :: receivers[f] -> STEP(atomic { if :: rlock[f] == 0 -> goto yes :: else fi }) \
   KILL \
   fi
#endif

/* Segment.AnySenderAttached */
#define HAD (slots[f] & live[f]) != 0
/* why a receiver without an attached sender does not wait: some have left, or the
 * name is gone */
#define ENDS (had || attached[f] != before || name != f)

/* opener.retire */
#define RETIRE(done) STEP(closed[f] = true); UNLINK(done)

#define INFLIGHT (flight[f] != 0 || sent[f] != 0)
/* claims in flight whose owners are dead: recovery skips them */
#define DEADFLIGHT (flight[f] & ~slots[f])

proctype Sender(byte me; bool create)
{
   byte f, g, quota = NR, lateto, deadto;
   bool named;
again:
   atomic { f = name; lateto = ropen; deadto = rgone; named = false;
      if
      :: f == 0 && !create -> goto over                          /* fs.ErrNotExist */
      :: f == 0 && create -> if :: made == F -> goto over :: else -> made++; f = made fi
      :: f != 0 -> goto join
      fi };
   atomic { slots[f] = slots[f] | BIT(me); live[f] = live[f] | BIT(me); attached[f]++ }; /* makeAs: attached before it is published */
   if
   :: atomic { name == 0 -> name = f; goto joined }
   :: atomic { name != 0 -> DROP; goto again }
   KILL
   fi;
join:
   FINISHED(gone);
#ifdef M_NAMEBEFORELOCK
   STEP(atomic { if :: name != f -> goto again :: else fi });
#endif
   if                                                            /* LockSender */
   :: atomic { all[f] == 0 -> slots[f] = slots[f] | BIT(me); named = (name == f) }
   :: atomic { all[f] != 0 -> goto noslot }                      /* ErrNoSlot */
#ifdef FORK
   :: atomic { orphan[f] == FREE && (all[f] == 0 || around[f]) ->
         orphan[f] = NEWCOMER; taker[f] = me; named = (name == f) };
      if                                                         /* the swap of the state */
      :: atomic { !barred[f] -> orphan[f] = VACANT; slots[f] = slots[f] | BIT(me) }
      :: atomic { barred[f] -> orphan[f] = FREE; goto noslot }   /* ErrNoSlot */
      KILL
      fi
#endif
   KILL
   fi;
#ifndef M_NAMEBEFORELOCK
   STEP(atomic { if :: name != f -> DROP; goto again :: else fi });
#endif
#ifndef M_FINISHEDONCE
   FINISHED(detachgone);
#endif
   assert(named);                       /* D2: the name referred to this file while it was locked */
#if defined(LATER) || defined(M_LOOKEDBEFORE)
   assert(!(deadto & BIT(f)));          /* D4: its receiver had not gone before this call began */
#endif
   STEP(live[f] = live[f] | BIT(me));                            /* OccupySender: from here on nothing fails */
   STEP(attached[f]++);
joined: skip;
   d_step { if :: lateto & BIT(f) -> came = came | BIT(f) :: else fi; named = false };
   do
   :: quota == 0 -> break
   :: quota > 0 ->
      if                                                         /* usable */
      :: atomic { closed[f] -> break }
#ifdef XRM
      :: !closed[f]
#else
      :: atomic { !closed[f] -> assert(name == f) }              /* D3: otherwise the sender learns that the channel was replaced */
#endif
      KILL
      fi;
      STEP(flight[f] = flight[f] | BIT(me));                     /* claim */
      if
      :: atomic { flight[f] = flight[f] & ~BIT(me); sent[f]++; quota--;
            assert(!(final & BIT(f))) }                          /* D5: Send returns nil: the receiver has not stopped waiting for it */
      KILL
      fi
   od;
   goto over;
noslot:
   STEP(atomic { if :: closed[f] -> goto gone :: else fi });
   STEP(atomic { if :: name != f -> DROP; goto again :: name == f -> goto over fi });
detachgone:
   slots[f] = slots[f] & ~BIT(me);       /* UnlockSender */
gone:
   if
   :: !create -> goto over                                       /* fs.ErrNotExist */
   :: create
   fi;
   RETIRE(retired);                     /* D1 */
retired: skip;
   goto again;
over: skip;
   atomic { DROP; here--; quota = 0; lateto = 0; deadto = 0; named = false }
}

#ifdef FORK
#define UNLATCH all[f] = 0; barred[f] = false; around[f] = false
#else
#define UNLATCH all[f] = 0
#endif

proctype Receiver(byte me; bool later)
{
   byte f, g, before;
   bool had, named;
end:
   if :: !later :: later && rgone != 0 fi;
again:
   atomic { f = name; named = false; had = false; before = 0;
      if
      :: f == 0 -> if :: made == F -> goto over :: else -> made++; f = made fi
      :: f != 0 -> goto join
      fi };
   atomic { rlock[f] = me; receivers[f] = true; ropen = ropen | BIT(f) };   /* makeAs */
   if
   :: atomic { name == 0 -> name = f; goto attachedto }
   :: atomic { name != 0 -> ropen = ropen & ~BIT(f); DROP; goto again }
   KILL
   fi;
join:                                   /* takeReceiver */
   FINISHED(isfinished);
   goto locking;
isfinished:
#ifndef M_LOCKBEFORECLOSE
   STEP(closed[f] = true);
#else
   skip;
#endif
locking:
#ifdef M_NAMEBEFORELOCK
   STEP(atomic { if :: name != f -> goto again :: else fi });
#endif
   if                                                            /* LockReceiver */
   :: atomic { rlock[f] == 0 -> rlock[f] = me; named = (name == f) }
   :: atomic { rlock[f] != 0 -> if :: name == f -> goto over :: name != f -> goto again fi } /* ErrBusy, or removed */
   KILL
   fi;
#ifndef M_COUNTLATE
   STEP(before = attached[f]);
#endif
#ifndef M_NAMEBEFORELOCK
   STEP(atomic { if :: name != f -> DROP; goto again :: else fi });
#endif
   if
#ifdef DURABLE
   :: atomic { closed[f] -> goto retire }
   :: !closed[f]
#else
   :: atomic { closed[f] || receivers[f] -> goto retire }
   :: atomic { !closed[f] && !receivers[f] -> skip }
#endif
   KILL
   fi;
   assert(named);                       /* D2 */
   STEP(had = (HAD));                   /* newReceiver: before it attaches, because attaching can fail */
   STEP(had = had || INFLIGHT);
   STEP(atomic { receivers[f] = true; ropen = ropen | BIT(f); rgone = rgone & ~BIT(f); final = final & ~BIT(f); came = came & ~BIT(f) });
attachedto:
   named = false;
#ifdef M_COUNTLATE
   STEP(before = attached[f]);
#endif
look:
   if
   :: atomic { sent[f] > 0 -> sent[f]--; goto look }
   :: sent[f] == 0
   :: goto close                        /* the user closes */
   KILL
   fi;
   if                                   /* settle: InFlight, recover */
   :: atomic { DEADFLIGHT != 0 -> flight[f] = flight[f] & slots[f]; goto look }
   :: atomic { DEADFLIGHT == 0 && INFLIGHT ->
         if :: sent[f] > 0 || !closed[f] -> (sent[f] > 0 || closed[f] || DEADFLIGHT != 0); goto look :: else fi }
   :: !INFLIGHT
   KILL
   fi;
   STEP(atomic { if :: closed[f] -> goto disconnected :: else fi });
   if                                   /* abandoned */
   :: atomic { !ENDS ->
#ifndef DURABLE
         assert(!(came & BIT(f)));      /* D6: it notices that a sender came */
#endif
         goto wait }
   :: atomic { ENDS -> if :: slots[f] != 0 -> goto wait :: else fi }
   KILL
   fi;
   STEP(atomic { if :: INFLIGHT -> goto look :: else fi });
#ifdef DURABLE
   goto close;
#else
#ifdef M_LATCHUNLOCKED
   STEP(closed[f] = true);
   STEP(atomic { if :: INFLIGHT -> goto look :: else fi });
#else
   if                                   /* checkDisconnected: no sender is attached, and none can join */
   :: atomic { slots[f] == 0 && all[f] == 0 -> all[f] = me;
#ifdef FORK
         around[f] = (orphan[f] == CHILD || orphan[f] == NEWCOMER)
#endif
      }
   :: atomic { slots[f] != 0 || all[f] != 0 -> goto look }
   KILL
   fi;
#if defined(FORK) && !defined(M_NOBAR)
   if                                   /* LockSenders bars the slots that it could not lock */
   :: atomic { around[f] && orphan[f] == VACANT -> UNLATCH; goto look }
   :: atomic { around[f] && orphan[f] != VACANT -> barred[f] = true }
   :: !around[f]
   KILL
   fi;
#endif
#ifndef M_NOSECONDLOOK
   STEP(atomic { if :: INFLIGHT -> UNLATCH; goto look :: else fi });
#endif
   STEP(closed[f] = true);
   d_step { UNLATCH };
#endif
   if
   :: atomic { final = final | BIT(f);
         assert(!INFLIGHT) }            /* D5: everything that was sent is received */
   KILL
   fi;
   goto close;
#endif
wait:
   if
   :: sent[f] > 0 || closed[f] || DEADFLIGHT != 0 || (ENDS && slots[f] == 0) || here == 0 -> skip
   :: goto close
   KILL
   fi;
   if :: here == 0 && !INFLIGHT && !ENDS -> goto close :: else -> goto look fi;
disconnected:                           /* another process has closed it: removed */
close:                                  /* finish */
#ifndef DURABLE
#ifdef M_UNLINKFIRST
   UNLINK(detach);                      /* D1 */
   closed[f] = true;
#else
   STEP(closed[f] = true);
   UNLINK(detach);                      /* D1 */
#endif
#endif
detach:
   goto over;
retire:
   RETIRE(retired);                     /* D1 */
retired: skip;
   atomic { DROP; goto again };
over: skip;
   atomic { DROP; before = 0; had = false; named = false }
}

/* opener.remove, without force */
proctype Remover(byte me)
{
   byte f, g;
   atomic { f = name; if :: f == 0 -> goto over :: else fi };
   FINISHED(isfinished);
   goto locking;
isfinished:
   STEP(closed[f] = true);
locking:
#if !defined(M_NOREMOVERLOCK) && !defined(M_NAMEBEFOREREMOVER)
   LOCKREMOVER;
#endif
   if                                                            /* LockAll */
   :: atomic { rlock[f] == 0 && slots[f] == 0 && all[f] == 0 -> rlock[f] = me; all[f] = me }
   :: atomic { rlock[f] != 0 || slots[f] != 0 || all[f] != 0 -> goto over }
   KILL
   fi;
#ifdef M_REMOVEUNLOCKED
   STEP(atomic { rlock[f] = 0; all[f] = 0 });
#endif
#if defined(M_NOREMOVERLOCK) || defined(M_NAMEBEFOREREMOVER)
   UNLINK(over);
#else
   TAKENAME(over);
   STEP(REMOVE);                        /* D1; it may fail: nothing has changed */
   STEP(closed[f] = true);
   xlock[f] = 0;
   goto over;
#endif
   STEP(closed[f] = true);
over: skip;
   atomic { DROP }
}

#ifdef FORK
active proctype Child()
{
end:
   do
   :: atomic { orphan[1] == CHILD -> orphan[1] = FREE }
   :: atomic { orphan[2] == CHILD -> orphan[2] = FREE }
   od
}
#endif

#ifdef XRM
active proctype Rm()
{
   name = 0
}
#endif

init {
   byte k = 1;
   atomic {
      do :: k <= SENDS -> run Sender(k, k <= CREATE); k++ :: else -> break od;
      do
#ifdef LATER
      :: k <= SENDS+RECVS -> run Receiver(k, k > SENDS+1); k++
#else
      :: k <= SENDS+RECVS -> run Receiver(k, false); k++
#endif
      :: else -> break od;
      do :: k <= SENDS+RECVS+RMS -> run Remover(k); k++ :: else -> break od;
      k = 0
   }
}
