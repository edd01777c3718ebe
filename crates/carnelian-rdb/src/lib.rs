//! Reader and writer of the RDB snapshot format.
//!
//! An RDB file is `REDIS` and four digits of version, then a sequence of opcodes (auxiliary fields, database numbers,
//! expiry times, entries), an end mark, and a CRC-64/Jones of everything before it.
//!
//! - [`Reader`] pulls [`Event`]s out of any [`std::io::Read`], for every version from 1 to 12.
//! - [`Encoder`] turns entries into bytes. It needs no file, so it can run under a short lock.
//! - [`FileWriter`] frames such bytes into a file and checksums them; [`Writer`] is both in one.
//! - [`dump`] has the payloads of `DUMP` and `RESTORE`; [`mod@check`] what `redis-check-rdb` does.
//!
//! *Architecture invariant:* this crate knows the format, not the keyspace, and reads no clock. Whatever a hostile file
//! claims, memory grows only with the bytes that really arrive, and every error names the offset it was found at.
//!
//! ```
//! use carnelian_rdb::{Event, Meta, Object, Reader, WriteOptions, Writer};
//!
//! let mut writer = Writer::new(Vec::new(), WriteOptions::default())?;
//! writer.select_db(0)?;
//! writer.entry(|encoder, out| {
//!     encoder.meta(out, &Meta::default());
//!     encoder.string(out, Some(b"greeting"), b"hello");
//! })?;
//! let file = writer.finish()?;
//!
//! let mut reader = Reader::new(&file[..]);
//! while let Some(event) = reader.next_event()? {
//!     if let Event::Entry(entry) = event {
//!         assert_eq!(entry.key, b"greeting");
//!         assert_eq!(entry.value, Object::String(b"hello".to_vec()));
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod check;
pub mod dump;
mod encode;
mod error;
mod file;
mod format;
mod read;

pub use check::{CheckOutcome, check};
pub use encode::{BigType, Encoder, ListNodeRef, Meta};
pub use error::{ErrorKind, RdbError};
pub use file::{FileWriter, WriteOptions, Writer};
pub use format::{VERSION_DEFAULT, VERSION_MAX, VERSION_MIN_WRITTEN};
pub use read::{
    Checksum, Entry, Event, ListNode, Object, PendingEntry, ReadOptions, Reader, StreamConsumer, StreamGroup,
    StreamId, StreamObject,
};
