//! The command table, handlers and dispatch: every data command, in process, without sockets.

mod block;
mod ctx;
mod cursor;
pub mod digest;
mod dispatch;
pub mod error;
mod families;
mod host;
pub mod rdb;
mod session;
pub mod spec;
mod stats;
pub mod table;
mod transaction;
pub mod usage;

pub use block::Blocked;
pub use ctx::{Ctx, ElementReply, TimeoutReply, TypedKeys};
pub use cursor::{Cursor, float, integer};
pub use dispatch::{Flow, Node};
pub use error::{CommandError, CommandResult};
pub use host::{Gate, Host, HostCommand, NoHost};
pub use session::{Client, NoClient, Queued, ReplyMode, Session, Transaction};
pub use stats::{CommandStats, Counter, ErrorStats, LATENCY_BUCKETS, WorkerStats};
