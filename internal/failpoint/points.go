package failpoint

// The steps that touch what processes share, each where it is done. A test reads
// this file: every point needs its line, and a situation that reaches it.
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
	DeadVacated  Point = "dead vacated"    // attach: the slot was a dead sender's and is free now
	DeadFreed    Point = "dead freed"      // attach: the slot was a dead sender's and its state is free, its intent not cleared
	SlotEmptied  Point = "slot emptied"    // attach, both ends: the state is free, no word is stored
	SlotFilled   Point = "slot filled"     // attach, both ends: all words but the state are stored
	SlotLive     Point = "slot live"       // attach, both ends: the state is live
	BeforeName   Point = "before name"     // attach: the slot is locked, whether the name still means this file is not looked at yet
	MayAttach    Point = "may attach"      // attach, both ends: all that can fail has been done, nothing is stored
	Attached     Point = "attached"        // attach: counted, the receiver not poked yet
	RecvLocked   Point = "receiver locked" // attach, takeover: the receiver's lock is taken
	RecvAttached Point = "recv attached"   // attach: counted, the senders not poked yet
	CountsStored Point = "counts stored"   // attach: the receiver has stored how many messages were received before it, but not yet base

	RetireClosed Point = "retire closed" // takeover: the finished channel is marked closed
	SpareMade    Point = "spare made"    // takeover: its replacement is made, with no name yet
	Retired      Point = "retired"       // takeover: its name is gone, the new file has none yet

	TailRead     Point = "tail read"     // L0 of a claim
	IntentStored Point = "intent stored" // L2 of a claim
	TailMoved    Point = "tail moved"    // L3 of a claim
	GaveUp       Point = "gave up"       // claim: the ring became full, the intent is cleared
	CopyMid      Point = "copy mid"      // a piece of a message's bytes is copied, into the ring or out of it
	ClaimFilling Point = "claim filling" // half of a claim's bytes are filled in place, by its user
	BatchMid     Point = "batch mid"     // a message of a batch is copied, others are not
	AbortBegun   Point = "abort begun"   // abort: nothing of the padding is stored
	MetaStored   Point = "meta stored"   // the record's second word is stored, its stamp is not
	Stamped      Point = "stamped"       // L5: the record is published, nothing counted, nobody woken
	BellSeq      Point = "bell seq"      // L6: the receiver's sequence has grown, no wake yet
	BellWoken    Point = "bell woken"    // L6: the receiver is woken

	MessageRead    Point = "message read"    // receive: the message is found, in place
	BeforeRelease  Point = "before release"  // release: nothing is stored
	ReceivedStored Point = "received stored" // release: the number of messages before the batch's last is stored
	BaseStored     Point = "base stored"     // release: the number of messages before the new head is stored
	HeadStored     Point = "head stored"     // release: the room is given back
	CursorStored   Point = "cursor stored"   // release: how much of a batch was taken is stored
	ReleaseCounted Point = "release counted" // release: the counters are stored
	RoomFlag       Point = "room flag"       // the senders' announcement is cleared, not looked again
	RoomSeq        Point = "room seq"        // a sender's bell is even, no wake yet
	RoomWoken      Point = "room woken"      // that sender is woken
	PositionTaken  Point = "position taken"  // the lowest position waited for is taken, no sender woken

	TicketStored  Point = "ticket stored"  // line: need and ticket are stored, the bit is not set
	Joined        Point = "joined"         // line: the bit is set, nobody elected
	Elected       Point = "elected"        // line: a first is named, not looked at again
	TicketCleared Point = "ticket cleared" // line: the ticket is given up, the bit and the turn are not
	TurnCleared   Point = "turn cleared"   // line: the turn is given up, nobody elected
	Awaited       Point = "awaited"        // a position is waited for
	Passed        Point = "passed"         // line: the first is passed, the next not elected

	Announced Point = "announced" // sleep, both ends: the announcement stands, no fence yet
	Fenced    Point = "fenced"    // sleep, both ends: fenced everywhere, not looked again
	Retracted Point = "retracted" // sleep: the receiver's announcement is taken back

	FenceAsked   Point = "fence asked"   // attach, sleep: those who ring are told to fence
	FenceDropped Point = "fence dropped" // receive: the senders' bell asks for no fence, who needs one is not looked at yet

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
	SlotFree      Point = "slot free"      // reap, detach: the state is free, its counts not moved
	Vacated       Point = "vacated"        // reap, detach: the counts are moved
	ReapUnlocked  Point = "reap unlocked"  // reap: the lock is given back
	SlotUnlocked  Point = "slot unlocked"  // detach: the sender's lock is given back
	RecvFree      Point = "recv free"      // detach: the receiver's slot is free
	RecvUnlocked  Point = "recv unlocked"  // detach: the receiver's lock is given back

	Alone           Point = "alone"            // disconnect: no sender is left and nothing in flight, no lock is taken
	SlotBarred      Point = "slot barred"      // disconnect: a slot whose lock outlived its owner is kept from newcomers
	SendersLocked   Point = "senders locked"   // disconnect: the locks of all senders are taken
	LastLook        Point = "last look"        // disconnect: whether anything is in flight is seen, the channel is open
	Closed          Point = "closed"           // close: the channel is closed, nobody poked
	AllLocked       Point = "all locked"       // removal: the locks of all ends are taken
	RemoverLocked   Point = "remover locked"   // removal, close, takeover: the remover's lock is taken
	NameChecked     Point = "name checked"     // removal, close, takeover: the name means this file
	Unlinked        Point = "unlinked"         // removal, close, takeover: the name is gone
	RemovedClosed   Point = "removed closed"   // removal: the name is gone and the channel is marked closed
	RemoverUnlocked Point = "remover unlocked" // removal, close, takeover: the remover's lock is given back
)
