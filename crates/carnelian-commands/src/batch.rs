//! What is known of commands before they run, and what those that run in one go share.

use crate::dispatch::Node;
use crate::spec::KeySpec;
use crate::stats::WorkerStats;
use crate::table::{Entry, Found, Keys};
use carnelian_engine::{Effects, Holding, KeyHash, Keyspace, Seat, Shards, WARM_MOST, Wanted};
use carnelian_resp::Args;

/// A request whose command has been looked up and whose key has been hashed, each once. From [`Node::prepare`].
///
/// It holds for the arguments it was made from, on the node that made it, for as long as that node's commands keep their
/// names.
#[derive(Clone, Copy)]
pub struct Prepared {
    /// Number of the command; [`UNKNOWN`](Self::UNKNOWN) if there is none.
    pub(crate) command: u16,
    /// Of the key, for a command that has exactly one.
    pub(crate) key: Option<KeyHash>,
}

impl Prepared {
    /// The number of no command.
    pub(crate) const UNKNOWN: u16 = u16::MAX;
}

/// Commands that run in one go, one after the other: at one moment, and on one view of the keys.
///
/// Without a seat the shards that one command has locked stay locked for the next ones, until something else comes between.
/// With a seat, which a thread has that is not the only one, a shard stays locked only while commands follow each other on
/// keys of it.
pub struct Batch<'n> {
    pub(crate) node: &'n Node,
    pub(crate) meter: Meter<'n>,
    /// For commands on one key. Nothing is locked but between commands.
    pub(crate) keys: Keyspace<'n>,
    /// The worker's, if it reads without locks.
    pub(crate) seat: Option<&'n Seat>,
}

impl<'n> Batch<'n> {
    /// Unlocks what the last commands have left locked for the next ones, because something else comes between, and counts
    /// what the commands so far have done.
    #[inline]
    pub fn settle(&mut self) {
        let locked = !self.keys.shards().is_none_locked();
        self.keys.leave();
        // Whoever waits tries again when told, and must not be told by its own trying in vain.
        if locked {
            self.node.released();
        }
        self.meter.count(&mut self.keys.effects);
    }

    /// Asks for what commands on these keys of a database will read.
    #[inline]
    pub(crate) fn warm(&mut self, db: usize, wanted: &[Wanted]) {
        let engine = self.node.engine();
        engine.warm(db, wanted, self.holding());
    }

    /// Asks for what looking up members of a set, or fields of a hash, will read.
    pub(crate) fn warm_members(&mut self, db: usize, hash: KeyHash, key: &[u8], members: &[&[u8]]) {
        let engine = self.node.engine();
        engine.warm_members(db, hash, key, members, self.holding());
    }

    #[inline]
    fn holding(&mut self) -> Holding<'n, '_> {
        match self.seat {
            Some(seat) => Holding::Briefly(seat),
            None => Holding::Kept(self.keys.shards()),
        }
    }
}

impl Drop for Batch<'_> {
    #[inline]
    fn drop(&mut self) {
        self.settle();
    }
}

/// What the commands of a batch are measured by: counted by one worker, each from its beginning on.
pub(crate) struct Meter<'n> {
    pub(crate) now_ms: u64,
    pub(crate) stats: &'n WorkerStats,
    /// [`Host::ticks_ns`](crate::Host::ticks_ns) when what runs now began.
    pub(crate) ticks_ns: u64,
}

impl Meter<'_> {
    /// Begins to measure something. Returns what passed since the last beginning, in nanoseconds.
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
        let meter = Meter { now_ms, stats, ticks_ns: 0 };
        Batch { node: self, meter, keys, seat }
    }

    #[inline]
    pub(crate) fn meter<'n>(&self, now_ms: u64, stats: &'n WorkerStats) -> Meter<'n> {
        Meter { now_ms, stats, ticks_ns: self.host().ticks_ns() }
    }

    /// Looks up the command of a request and hashes its key, if it has exactly one.
    #[inline]
    pub fn prepare(&self, args: Args<'_>) -> Prepared {
        let command = self.number(args);
        Prepared { command, key: self.entry_of(command).and_then(|entry| self.only_key(entry, args)) }
    }

    /// Adds the keys of a command with several to what will be looked up.
    #[cold]
    pub(crate) fn want_several(&self, keys: &KeySpec, args: Args<'_>, wanted: &mut Vec<Wanted>) {
        keys.positions(args, |position| {
            if let Some(key) = args.get(position).filter(|_| wanted.len() < WARM_MOST) {
                wanted.push(Wanted { key: self.engine().key_hash(key), to_look: false });
            }
        });
    }

    #[inline]
    pub(crate) fn entry_of(&self, command: u16) -> Option<&Entry> {
        self.table().entries().get(usize::from(command))
    }

    /// The hash of the key of a command that has exactly one.
    #[inline]
    pub(crate) fn only_key(&self, entry: &Entry, args: Args<'_>) -> Option<KeyHash> {
        match entry.keys {
            Keys::One(place) => args.get(usize::from(place)).map(|key| self.engine().key_hash(key)),
            Keys::None | Keys::Many => None,
        }
    }

    /// Number of the command that arguments name.
    #[inline(never)]
    pub(crate) fn number(&self, args: Args<'_>) -> u16 {
        match self.table().find(args) {
            Found::Command(entry) => entry.id as u16,
            Found::UnknownSubcommand(_) | Found::Unknown => Prepared::UNKNOWN,
        }
    }
}
