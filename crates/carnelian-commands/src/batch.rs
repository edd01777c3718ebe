//! What is known of commands before they run, and what those that run in one go share.

use crate::dispatch::Node;
use crate::spec::{Group, KeySpec, Scope};
use crate::stats::WorkerStats;
use crate::table::{Entry, Found, Keys};
use carnelian_engine::{Effects, KeyHash, Keyspace, Seat, Shards, Warming};
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
    /// The command that comes next is on a key of the same shard, too.
    pub(crate) goes_on: bool,
}

/// The number of no command.
const UNKNOWN: u16 = u16::MAX;

/// Commands that run in one go, one after the other: at one moment, and on one view of the keys.
///
/// A shard stays locked from one command to the next when both are on keys of it.
pub struct Batch<'n> {
    pub(crate) node: &'n Node,
    pub(crate) meter: Meter<'n>,
    /// For commands on one key. Nothing is locked but between commands of the same shard.
    pub(crate) keys: Keyspace<'n>,
    /// The worker's, if it reads without locks.
    pub(crate) seat: Option<&'n Seat>,
}

impl Batch<'_> {
    /// Unlocks what the last command has left locked for the next one, because something else comes between, and counts
    /// what the commands so far have done.
    pub fn settle(&mut self) {
        let locked = !self.keys.shards().is_none_locked();
        self.keys.leave();
        // Whoever waits tries again when told, and must not be told by its own trying in vain.
        if locked {
            self.node.released();
        }
        self.meter.count(&mut self.keys.effects);
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.settle();
    }
}

/// What the commands of a batch are measured by: counted by one worker, and each timed from where the one before it ended,
/// so that a command costs one look at the clock.
pub(crate) struct Meter<'n> {
    pub(crate) now_ms: u64,
    pub(crate) stats: &'n WorkerStats,
    /// [`Host::ticks_ns`](crate::Host::ticks_ns) when the last command ended.
    pub(crate) ticks_ns: u64,
}

impl Meter<'_> {
    /// Begins to measure the next command now, because something else took time since the last one. Returns what passed
    /// since then, in nanoseconds.
    #[inline]
    pub(crate) fn lap(&mut self, node: &Node) -> u64 {
        let now = node.host().ticks_ns();
        now.saturating_sub(std::mem::replace(&mut self.ticks_ns, now))
    }

    /// Moves what has been counted in `effects` to the worker's counters.
    pub(crate) fn count(&self, effects: &mut Effects) {
        let stats = self.stats;
        let Effects { dirty, hits, misses, expired, evicted, .. } = effects;
        for (counter, amount) in [
            (&stats.dirty, dirty),
            (&stats.hits, hits),
            (&stats.misses, misses),
            (&stats.expired, expired),
            (&stats.evicted, evicted),
        ] {
            let amount = std::mem::take(amount);
            if amount > 0 {
                counter.add(amount);
            }
        }
    }
}

impl Node {
    /// Begins a batch of commands at the given time (milliseconds since 1970). With a [seat](carnelian_engine::Engine::seat)
    /// commands that only look at one key need no lock.
    #[inline]
    pub fn batch<'n>(&'n self, now_ms: u64, stats: &'n WorkerStats, seat: Option<&'n Seat>) -> Batch<'n> {
        let keys = self.engine().keyspace(Shards::none(), 0, now_ms);
        Batch { node: self, meter: self.meter(now_ms, stats), keys, seat }
    }

    #[inline]
    pub(crate) fn meter<'n>(&self, now_ms: u64, stats: &'n WorkerStats) -> Meter<'n> {
        Meter { now_ms, stats, ticks_ns: self.host().ticks_ns() }
    }

    /// Keeps the time that passed since the last command of a batch from being counted as the next one's.
    #[inline]
    pub fn resume(&self, batch: &mut Batch<'_>) {
        batch.meter.lap(self);
    }

    /// Looks up the command of a request and hashes its key, if it has exactly one.
    #[inline]
    pub fn prepare(&self, args: Args<'_>) -> Prepared {
        self.prepare_known(self.number(args), args)
    }

    /// As [`prepare`](Self::prepare), for a request whose command has been looked up.
    #[inline]
    pub(crate) fn prepare_known(&self, command: u16, args: Args<'_>) -> Prepared {
        let key = self.entry_of(command).and_then(|entry| self.only_key(entry, args));
        Prepared { command, key, goes_on: false }
    }

    /// Where a command with several keys has them. The first key spec is nearly always all; this is but a hint.
    #[inline]
    pub(crate) fn several_keys(&self, prepared: Prepared) -> Option<&'static KeySpec> {
        let entry = self.entry_of(prepared.command).filter(|entry| entry.keys == Keys::Many)?;
        entry.spec.keys.first()
    }

    /// Asks for what a command with several keys will read.
    #[cold]
    pub(crate) fn warm_several(&self, keys: &KeySpec, args: Args<'_>, warming: &mut Warming<'_, '_>) {
        keys.positions(args, |position| {
            if let Some(key) = args.get(position) {
                warming.ask(self.engine().key_hash(key), false);
            }
        });
    }

    /// Where a command on one set or hash has its key. What follows it is the first member or field for most of them.
    #[inline]
    pub(crate) fn key_before_member(&self, prepared: Prepared) -> Option<usize> {
        let entry = self.entry_of(prepared.command)?;
        match (entry.spec.group, entry.keys) {
            (Group::Set | Group::Hash, Keys::One(place)) => Some(usize::from(place)),
            _ => None,
        }
    }

    /// Whether the first argument alone told which command it is.
    #[inline]
    pub(crate) fn is_whole_name(&self, prepared: Prepared) -> bool {
        self.entry_of(prepared.command)
            .is_some_and(|entry| entry.parent.is_none() && entry.spec.subcommands.is_empty())
    }

    /// Whether it is a command that may run on a shard that is not locked.
    #[inline]
    pub(crate) fn looks(&self, prepared: Prepared) -> bool {
        self.entry_of(prepared.command).is_some_and(|entry| entry.spec.scope == Scope::Look)
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
