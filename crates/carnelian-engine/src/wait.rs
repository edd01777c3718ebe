//! Clients blocked until a key can serve them, in order of arrival.

use crate::engine::ShardSet;
use crate::value::ValueType;
use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Acquire};

/// One blocked command. It is queued under each of its keys; whoever claims it first (the command that serves it, its
/// time-out, its client's end) is the one to answer.
pub struct Waiter {
    /// The type a key must have to serve it.
    pub wants: ValueType,
    /// The shards that serving it takes, its keys' and its destination's.
    pub shards: ShardSet,
    /// What the layer above needs to serve it.
    pub payload: Box<dyn Any + Send + Sync>,
    claimed: AtomicBool,
}

impl Waiter {
    /// A waiter nobody has claimed.
    pub fn new(wants: ValueType, shards: ShardSet, payload: Box<dyn Any + Send + Sync>) -> Self {
        Self { wants, shards, payload, claimed: AtomicBool::new(false) }
    }

    /// Takes the right to answer; true for exactly one caller.
    pub fn claim(&self) -> bool {
        !self.claimed.swap(true, AcqRel)
    }

    /// Whether somebody has claimed it.
    pub fn is_claimed(&self) -> bool {
        self.claimed.load(Acquire)
    }
}

/// The queues of one database in one shard.
#[derive(Default)]
pub(crate) struct WaitQueues {
    keys: HashMap<Box<[u8]>, VecDeque<Arc<Waiter>>>,
}

impl WaitQueues {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.keys.contains_key(key)
    }

    pub(crate) fn push(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        let queue = self.keys.entry(key.into()).or_default();
        if !queue.iter().any(|other| Arc::ptr_eq(other, waiter)) {
            queue.push_back(Arc::clone(waiter));
        }
    }

    pub(crate) fn remove(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        if let Some(queue) = self.keys.get_mut(key) {
            // Mostly it is the first: clients are served in order of arrival.
            if let Some(place) = queue.iter().position(|other| Arc::ptr_eq(other, waiter)) {
                queue.remove(place);
            }
            if queue.is_empty() {
                self.keys.remove(key);
            }
        }
    }

    pub(crate) fn get(&self, key: &[u8], place: usize) -> Option<Arc<Waiter>> {
        self.keys.get(key)?.get(place).cloned()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.keys().map(AsRef::as_ref)
    }
}
