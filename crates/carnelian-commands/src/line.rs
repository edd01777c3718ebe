//! Clients whose command found a shard held, and how each gets its turn.
//!
//! A worker must not sleep while it has other connections to serve, so a command that cannot have its locks within a few
//! microseconds is put back: nothing has happened yet, its client stands in line here, and its connection tries again when
//! it is told that locks were released, or after a while. Whoever has tried in vain too often goes first: nobody else gets
//! a shard that it has found held until it has had its turn. The other shards that it needs stay free for everybody until
//! then: a command on the whole dataset that waits for one of them delays no command on the others.
//!
//! Who stands in line misses no release: it says so before it tries, and who releases looks for it afterwards. Taking a lock,
//! in vain or not, and giving it back are changes of one word, so one of the two comes second and sees what was done before
//! the other one: either the try finds the shard free, or whoever gives it back finds somebody in line. Who has got some of
//! its shards, but not all, gives those back, and tells the ones that these have stopped; telling all would set those going
//! again that wait for the same held shard as itself, and they it.

use crate::session::{Client, Session};
use crate::sync::{AtomicU64, AtomicUsize, Mutex, PATIENCE};
use carnelian_engine::ShardSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

struct Waiting {
    session: u64,
    client: Arc<dyn Client>,
    /// Shards that it has found held.
    shards: ShardSet,
    /// The one of them that stopped its last try; none while it tries, or when it had to let another one pass.
    stopped_by: Option<usize>,
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

    /// Tries to lock shards for a session. `lock` does it, or says which shard it found held. `None` when that was in vain
    /// or the session had to let another one pass: it stands in line then, and is told when to try again.
    pub(crate) fn attempt<T>(
        &self,
        session: &mut Session,
        shards: ShardSet,
        mut lock: impl FnMut() -> Result<T, usize>,
    ) -> Option<T> {
        let mut attempt = |session: &Session| {
            if !self.lets_pass(session, shards) {
                return Err(None);
            }
            lock().map_err(|held| {
                self.gave_back(session, shards, held);
                Some(held)
            })
        };
        // Most get what they want at once and never stand in line.
        if !session.in_line
            && let Ok(locked) = attempt(session)
        {
            return Some(locked);
        }
        self.stand(session);
        match attempt(session) {
            Ok(locked) => Some(locked),
            Err(held) => {
                self.count(session, held);
                None
            }
        }
    }

    /// Whether a session may try to lock shards: nobody who goes before it waits for one of them.
    fn lets_pass(&self, session: &Session, shards: ShardSet) -> bool {
        let first = self.first.load(Relaxed);
        first == 0 || first == session.id || self.is_apart(first, shards)
    }

    fn is_apart(&self, first: u64, shards: ShardSet) -> bool {
        let waiting = self.waiting.lock();
        waiting.iter().all(|other| other.session != first || !other.shards.overlaps(shards))
    }

    /// From now on the session is told of what is released, once until it stands here again.
    #[cold]
    fn stand(&self, session: &mut Session) {
        session.in_line = true;
        let mut waiting = self.waiting.lock();
        if let Some(place) = waiting.iter_mut().find(|other| other.session == session.id) {
            (place.told, place.stopped_by) = (false, None);
            return;
        }
        let (client, shards) = (Arc::clone(&session.client), ShardSet::EMPTY);
        let (session, stopped_by, tries, told) = (session.id, None, 0, false);
        waiting.push(Waiting { session, client, shards, stopped_by, tries, told });
        self.len.store(waiting.len(), Relaxed);
    }

    /// Counts a try in vain of a session, and what it found held unless it had to let another one pass.
    #[cold]
    fn count(&self, session: &Session, held: Option<usize>) {
        let mut waiting = self.waiting.lock();
        if let Some(place) = waiting.iter_mut().find(|other| other.session == session.id) {
            if let Some(held) = held {
                place.shards.insert(held);
            }
            place.stopped_by = held;
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
            Self::tell(&mut waiting, |_| true);
        }
    }

    /// Shards have been released: whoever waits may try again.
    #[inline]
    pub(crate) fn released(&self) {
        if self.len.load(Relaxed) != 0 {
            self.tell_all();
        }
    }

    #[cold]
    fn tell_all(&self) {
        Self::tell(&mut self.waiting.lock(), |_| true);
    }

    /// A session could not lock `held` and has released those shards before it that it had locked.
    #[cold]
    fn gave_back(&self, session: &Session, shards: ShardSet, held: usize) {
        let had = |shard: usize| shard < held && shards.iter().any(|one| one == shard);
        if self.len.load(Relaxed) != 0 && shards.iter().any(had) {
            Self::tell(&mut self.waiting.lock(), |other| {
                other.session != session.id && other.stopped_by.is_none_or(had)
            });
        }
    }

    fn tell(waiting: &mut [Waiting], whom: impl Fn(&Waiting) -> bool) {
        for other in waiting.iter_mut().filter(|other| !other.told && whom(other)) {
            other.told = true;
            other.client.retry();
        }
    }
}
