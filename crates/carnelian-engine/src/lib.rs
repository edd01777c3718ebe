//! Sharded keyspace and data structures, without I/O, clock or global state.
