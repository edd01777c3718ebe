//! Clients whose command found a shard held, and how each gets its turn.
//!
//! A worker must not sleep while it has other connections to serve, so a command that cannot have its locks within a few
//! microseconds is put back: nothing has happened yet, its client stands in line here, and its connection tries again when
//! it is told that locks were released, or after a while. Whoever has tried in vain too often goes first: nobody else gets
//! a shard that it has found held until it has had its turn. The other shards that it needs stay free for everybody until
//! then: a command on the whole dataset that waits for one of them delays no command on the others.

use crate::session::{Client, Session};
use carnelian_engine::ShardSet;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Tries in vain after which a client goes before all others.
const PATIENCE: u32 = 12;

struct Waiting {
    session: u64,
    client: Arc<dyn Client>,
    /// Shards that it has found held.
    shards: ShardSet,
    tries: u32,
    /// It has been told to try again and has not done so yet.
    told: bool,
}

/// The line. Its lock is a leaf, and taken only when somebody has to wait.
#[derive(Default)]
pub(crate) struct Line {
    waiting: Mutex<Vec<Waiting>>,
    /// Length of `waiting`.
    len: AtomicUsize,
    /// The session that goes first, 0 when none does. Sessions are numbered from 1.
    first: AtomicU64,
}

impl Line {
    /// Whether somebody goes before all others.
    #[inline]
    pub(crate) fn has_first(&self) -> bool {
        self.first.load(Relaxed) != 0
    }

    /// Whether a session may try to lock shards: nobody who goes before it waits for one of them.
    pub(crate) fn lets_pass(&self, session: &Session, shards: ShardSet) -> bool {
        let first = self.first.load(Relaxed);
        first == 0 || first == session.id || self.is_apart(first, shards)
    }

    fn is_apart(&self, first: u64, shards: ShardSet) -> bool {
        let waiting = self.waiting.lock();
        waiting.iter().all(|other| other.session != first || !other.shards.overlaps(shards))
    }

    /// Counts a try in vain of a session, which stands in line from now on. It found a shard held, or had to let another
    /// one pass.
    #[cold]
    pub(crate) fn wait(&self, session: &mut Session, held: Option<usize>) {
        let mut waiting = self.waiting.lock();
        session.in_line = true;
        let place = waiting.iter().position(|other| other.session == session.id).unwrap_or_else(|| {
            let client = Arc::clone(&session.client);
            let shards = ShardSet::EMPTY;
            waiting.push(Waiting { session: session.id, client, shards, tries: 0, told: false });
            waiting.len() - 1
        });
        self.len.store(waiting.len(), Relaxed);
        if let Some(place) = waiting.get_mut(place) {
            if let Some(held) = held {
                place.shards.insert(held);
            }
            place.told = false;
            place.tries += 1;
            if place.tries > PATIENCE && self.first.load(Relaxed) == 0 {
                self.first.store(session.id, Relaxed);
            }
        }
    }

    /// The session has its locks, or does not want them any more.
    #[inline]
    pub(crate) fn leave(&self, session: &mut Session) {
        if session.in_line {
            self.remove(session);
        }
    }

    #[cold]
    fn remove(&self, session: &mut Session) {
        session.in_line = false;
        let mut waiting = self.waiting.lock();
        waiting.retain(|other| other.session != session.id);
        self.len.store(waiting.len(), Relaxed);
        if self.first.load(Relaxed) == session.id {
            self.first.store(0, Relaxed);
            Self::tell(&mut waiting);
        }
    }

    /// Shards have been released: whoever waits may try again. Who begins to wait at this very moment may miss it; that is
    /// why connections also try again by themselves.
    #[inline]
    pub(crate) fn released(&self) {
        if self.len.load(Relaxed) != 0 {
            self.tell_all();
        }
    }

    #[cold]
    fn tell_all(&self) {
        Self::tell(&mut self.waiting.lock());
    }

    fn tell(waiting: &mut [Waiting]) {
        for client in waiting.iter_mut().filter(|client| !client.told) {
            client.told = true;
            client.client.retry();
        }
    }
}
