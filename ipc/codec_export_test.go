package ipc

// CheckCodec is what the constructors ask of a codec before they open anything.
var CheckCodec = checkCodec
