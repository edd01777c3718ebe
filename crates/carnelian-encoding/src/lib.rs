//! Byte-exact building blocks shared by the engine, the commands and the RDB format.
//!
//! | module | what it is |
//! |---|---|
//! | [`listpack`] | a sequence of strings and integers in one block of memory, as Redis 7 lays it out |
//! | [`intset`] | a sorted set of integers in one block of memory |
//! | [`lzf`] | the compression of strings in RDB files and of nodes in the middle of lists |
//! | [`number`] | integers, doubles and 80-bit long doubles from and to text, with Redis' exact rules |
//! | [`glob`] | Redis' glob patterns, matched without recursion |
//!
//! *Architecture invariant:* the bytes of a [`Listpack`] or an [`IntSet`] are at every moment the bytes that go into an
//! RDB file or a `DUMP` payload, so saving a small collection is one copy. Nothing here does I/O, reads a clock or
//! knows what a key is, and bytes from outside enter only through the validating `from_bytes` constructors.
//!
//! ```
//! use carnelian_encoding::{Element, Listpack};
//!
//! let mut fields = Listpack::new();
//! fields.push_back(b"visits");
//! fields.push_back(b"42"); // text that is an integer is stored as one
//! let at = fields.find(fields.first().unwrap(), b"visits", 1).unwrap();
//! assert_eq!(fields.get(fields.next(at).unwrap()), Element::Int(42));
//! ```

#![forbid(unsafe_code)]

mod block;
pub mod glob;
pub mod intset;
pub mod listpack;
pub mod lzf;
pub mod number;

pub use block::Block;
pub use glob::glob_match;
pub use intset::{IntSet, IntSetError, IntSetMut, IntSetRef};
pub use listpack::{Element, Listpack, ListpackError, ListpackMut, ListpackRef, Pos};
pub use number::LongDouble;
