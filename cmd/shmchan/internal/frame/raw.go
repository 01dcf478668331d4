package frame

// rawFormat: message bytes, to the end of the stream
var rawFormat = format{
	name: "raw", unit: "message", limit: messageLimit,
	cut:    func(d *Decoder) { d.scanned = d.end - d.start },
	finish: (*Decoder).emit,
	append: func(dst, msg []byte, _ *Origin) ([]byte, error) { return append(dst, msg...), nil },
}
