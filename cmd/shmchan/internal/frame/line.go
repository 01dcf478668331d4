package frame

// lineFormat: message bytes | \n
var lineFormat = format{
	name: "line", unit: "line", limit: messageLimit,
	cut:    func(d *Decoder) { d.cutEnded('\n', (*Decoder).emit) },
	finish: finishEnded,
	append: func(dst, msg []byte, _ *Origin) ([]byte, error) { return appendEnded(dst, msg, Line, '\n', `\n`) },
}
