"""The distribution protocol without I/O: requests built, replies decoded."""
