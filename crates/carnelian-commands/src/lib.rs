//! The command table, handlers and dispatch: every data command, in process, without sockets.
//!
//! To use the keyspace as a library, open a [`Local`] and execute commands:
//!
//! ```
//! use carnelian_commands::{Local, LocalOptions};
//! use std::sync::Arc;
//!
//! // The clock and the seed can be given, so that a run can be replayed.
//! let clock = Arc::new(|| 1_700_000_000_000);
//! let local = Local::open(LocalOptions { shards: 4, seed: 7, clock, ..LocalOptions::default() });
//! let mut session = local.session();
//! session.execute(&["SET", "lease", "mine", "NX", "PX", "1500"]);
//! assert_eq!(session.execute(&["PTTL", "lease"]).as_i64(), Some(1500));
//! ```
//!
//! A server uses a [`Node`] with a [`Host`] of its own: it hands the arguments of each request to [`Node::execute`] together
//! with the client's [`Session`], and sends what was written.

mod ahead;
mod batch;
mod block;
mod ctx;
mod cursor;
pub mod digest;
mod dispatch;
pub mod error;
mod evict;
mod families;
mod host;
mod leftover;
mod line;
pub mod load;
mod local;
mod names;
pub mod rdb;
mod session;
pub mod spec;
mod stats;
mod sync;
pub mod table;
mod transaction;
pub mod usage;

pub use ahead::Ahead;
pub use batch::{Batch, Prepared};
pub use block::Blocked;
pub use ctx::{Ctx, ElementReply, TimeoutReply, TypedKeys};
pub use cursor::{Cursor, float, integer};
pub use dispatch::{Flow, NOT_QUEUED, Node};
pub use error::{CommandError, CommandResult, as_text};
pub use evict::Room;
pub use host::{Gate, Host, HostCommand, NoHost};
pub use local::{Clock, Local, LocalOptions, LocalSession};
pub use session::{Client, NoClient, Queued, ReplyMode, Session, Transaction};
pub use stats::{CommandStats, Counter, ErrorStats, LATENCY_BUCKETS, WorkerStats};
