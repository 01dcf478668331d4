package ipc

// CheckCodec is the check of a codec that the constructors make before they open
// anything.
var CheckCodec = checkCodec
