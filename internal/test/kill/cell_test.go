//go:build failpoints

package kill

import "fmt"

type fill string

const (
	empty fill = "nearly empty"
	full  fill = "exactly full"
	wrap  fill = "at the wrap"
)

// cell is one situation: which victim is killed or stopped at which point, and in
// what surroundings.
type cell struct {
	*scenario
	fill   fill
	busy   bool   // the others are busy, otherwise idle
	point  string // "": none; the hits are counted
	hit    int
	action string // kill or stop
}

func (c cell) String() string {
	others := "others idle"
	if c.busy {
		others = "others busy"
	}
	if c.point == "" {
		return fmt.Sprintf("%s/%s/%s", c.name, c.fill, others)
	}
	return fmt.Sprintf("%s/%s/%s/%s/%s at hit %d", c.name, c.fill, others, c.action, c.point, c.hit)
}

// scenario is a role and what it does.
type scenario struct {
	name    string
	do      string // the victim's play
	needs   uint64 // bytes of the ring that it needs, if it sends
	durable bool   // whether the channel is durable
	creates bool   // the victim creates the channel if it is missing
	hold    string // the point at which something else happens first
	dies    bool   // and that is another sender's death, in a claim
	lacks   bool   // the victim's system has neither nameless files nor RENAME_NOREPLACE
	rival   string // the point that the receiver's heartbeat may reach instead of the victim's
	ends    bool   // the play ends by itself although others are busy
	lone    bool   // the others are never busier than the story requires
	forked  bool   // a forked child of a dead sender holds its lock
	fills   []fill
	story   func(*arena) (met bool)
}

// surroundings returns the cells without a fate.
func (s *scenario) surroundings() (all []cell) {
	for _, f := range s.fills {
		all = append(all, cell{scenario: s, fill: f})
		if !s.lone {
			all = append(all, cell{scenario: s, fill: f, busy: true})
		}
	}
	return all
}

// fates returns the cells for a point that was hit n times: its first hit and, if
// chance plays no part, its last. A point that busy processes led to only once may be
// hard to reach again.
func (c cell) fates(point string, n int) (all []cell) {
	hits := []int{1}
	switch {
	case c.busy && n == 1:
		return nil
	case !c.busy && n > 1:
		hits = append(hits, n)
	}
	for _, hit := range hits {
		for _, action := range []string{"kill", "stop"} {
			c.point, c.hit, c.action = point, hit, action
			all = append(all, c)
		}
	}
	return all
}

var (
	anyFill  = []fill{empty, full, wrap}
	lineFill = []fill{empty, wrap}
	noFill   = []fill{empty} // there is no ring, or its fill does not matter
)

var scenarios = []scenario{
	{name: "sender sends", do: "send", needs: 56, fills: anyFill, story: senderStory},
	{name: "sender waits for room", do: "send", fills: []fill{full}, story: senderStory},
	{name: "sender is overtaken", do: "send", needs: 56, hold: "intent stored", fills: []fill{full}, story: overtakenStory},
	{name: "sender that does not wait is overtaken by one that dies", do: "try", needs: 56, hold: "intent stored", dies: true, fills: []fill{full}, story: overtakenStory},
	{name: "sender finds no room", do: "try", fills: []fill{full}, story: senderStory},
	{name: "batch sender sends", do: "batch", needs: 160, fills: anyFill, story: senderStory},
	{name: "claimer fills and commits", do: "claim", needs: 56, fills: anyFill, story: senderStory},
	{name: "claimer aborts", do: "abort", needs: 56, fills: anyFill, story: senderStory},
	{name: "sender comes and goes", do: "visit", needs: 56, fills: anyFill, story: senderStory},
	{name: "sender without membarrier comes and goes", do: "visit unfenced", needs: 56, fills: []fill{empty}, story: senderStory},
	{name: "sender takes a dead one's slot", do: "visit", fills: anyFill, story: heirStory},

	{name: "first in line waits", do: "send", lone: true, fills: lineFill, story: firstStory},
	{name: "second in line waits", do: "send", lone: true, fills: lineFill, story: secondStory},
	{name: "batch sender is first in line", do: "batch", lone: true, fills: noFill, story: firstStory},
	{name: "claimer is first in line", do: "claim", lone: true, fills: noFill, story: firstStory},
	{name: "first in line gives up", do: "give up", lone: true, fills: lineFill, story: leaverStory},
	{name: "sender passes the first", do: "send", lone: true, rival: "passed", fills: lineFill, story: passerStory},
	{name: "sender flushes", do: "flush", lone: true, fills: lineFill, story: flusherStory},

	{name: "receiver serves the line", do: "recv", durable: true, lone: true, fills: lineFill, story: servedStory},
	{name: "receiver takes all and serves the line", do: "consume all", durable: true, lone: true, fills: lineFill, story: servedStory},
	{name: "receiver receives", do: "recv", durable: true, fills: anyFill, story: receiverStory},
	{name: "receiver consumes", do: "consume", durable: true, fills: anyFill, story: receiverStory},
	{name: "receiver takes a batch apart", do: "unbatch", durable: true, fills: anyFill, story: receiverStory},
	{name: "receiver takes all that is there", do: "consume all", durable: true, fills: anyFill, story: receiverStory},
	{name: "receiver reads ahead", do: "ahead", durable: true, fills: anyFill, story: aheadStory},
	{name: "receiver sleeps", do: "recv", durable: true, fills: []fill{empty, wrap}, story: sleeperStory},
	{name: "receiver recovers and reaps", do: "consume", durable: true, fills: anyFill, story: recoveryStory},
	{name: "receiver comes and goes", do: "receive", durable: true, fills: anyFill, story: visitorStory},
	{name: "receiver without membarrier comes and goes", do: "receive unfenced", durable: true, fills: []fill{empty}, story: visitorStory},
	{name: "mortal receiver receives", do: "recv", fills: anyFill, story: receiverStory},
	{name: "mortal receiver recovers and reaps", do: "consume", fills: anyFill, story: recoveryStory},
	{name: "mortal receiver is disconnected", do: "drain", ends: true, fills: anyFill, story: drainStory},
	{name: "mortal receiver is disconnected beside a dead one's child", do: "drain", ends: true, forked: true, fills: anyFill, story: drainStory},
	{name: "mortal receiver comes and goes", do: "receive", fills: anyFill, story: visitorStory},

	{name: "receiver makes the channel", do: "receive", fills: noFill, story: managerStory},
	{name: "sender makes the channel", do: "visit", creates: true, fills: noFill, story: managerStory},
	{name: "creator makes the channel", do: "create", fills: noFill, story: managerStory},
	{name: "receiver makes the channel by two names", do: "receive", lacks: true, fills: noFill, story: managerStory},
	{name: "creator makes the channel by two names", do: "create", lacks: true, fills: noFill, story: managerStory},
	{name: "receiver replaces a dead channel", do: "receive", fills: anyFill, story: managerStory},
	{name: "sender replaces a dead channel", do: "visit", creates: true, fills: anyFill, story: managerStory},
	{name: "creator replaces a dead channel", do: "create", fills: anyFill, story: managerStory},
	{name: "remover removes", do: "remove", durable: true, fills: anyFill, story: managerStory},
	{name: "remover removes by force", do: "force", durable: true, fills: anyFill, story: managerStory},
}
