package report

// The groups of cases. A case's name begins with its group.
const (
	Latency    = "latency"    // one way: half of a round trip
	Throughput = "throughput" // messages a second that one receiver took and checked
	Pipeline   = "pipeline"   // lines a second through commands, from start to end
	Cost       = "cost"       // what an endpoint costs that sends nothing
	Waiting    = "waiting"    // what endpoints that wait get, and cost, beside their targets
	Gather     = "gather"     // batches, large messages and commands, each beside what a C program does in the same run
)

// The units of figures.
const (
	Nanoseconds = "ns"
	PerSecond   = "1/s"
	BytesPerSec = "B/s"
	Percent     = "%"        // of one processor
	Ringfuls    = "ringfuls" // bytes that head moved, by the ring's capacity
	Times       = "×"
	Number      = "#"
)

// Sizes are the sizes of messages in throughput cases, with their names.
var Sizes = []struct {
	Bytes int
	Name  string
}{{64, "64"}, {1 << 10, "1K"}, {64 << 10, "64K"}, {1 << 20, "1M"}}
