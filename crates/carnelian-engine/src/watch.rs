//! Optimistic locking: who is to be told that a key changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Set when a watched key changes. One per client, shared by all keys it watches.
#[derive(Debug, Default)]
pub struct WatchFlag(AtomicBool);

impl WatchFlag {
    /// Whether a watched key has changed since it was watched.
    pub fn is_touched(&self) -> bool {
        // The flag is written and read under the lock of the key's shard, which orders it.
        self.0.load(Relaxed)
    }

    /// Marks the client's transaction as failed.
    pub fn touch(&self) {
        self.0.store(true, Relaxed);
    }
}

/// What a database has under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Nothing.
    Missing,
    /// An entry whose time is over and that nobody has removed yet.
    Expired,
    /// A live entry.
    Live,
}

struct Watcher {
    flag: Arc<WatchFlag>,
    /// The key had expired, but was not removed yet, when it was watched: its removal changes nothing for this client.
    was_expired: bool,
}

/// The watched keys of one database in one shard.
#[derive(Default)]
pub(crate) struct WatchList {
    keys: HashMap<Box<[u8]>, Vec<Watcher>>,
}

impl WatchList {
    /// Adds a watcher; false when it is there already.
    pub(crate) fn add(&mut self, key: &[u8], flag: &Arc<WatchFlag>, was_expired: bool) -> bool {
        let watchers = match self.keys.get_mut(key) {
            Some(watchers) => watchers,
            None => self.keys.entry(key.into()).or_default(),
        };
        // A client that watches a key twice does so at once: its watcher is the last, or nearly so.
        let new = !watchers.iter().rev().any(|watcher| Arc::ptr_eq(&watcher.flag, flag));
        if new {
            watchers.push(Watcher { flag: Arc::clone(flag), was_expired });
        }
        new
    }

    pub(crate) fn remove(&mut self, key: &[u8], flag: &Arc<WatchFlag>) {
        if let Some(watchers) = self.keys.get_mut(key) {
            watchers.retain(|watcher| !Arc::ptr_eq(&watcher.flag, flag));
            if watchers.is_empty() {
                self.keys.remove(key);
            }
        }
    }

    #[inline]
    pub(crate) fn touch(&mut self, key: &[u8]) {
        if !self.keys.is_empty() {
            self.touch_watchers(key, false);
        }
    }

    /// The key is removed because its time is over.
    pub(crate) fn touch_expired(&mut self, key: &[u8]) {
        if !self.keys.is_empty() {
            self.touch_watchers(key, true);
        }
    }

    fn touch_watchers(&mut self, key: &[u8], expired: bool) {
        for watcher in self.keys.get_mut(key).into_iter().flatten() {
            if watcher.was_expired && expired {
                watcher.was_expired = false;
            } else {
                watcher.flag.touch();
            }
        }
    }

    /// The whole database is replaced: `before` and `after` tell what it had and has under a key. A key that only went from
    /// one way of not existing to another has not changed.
    pub(crate) fn touch_all(
        &mut self,
        before: impl Fn(&[u8]) -> Presence,
        after: impl Fn(&[u8]) -> Presence,
    ) {
        for (key, watchers) in &mut self.keys {
            let (before, after) = (before(key), after(key));
            if before == Presence::Missing && after == Presence::Missing {
                continue;
            }
            for watcher in watchers {
                match after {
                    Presence::Missing if watcher.was_expired => watcher.was_expired = false,
                    Presence::Expired if watcher.was_expired => {}
                    Presence::Expired if before == Presence::Missing => watcher.was_expired = true,
                    _ => watcher.flag.touch(),
                }
            }
        }
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.keys().map(AsRef::as_ref)
    }
}
