//! The network server: listeners, sessions, configuration, persistence jobs, pub/sub.

mod admin;
mod apply;
mod client;
mod client_memory;
mod clock;
pub mod config;
mod connection;
mod cron;
mod defrag;
mod host;
mod inbox;
mod latency;
mod listen;
mod loading;
mod log;
mod memory;
mod monitor;
mod pause;
mod persistence;
mod placement;
pub mod process;
mod pubsub;
mod reclaim;
mod server;
mod slowlog;
mod snapshot;
mod start;
mod stream;
mod totals;
mod worker;

pub use log::{Level, Log};
pub use memory::{MemoryReading, MemorySource, resident_bytes};
pub use start::{Options, RunningServer, StartError, start};

/// The version of Redis that clients are told, so that they use what it has.
pub const REDIS_VERSION: &str = "7.2.4";
/// The version of Carnelian.
pub const CARNELIAN_VERSION: &str = env!("CARGO_PKG_VERSION");
