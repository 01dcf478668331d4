package frame

// nulFormat: message bytes | NUL
var nulFormat = format{
	name: "nul", unit: "message", limit: messageLimit,
	cut:    func(d *Decoder) { d.cutEnded(0, (*Decoder).emit) },
	finish: finishEnded,
	append: func(dst, msg []byte, _ *Origin) ([]byte, error) { return appendEnded(dst, msg, Nul, 0, "NUL") },
}
