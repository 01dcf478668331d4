package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// channelView is the JSON of a channel. The names are a contract.
type channelView struct {
	Name     string         `json:"name"`
	Path     string         `json:"path"`
	Capacity int            `json:"capacity"`
	Used     int            `json:"used"`
	Head     uint64         `json:"head"`
	Tail     uint64         `json:"tail"`
	Messages uint64         `json:"messages"`
	Bytes    uint64         `json:"bytes"`
	Durable  bool           `json:"durable"`
	Created  time.Time      `json:"created"`
	Receiver *endpointView  `json:"receiver"` // null if there is none
	Senders  []endpointView `json:"senders"`
}

// endpointView is the JSON of an endpoint. The names are a contract.
type endpointView struct {
	Slot     int     `json:"slot"` // -1 for the receiver
	PID      int     `json:"pid"`
	State    string  `json:"state"`
	Label    string  `json:"label"`
	BeatAge  int64   `json:"beat_age_ms"`
	Messages uint64  `json:"messages"`
	Bytes    uint64  `json:"bytes"`
	Claim    *uint64 `json:"claim"` // null if there is none
}

// damagedView is the JSON of a file that could not be read as a channel.
type damagedView struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	Error string `json:"error"`
}

func viewOf(s *ipc.Stats) channelView {
	v := channelView{
		Name: s.Name, Path: s.Path, Capacity: s.Capacity, Used: s.Used, Head: s.Head, Tail: s.Tail,
		Messages: s.Messages, Bytes: s.Bytes, Durable: s.Durable, Created: s.Created.UTC(),
		Senders: make([]endpointView, len(s.Senders)),
	}
	if s.Receiver != nil {
		r := viewOfEndpoint(s.Receiver)
		v.Receiver = &r
	}
	for i := range s.Senders {
		v.Senders[i] = viewOfEndpoint(&s.Senders[i])
	}
	return v
}

func viewOfEndpoint(e *ipc.End) endpointView {
	return endpointView{
		Slot: e.Slot, PID: e.PID, State: e.State.String(), Label: e.Label, BeatAge: e.BeatAge.Milliseconds(),
		Messages: e.Messages, Bytes: e.Bytes, Claim: e.Claim,
	}
}

// printJSON writes v as a line of JSON.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
