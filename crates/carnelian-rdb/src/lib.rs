//! Reader and writer of the RDB snapshot format.
