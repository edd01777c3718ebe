//! What is known of commands before they run, and what those that run in one go share.

use crate::dispatch::Node;
use crate::stats::WorkerStats;
use crate::table::{Found, Keys};
use carnelian_engine::KeyHash;
use carnelian_resp::Args;

/// A request whose command has been looked up and whose key has been hashed, each once. From [`Node::prepare`].
///
/// It holds for the arguments it was made from, on the node that made it, for as long as that node's commands keep their
/// names.
#[derive(Clone, Copy)]
pub struct Prepared {
    pub(crate) found: Found,
    /// Of the key, for a command that has exactly one.
    pub(crate) key: Option<KeyHash>,
}

/// Commands that run in one go, one after the other: at one moment, counted by one worker, and each measured from where
/// the one before it ended, so that a command costs one look at the clock.
pub struct Batch<'s> {
    pub(crate) now_ms: u64,
    pub(crate) stats: &'s WorkerStats,
    /// [`Host::ticks_ns`](crate::Host::ticks_ns) when the last command ended.
    pub(crate) ticks_ns: u64,
}

impl Batch<'_> {
    /// Begins to measure the next command now, because something else took time since the last one. Returns what passed
    /// since then, in nanoseconds.
    #[inline]
    pub(crate) fn lap(&mut self, node: &Node) -> u64 {
        let now = node.host().ticks_ns();
        now.saturating_sub(std::mem::replace(&mut self.ticks_ns, now))
    }
}

impl Node {
    /// Begins a batch of commands at the given time (milliseconds since 1970).
    #[inline]
    pub fn batch<'s>(&self, now_ms: u64, stats: &'s WorkerStats) -> Batch<'s> {
        Batch { now_ms, stats, ticks_ns: self.host().ticks_ns() }
    }

    /// Keeps the time that passed since the last command of a batch from being counted as the next one's.
    #[inline]
    pub fn resume(&self, batch: &mut Batch<'_>) {
        batch.lap(self);
    }

    /// Looks up the command of a request and hashes its keys. The hashes of at most `most` of them are appended to `warm`,
    /// for [`Engine::warm`](carnelian_engine::Engine::warm).
    #[inline]
    pub fn prepare(&self, args: Args<'_>, warm: &mut Vec<KeyHash>, most: usize) -> Prepared {
        let prepared = self.prepare_alone(args);
        if let Some(key) = prepared.key {
            warm.push(key);
        } else if let Found::Command(entry) = prepared.found
            && entry.keys == Keys::Many
            && let Some(spec) = entry.spec.keys.first()
        {
            // The keys of the first key spec are nearly always all; this is but a hint.
            let full = warm.len() + most;
            spec.positions(args, |position| {
                if warm.len() < full
                    && let Some(key) = args.get(position)
                {
                    warm.push(self.engine().key_hash(key));
                }
            });
        }
        prepared
    }

    /// As [`prepare`](Self::prepare), for a request that runs right away.
    #[inline]
    pub fn prepare_alone(&self, args: Args<'_>) -> Prepared {
        let found = self.table().find(args);
        let key = match found {
            Found::Command(entry) => match entry.keys {
                Keys::One(place) => args.get(usize::from(place)).map(|key| self.engine().key_hash(key)),
                Keys::None | Keys::Many => None,
            },
            Found::UnknownSubcommand(_) | Found::Unknown => None,
        };
        Prepared { found, key }
    }
}
