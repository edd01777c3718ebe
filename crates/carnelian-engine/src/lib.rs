//! Sharded keyspace and data structures, without I/O, clock or global state.
//!
//! The keyspace is split into a power-of-two number of shards, each behind its own lock. A caller names the shards it
//! needs ([`ShardSet`]), locks them in one step ([`Engine::lock`]) and works on the keys through a [`Keyspace`], which
//! expires keys lazily and collects the side effects of a command ([`Effects`]) for the layer above to perform.
//!
//! Time and randomness are passed in, so that every run can be replayed from a seed.
//!
//! ```
//! use carnelian_engine::{Engine, EngineOptions, Value, ValueRef};
//!
//! let engine = Engine::new(EngineOptions { shards: 16, databases: 16, seed: 1 });
//! let shards = engine.lock(engine.shards_of(&[b"greeting"]));
//! let mut keys = engine.keyspace(shards, 0, 1_700_000_000_000);
//! keys.insert(b"greeting", Value::from_bytes(b"hello"));
//! assert_eq!(keys.read(b"greeting").map(ValueRef::type_name), Some("string"));
//! ```

mod access;
mod arena;
mod buckets;
mod crowd;
mod db;
mod effects;
mod engine;
mod entry;
mod evict;
mod gauge;
mod hash;
mod keyspace;
mod list;
pub mod lock;
mod objects;
mod prefetch;
mod rng;
mod sample;
mod segments;
mod set;
mod settings;
mod shard;
mod snapshot;
mod string;
mod sync;
mod table;
mod value;
mod wait;
mod warm;
mod watch;

pub use access::AccessClock;
pub use carnelian_encoding::listpack::Element;
pub use crowd::{Crowded, is_crowded};
pub use effects::{Effects, EventClass, Garbage, KeyEvent, RareEffects, Removal};
pub use engine::{Engine, EngineOptions, KeyHash, MAX_SHARDS, ShardSet, Shards};
pub use evict::{Choice, EvictionOrder, EvictionPolicy, Evictor, Victim};
pub use hash::{Hash, HashIter, HashRef};
pub use keyspace::{Edit, Expiry, KeyEntry, Keyspace, Lookup, Taken, TextEdit, WrongType};
pub use list::{End, List, ListNode, ListNodeRef, ListRef};
pub use lock::Seat;
pub use rng::Rng;
pub use set::{Set, SetIter, SetRef};
pub use settings::Settings;
pub use snapshot::{EntryEncoder, SnapshotEntry};
pub use string::{Content, StringRef, StringValue};
pub use value::{Collection, Value, ValueRef, ValueType};
pub use wait::Waiter;
pub use warm::{Holding, WARM_MOST, Wanted};
pub use watch::WatchFlag;
