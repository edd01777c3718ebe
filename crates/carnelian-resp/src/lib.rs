//! RESP2 and RESP3, both directions, without I/O.
