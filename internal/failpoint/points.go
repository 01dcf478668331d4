package failpoint

// The points, one for each step that accesses memory, files or locks that processes
// share. A test parses this file: every point needs a line here and a situation that
// reaches it. A comment names the operation, then the state at the point.
const (
	Allocated     Point = "allocated"      // create: every byte of the nameless file is reserved
	HeaderWritten Point = "header written" // create: the header is in the file
	Mapped        Point = "mapped"         // create: mapped, first positions stored
	BeforeLink    Point = "before link"    // publish: the maker is attached, the file has no name
	Linked        Point = "linked"         // publish: the file has its name

	TempMade    Point = "temp made"    // create, without O_TMPFILE: the file has its temporary name, no lock
	TwoNames    Point = "two names"    // publish, without RENAME_NOREPLACE: the file has its name and the temporary one
	SweepLocked Point = "sweep locked" // create, without O_TMPFILE: the lock of a dead maker's file is taken
	Swept       Point = "swept"        // create, without O_TMPFILE: a dead maker's file has lost its temporary name

	SlotLocked   Point = "slot locked"     // attach: the lock of a sender's slot is taken
	DeadVacated  Point = "dead vacated"    // attach: the slot of a dead sender is free
	DeadFreed    Point = "dead freed"      // attach: the state of a dead sender's slot is free, its intent is not cleared
	SlotEmptied  Point = "slot emptied"    // attach, both endpoints: the state is free, no word is stored
	SlotFilled   Point = "slot filled"     // attach, both endpoints: all words but the state are stored
	SlotLive     Point = "slot live"       // attach, both endpoints: the state is live
	BeforeName   Point = "before name"     // attach: the slot is locked, the name is not checked yet
	MayAttach    Point = "may attach"      // attach, both endpoints: every step that can fail is done, nothing is stored
	Attached     Point = "attached"        // attach: the sender is counted, the receiver not woken yet
	RecvLocked   Point = "receiver locked" // attach, takeover: the receiver's lock is taken
	RecvAttached Point = "recv attached"   // attach: the receiver is counted, the senders not woken yet
	CountsStored Point = "counts stored"   // attach: the receiver has stored received, but not yet base

	RetireClosed Point = "retire closed" // takeover: the finished channel is marked closed
	SpareMade    Point = "spare made"    // takeover: the replacement is made, with no name yet
	Retired      Point = "retired"       // takeover: the old file has lost the name, the new file has none yet

	TailRead     Point = "tail read"     // L0 of a claim
	IntentStored Point = "intent stored" // L2 of a claim
	TailMoved    Point = "tail moved"    // L3 of a claim
	GaveUp       Point = "gave up"       // claim: the ring became full, the intent is cleared
	CopyMid      Point = "copy mid"      // part of a message's bytes is copied, into the ring or out of it
	ClaimFilling Point = "claim filling" // the user has filled half of a claim's bytes in place
	BatchMid     Point = "batch mid"     // one message of a batch is copied, others are not
	AbortBegun   Point = "abort begun"   // abort: nothing of the padding is stored
	MetaStored   Point = "meta stored"   // the record's second word is stored, its stamp is not
	Stamped      Point = "stamped"       // L5: the record is published, not counted, and no endpoint is woken
	BellSeq      Point = "bell seq"      // L6: the doorbell's sequence has grown, no wake yet
	BellWoken    Point = "bell woken"    // L6: the receiver is woken

	MessageRead    Point = "message read"    // receive: the message is found, in place
	BeforeRelease  Point = "before release"  // release: nothing is stored
	ReceivedStored Point = "received stored" // release: received counts the messages before the batch's last
	BaseStored     Point = "base stored"     // release: base holds the number of messages before the new head
	HeadStored     Point = "head stored"     // release: the new head is stored
	CursorStored   Point = "cursor stored"   // release: the number of messages taken from a batch is stored
	ReleaseCounted Point = "release counted" // release: the counters are stored
	RoomFlag       Point = "room flag"       // the senders' announcement is cleared, not checked again
	RoomSeq        Point = "room seq"        // a sender's bell is even, no wake yet
	RoomWoken      Point = "room woken"      // that sender is woken
	PositionTaken  Point = "position taken"  // the lowest position waited for is cleared, no sender woken

	TicketStored  Point = "ticket stored"  // line: need and ticket are stored, the bit is not set
	Joined        Point = "joined"         // line: the bit is set, no first elected
	Elected       Point = "elected"        // line: the turn names a first, not checked again
	TicketCleared Point = "ticket cleared" // line: the ticket is given up, the bit and the turn are not
	TurnCleared   Point = "turn cleared"   // line: the turn is given up, no next elected
	Awaited       Point = "awaited"        // the slot names a position to wait for
	Passed        Point = "passed"         // line: the first is passed, the next not elected

	Announced Point = "announced" // sleep, both endpoints: the announcement is stored, no fence yet
	Fenced    Point = "fenced"    // sleep, both endpoints: fenced everywhere, condition not checked again
	Retracted Point = "retracted" // sleep: the receiver's announcement is retracted

	FenceAsked   Point = "fence asked"   // attach, sleep: the flag that asks publishers to fence is set
	FenceDropped Point = "fence dropped" // receive: the line's fence flag is cleared, the slots are not checked yet

	RecoverTail    Point = "recover tail"    // R1
	RecoverIntents Point = "recover intents" // R2
	RecoverMissing Point = "recover missing" // R3
	RecoverDead    Point = "recover dead"    // R4
	RecoverSure    Point = "recover sure"    // R5
	RecoverEnd     Point = "recover end"     // R6
	SkipMarked     Point = "skip marked"     // recovery: the claim is marked as counted, the count is not stored
	Recovered      Point = "recovered"       // R7

	ReapLocked    Point = "reap locked"    // reap: the dead sender's lock is taken
	ReapDecided   Point = "reap decided"   // reap: recovery does not need the slot
	IntentCleared Point = "intent cleared" // reap, detach: the intent is clear
	SlotFree      Point = "slot free"      // reap, detach: the state is free, the counts are not moved
	Vacated       Point = "vacated"        // reap, detach: the counts are moved
	ReapUnlocked  Point = "reap unlocked"  // reap: the dead sender's lock is released
	SlotUnlocked  Point = "slot unlocked"  // detach: the sender's lock is released
	RecvFree      Point = "recv free"      // detach: the receiver's slot is free
	RecvUnlocked  Point = "recv unlocked"  // detach: the receiver's lock is released

	Alone           Point = "alone"            // disconnect: no sender is left and no record in flight, no lock is taken
	SlotBarred      Point = "slot barred"      // disconnect: a slot whose lock outlived its owner is kept from new senders
	SendersLocked   Point = "senders locked"   // disconnect: the locks of all senders are taken
	LastLook        Point = "last look"        // disconnect: records in flight are checked again, the channel is open
	Closed          Point = "closed"           // close: the channel is closed, no endpoint is woken
	AllLocked       Point = "all locked"       // removal: the locks of all endpoints are taken
	RemoverLocked   Point = "remover locked"   // removal, close, takeover: the remover's lock is taken
	NameChecked     Point = "name checked"     // removal, close, takeover: the name refers to this file
	Unlinked        Point = "unlinked"         // removal, close, takeover: the name is removed
	RemovedClosed   Point = "removed closed"   // removal: the name is removed and the channel marked closed
	RemoverUnlocked Point = "remover unlocked" // removal, close, takeover: the remover's lock is released
)
