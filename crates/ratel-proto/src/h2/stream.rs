//! The state of one stream (RFC 9113 §5.1), and of all of them.
