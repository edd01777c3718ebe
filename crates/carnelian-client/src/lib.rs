//! Clients of Redis and its like: one that blocks, one on tokio.
//!
//! | type | for |
//! |---|---|
//! | [`Connection`] | threads and tools: a request, its reply, or whatever comes next |
//! | [`Client`] | tokio: a handle many tasks share; their requests go out together |
//! | [`Pipeline`] | many requests in one go, with either |
//! | [`ConnectOptions`] | where to connect, and as whom; also from a `redis://` URL |
//!
//! Both speak RESP2 or RESP3 and tell messages (pub/sub, invalidations) from replies by the same rules, which live in
//! one place without I/O.
//!
//! ```no_run
//! use carnelian_client::{ConnectOptions, Connection, Pipeline};
//!
//! let options = ConnectOptions::from_url("redis://127.0.0.1:6379/0")?;
//! let mut connection = Connection::connect(&options)?;
//! connection.command(&["SET", "stone", "carnelian"])?;
//! let mut pipeline = Pipeline::new();
//! pipeline.command(&["GET", "stone"]).command(&["STRLEN", "stone"]);
//! let replies = connection.pipeline(&pipeline)?;
//! assert_eq!(replies[1].as_i64(), Some(9));
//! # Ok::<(), carnelian_client::Error>(())
//! ```
//!
//! # Invariants
//!
//! - A reply is never given to another request than its own. A connection on which that is no longer certain refuses
//!   to be used.
//! - Everything that grows with what a server sends has a limit: replies ([`DecodeLimits`](carnelian_resp::DecodeLimits)),
//!   messages nobody has fetched, requests nobody has sent.
//! - An error *reply* is a [`Reply`], not an [`Error`]: the connection is sound, and in a
//!   pipeline the others count. [`check`] turns one into the other.

#![forbid(unsafe_code)]

mod asynchronous;
mod blocking;
mod driver;
mod error;
mod exchange;
mod handshake;
mod options;
mod pipeline;
mod url;

pub use asynchronous::{Client, Pushes};
pub use blocking::{Connection, Incoming};
pub use carnelian_resp::{Protocol, Reply};
pub use error::{Error, check};
pub use options::{Address, ConnectOptions};
pub use pipeline::Pipeline;
pub use url::UrlError;
