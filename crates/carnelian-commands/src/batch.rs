//! What is known of commands before they run, and what those that run in one go share.

use crate::dispatch::Node;
use crate::stats::WorkerStats;
use crate::table::{Entry, Found, Keys};
use carnelian_engine::KeyHash;
use carnelian_resp::Args;

/// A request whose command has been looked up and whose key has been hashed, each once. From [`Node::prepare`].
///
/// It holds for the arguments it was made from, on the node that made it, for as long as that node's commands keep their
/// names.
#[derive(Clone, Copy)]
pub struct Prepared {
    /// Number of the command; [`UNKNOWN`] if there is none.
    pub(crate) command: u16,
    /// Of the key, for a command that has exactly one.
    pub(crate) key: Option<KeyHash>,
}

/// The number of no command.
const UNKNOWN: u16 = u16::MAX;

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
    /// for [`Warming::ask`](carnelian_engine::Warming::ask).
    #[inline]
    pub fn prepare(&self, args: Args<'_>, warm: &mut Vec<KeyHash>, most: usize) -> Prepared {
        self.prepare_known(self.number(args), args, warm, most)
    }

    /// As [`prepare`](Self::prepare), for a request that runs right away.
    #[inline]
    pub fn prepare_alone(&self, args: Args<'_>) -> Prepared {
        let command = self.number(args);
        Prepared { command, key: self.entry_of(command).and_then(|entry| self.only_key(entry, args)) }
    }

    /// As [`prepare`](Self::prepare), for a request whose command has been looked up.
    #[inline]
    pub(crate) fn prepare_known(
        &self,
        command: u16,
        args: Args<'_>,
        warm: &mut Vec<KeyHash>,
        most: usize,
    ) -> Prepared {
        let Some(entry) = self.entry_of(command) else { return Prepared { command, key: None } };
        let key = self.only_key(entry, args);
        if let Some(key) = key {
            warm.push(key);
        } else if entry.keys == Keys::Many {
            self.warm_many(entry, args, warm, most);
        }
        Prepared { command, key }
    }

    /// Whether the first argument alone told which command it is.
    #[inline]
    pub(crate) fn is_whole_name(&self, prepared: Prepared) -> bool {
        self.entry_of(prepared.command)
            .is_some_and(|entry| entry.parent.is_none() && entry.spec.subcommands.is_empty())
    }

    fn warm_many(&self, entry: &Entry, args: Args<'_>, warm: &mut Vec<KeyHash>, most: usize) {
        // The keys of the first key spec are nearly always all; this is but a hint.
        let Some(spec) = entry.spec.keys.first() else { return };
        let full = warm.len() + most;
        spec.positions(args, |position| {
            if warm.len() < full
                && let Some(key) = args.get(position)
            {
                warm.push(self.engine().key_hash(key));
            }
        });
    }

    #[inline]
    pub(crate) fn entry_of(&self, command: u16) -> Option<&Entry> {
        self.table().entries().get(usize::from(command))
    }

    /// The hash of the key of a command that has exactly one.
    #[inline]
    fn only_key(&self, entry: &Entry, args: Args<'_>) -> Option<KeyHash> {
        match entry.keys {
            Keys::One(place) => args.get(usize::from(place)).map(|key| self.engine().key_hash(key)),
            Keys::None | Keys::Many => None,
        }
    }

    #[inline(never)]
    fn number(&self, args: Args<'_>) -> u16 {
        match self.table().find(args) {
            Found::Command(entry) => entry.id as u16,
            Found::UnknownSubcommand(_) | Found::Unknown => UNKNOWN,
        }
    }
}
