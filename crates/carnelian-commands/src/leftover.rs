//! What clients leave with shards and nobody needs any more.

use carnelian_engine::{Engine, Waiter, WatchFlag};
use std::sync::Arc;

/// Places in registries of shards, to be given back when nobody holds the shards. Until then they do no harm: a waiter
/// that is claimed is passed over, and nobody looks at the flag.
pub(crate) enum Leftover {
    /// A command that does not wait any more.
    Waiter { waiter: Arc<Waiter>, db: usize, keys: Vec<Box<[u8]>> },
    /// Keys, with their databases, that are not watched any more.
    Watches { flag: Arc<WatchFlag>, watched: Vec<(usize, Box<[u8]>)> },
}

impl Leftover {
    /// Gives the places back; false when somebody holds one of the shards.
    pub(crate) fn clear(&self, engine: &Engine) -> bool {
        let names: Vec<&[u8]> = match self {
            Self::Waiter { keys, .. } => keys.iter().map(AsRef::as_ref).collect(),
            Self::Watches { watched, .. } => watched.iter().map(|(_, key)| key.as_ref()).collect(),
        };
        let Ok(shards) = engine.lock_soon(engine.shards_of(&names)) else { return false };
        let mut keys = engine.keyspace(shards, 0, 0);
        match self {
            Self::Waiter { waiter, db, .. } => {
                keys.select(*db);
                for name in names {
                    keys.stop_waiting(name, waiter);
                }
            }
            Self::Watches { flag, watched } => {
                for (db, key) in watched {
                    keys.select(*db);
                    keys.unwatch(key, flag);
                }
            }
        }
        true
    }
}
