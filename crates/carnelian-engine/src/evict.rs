//! Choosing which keys give way when memory is short.

use crate::arena::Ref;
use crate::db::{Db, Sample};
use crate::engine::{Engine, ShardSet};
use crate::entry::Entry;
use crate::rng::Rng;
use crate::settings::Settings;
use crate::shard::Shard;

/// In which order keys give way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvictionOrder {
    /// Least recently used first (`lru`).
    Used,
    /// Least recently changed first (`lrm`): reads do not count.
    Changed,
    /// Least frequently used first (`lfu`).
    Frequency,
    /// No order.
    Random,
    /// Those that expire soonest first (`ttl`).
    Expiry,
}

/// Which keys give way when memory is short, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvictionPolicy {
    /// The order.
    pub order: EvictionOrder,
    /// Only keys that expire give way.
    pub volatile: bool,
}

/// Policies by their names in `maxmemory-policy`. The place is what settings keep.
const POLICIES: [(&str, EvictionOrder, bool); 10] = [
    ("allkeys-lru", EvictionOrder::Used, false),
    ("volatile-lru", EvictionOrder::Used, true),
    ("allkeys-lrm", EvictionOrder::Changed, false),
    ("volatile-lrm", EvictionOrder::Changed, true),
    ("allkeys-lfu", EvictionOrder::Frequency, false),
    ("volatile-lfu", EvictionOrder::Frequency, true),
    ("allkeys-random", EvictionOrder::Random, false),
    ("volatile-random", EvictionOrder::Random, true),
    // Of this one there is no form for all keys.
    ("volatile-ttl", EvictionOrder::Expiry, true),
    ("noeviction", EvictionOrder::Random, false),
];

impl EvictionPolicy {
    /// The policy of this name in `maxmemory-policy`; `None` for `noeviction` and whatever is unknown.
    pub fn from_name(name: &str) -> Option<Self> {
        let code = POLICIES.iter().position(|(known, ..)| *known == name)?;
        Self::from_code(code as u32 + 1)
    }

    fn from_code(code: u32) -> Option<Self> {
        let (name, order, volatile) = *POLICIES.get((code as usize).checked_sub(1)?)?;
        (name != "noeviction").then_some(Self { order, volatile })
    }

    /// How readily an entry gives way: the greater, the sooner. It falls only by a use, or a new expiry, of the entry.
    fn score(self, entry: &Entry<'_>, settings: &Settings, now_ms: u64) -> u64 {
        let clock = entry.header.clock();
        match self.order {
            EvictionOrder::Used | EvictionOrder::Changed => clock.idle_seconds(now_ms),
            // Of equally frequent ones the one that has not been used for longer goes first.
            EvictionOrder::Frequency => {
                let rarity = u64::from(u8::MAX - clock.frequency(settings, now_ms));
                (rarity << 16) | clock.idle_minutes(now_ms)
            }
            EvictionOrder::Random => 0,
            EvictionOrder::Expiry => u64::MAX - entry.expire_ms(),
        }
    }

    /// As [`score`](Self::score); `None` for an entry that may not give way.
    pub(crate) fn rank(self, entry: &Entry<'_>, settings: &Settings, now_ms: u64) -> Option<u64> {
        (!self.volatile || entry.expiry().is_some()).then(|| self.score(entry, settings, now_ms))
    }
}

impl Settings {
    /// What gives way when memory is short; `None` when nothing does.
    pub fn eviction_policy(&self) -> Option<EvictionPolicy> {
        EvictionPolicy::from_code(self.eviction_code())
    }

    /// Sets what gives way when memory is short, and with it what the entries' clocks count.
    pub fn set_eviction_policy(&self, policy: Option<EvictionPolicy>) {
        let is = |order| policy.is_some_and(|policy| policy.order == order);
        self.set_track_frequency(is(EvictionOrder::Frequency));
        self.set_track_changes(is(EvictionOrder::Changed));
        let known = |(_, order, volatile): &(&str, EvictionOrder, bool)| {
            policy == Some(EvictionPolicy { order: *order, volatile: *volatile })
        };
        let code = POLICIES.iter().position(known).map_or(0, |place| place as u32 + 1);
        self.set_eviction_code(code);
    }
}

/// An entry that is to give way. What it stands for may be gone, or used again, by the time that it is removed.
#[derive(Clone, Copy, Debug)]
pub struct Victim {
    pub(crate) shard: u16,
    pub(crate) db: u32,
    pub(crate) at: Ref,
    pub(crate) hash: u64,
    pub(crate) score: u64,
}

impl Victim {
    /// The shard to lock for removing it.
    pub fn shards(&self) -> ShardSet {
        let mut set = ShardSet::EMPTY;
        set.insert(usize::from(self.shard));
        set
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.shard, self.db, self.at) == (other.shard, other.db, other.at)
    }
}

/// What a search for an entry to remove came to.
#[derive(Clone, Copy, Debug)]
pub enum Choice {
    /// This one.
    Victim(Victim),
    /// No entry may give way.
    Nothing,
    /// Others hold the shards that there was something to find in.
    Busy,
}

/// Candidates kept from one search to the next.
const POOL: usize = 16;
/// Most entries that one search looks at in one table, whatever `maxmemory-samples` says: a lock is held meanwhile.
const SAMPLES_MAX: usize = 4096;
/// Shards drawn at random before they are gone through one after the other.
const DRAWS: usize = 4;

/// Looks for entries that give way. It samples a shard at a time and remembers the best it has seen, after the idea of
/// Salvatore Sanfilippo used in Redis. All it does follows from its seed.
pub struct Evictor {
    /// Sorted by score, the first to go at the end.
    pool: Vec<Victim>,
    policy: Option<EvictionPolicy>,
    rng: Rng,
}

impl Evictor {
    /// One that knows nothing yet.
    pub fn new(seed: u64) -> Self {
        Self { pool: Vec::with_capacity(POOL), policy: None, rng: Rng::new(seed) }
    }

    /// Finds an entry that gives way under the policy of the engine's settings. Locks one shard at a time, for as long as
    /// looking at `maxmemory-samples` entries takes: the caller holds none. O(samples) where most shards have something.
    pub fn choose(&mut self, engine: &Engine, now_ms: u64) -> Choice {
        let settings = engine.settings();
        let policy = settings.eviction_policy();
        if policy != self.policy {
            self.pool.clear();
            self.policy = policy;
        }
        let Some(policy) = policy else { return Choice::Nothing };
        let (count, mut first, mut busy) = (engine.shard_count(), 0, false);
        for turn in 0..DRAWS + count {
            // Drawing keeps keys behind empty shards from being found more often than others.
            let number = if turn <= DRAWS {
                first = self.rng.below(count);
                first
            } else {
                (first + turn - DRAWS) % count
            };
            let mut set = ShardSet::EMPTY;
            set.insert(number);
            let Ok(mut shards) = engine.lock_soon(set) else {
                busy = true;
                continue;
            };
            busy |= self.look_into(number, shards.get_mut(number), policy, settings, now_ms);
            if let Some(victim) = self.pool.pop() {
                return Choice::Victim(victim);
            }
        }
        if busy { Choice::Busy } else { Choice::Nothing }
    }

    /// Adds the best of a sample of the shard's entries to the pool. True when it has some that may give way.
    fn look_into(
        &mut self,
        number: usize,
        shard: &mut Shard,
        policy: EvictionPolicy,
        settings: &Settings,
        now_ms: u64,
    ) -> bool {
        let mut any = false;
        for (db_number, db) in shard.dbs.iter_mut().enumerate() {
            if db.len() == 0 || (policy.volatile && db.expiring() == 0) {
                continue;
            }
            any = true;
            for at in self.sample(db, policy, settings) {
                let entry = db.at(at);
                let Some(score) = policy.rank(&entry, settings, now_ms) else { continue };
                // The hash is not worth computing for what does not get into the pool.
                if self.pool.len() == POOL && self.pool.first().is_some_and(|worst| worst.score >= score) {
                    continue;
                }
                let hash = db.hash_at(at);
                self.add(Victim { shard: number as u16, db: db_number as u32, at, hash, score });
            }
        }
        any
    }

    fn sample(&mut self, db: &mut Db, policy: EvictionPolicy, settings: &Settings) -> Sample {
        let count = settings.eviction_samples().clamp(1, SAMPLES_MAX);
        match policy.order {
            EvictionOrder::Expiry => db.sample_due(&mut self.rng),
            EvictionOrder::Random if policy.volatile => db.sample(&mut self.rng, 1, true),
            EvictionOrder::Random => db.random_ref(&mut self.rng).into_iter().collect(),
            _ => db.sample(&mut self.rng, count, policy.volatile),
        }
    }

    fn add(&mut self, victim: Victim) {
        self.pool.retain(|other| !other.is_same(&victim));
        if self.pool.len() == POOL {
            self.pool.remove(0);
        }
        let place = self.pool.partition_point(|other| other.score <= victim.score);
        self.pool.insert(place, victim);
    }
}
