package ipc

// CheckCodec is the check that the constructors make before they open anything.
var CheckCodec = checkCodec
