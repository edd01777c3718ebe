//! The shards and the one way to lock them.

use crate::db::Db;
use crate::keyspace::Keyspace;
use crate::rng::Rng;
use crate::settings::Settings;
use crate::shard::Shard;
use ahash::RandomState;
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;

/// Most shards an engine can have.
pub const MAX_SHARDS: usize = 256;

/// Looks at a held lock before [`Engine::lock_soon`] gives up.
const SPINS: u32 = 64;

/// How an engine is laid out. Fixed for its life.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Number of shards, rounded up to a power of two and at most [`MAX_SHARDS`].
    pub shards: usize,
    /// Number of databases.
    pub databases: usize,
    /// Seed of the key hash and of every table's hash. Take it from the operating system when clients are not trusted.
    pub seed: u64,
}

/// A set of shard numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardSet([u64; MAX_SHARDS / 64]);

impl ShardSet {
    /// No shard.
    pub const EMPTY: Self = Self([0; MAX_SHARDS / 64]);

    /// Adds a shard.
    #[inline]
    pub fn insert(&mut self, shard: usize) {
        self.0[(shard / 64) % (MAX_SHARDS / 64)] |= 1 << (shard % 64);
    }

    /// Shards of either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }

    /// Whether every shard of `self` is in `other`.
    pub fn is_subset(self, other: Self) -> bool {
        (0..self.0.len()).all(|i| self.0[i] & !other.0[i] == 0)
    }

    /// Whether a shard is in both sets.
    pub fn overlaps(self, other: Self) -> bool {
        (0..self.0.len()).any(|i| self.0[i] & other.0[i] != 0)
    }

    /// Whether the set has no shard.
    #[inline]
    pub fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// The shards in ascending order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(word, bits)| {
            std::iter::successors((bits != 0).then_some(bits), |bits| {
                let rest = bits & (bits - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |bits| word * 64 + bits.trailing_zeros() as usize)
        })
    }
}

/// The hash of a key, for [`Engine::warm`].
#[derive(Clone, Copy, Debug)]
pub struct KeyHash(u64);

/// Keeps neighbouring shards on cache lines of their own (two, because of adjacent-line prefetch).
#[repr(align(128))]
struct Padded(Mutex<Shard>);

/// The whole dataset.
pub struct Engine {
    shards: Box<[Padded]>,
    databases: usize,
    hasher: RandomState,
    settings: Settings,
}

impl Engine {
    /// An empty engine.
    pub fn new(options: EngineOptions) -> Self {
        let count = options.shards.clamp(1, MAX_SHARDS).next_power_of_two();
        let databases = options.databases.max(1);
        let mut rng = Rng::new(options.seed);
        let mut hasher =
            || RandomState::with_seeds(rng.next_u64(), rng.next_u64(), rng.next_u64(), rng.next_u64());
        let (key_hasher, table_hasher) = (hasher(), hasher());
        let shards = (0..count)
            .map(|_| Padded(Mutex::new(Shard::new(databases, Rng::new(rng.next_u64()), &key_hasher))))
            .collect();
        Self { shards, databases, hasher: key_hasher, settings: Settings::new(table_hasher) }
    }

    /// Number of shards, a power of two.
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// Number of databases.
    pub fn databases(&self) -> usize {
        self.databases
    }

    /// The tunables.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    #[inline]
    pub(crate) fn shard_of_hash(&self, hash: u64) -> usize {
        // The tables use the low half of the hash.
        (hash >> 48) as usize & (self.shards.len() - 1)
    }

    /// The shard that holds `key`, in every database.
    #[inline]
    pub fn shard_of(&self, key: &[u8]) -> usize {
        self.shard_of_hash(self.hash(key))
    }

    /// The shards that hold `keys`.
    pub fn shards_of(&self, keys: &[&[u8]]) -> ShardSet {
        let mut set = ShardSet::EMPTY;
        for key in keys {
            set.insert(self.shard_of(key));
        }
        set
    }

    /// The hash of a key.
    #[inline]
    pub fn key_hash(&self, key: &[u8]) -> KeyHash {
        KeyHash(self.hash(key))
    }

    /// The shard that holds the key with this hash, in every database.
    #[inline]
    pub fn shard_of_key(&self, key: KeyHash) -> usize {
        self.shard_of_hash(key.0)
    }

    /// Asks the processor for what looking these keys up will read, so that their waits for memory overlap. Worth its
    /// while for several keys that are looked up right after; shards that are locked are left out. Changes nothing.
    pub fn warm(&self, db: usize, keys: &[KeyHash]) {
        // Each step waits for the one before, so each goes over all keys before the next begins.
        let step = |act: fn(&Db, u64)| {
            for &KeyHash(hash) in keys {
                if let Some(padded) = self.shards.get(self.shard_of_hash(hash))
                    && let Some(shard) = padded.0.try_lock()
                    && let Some(db) = shard.dbs.get(db)
                {
                    act(db, hash);
                }
            }
        };
        step(Db::prefetch_index);
        step(Db::prefetch_entry);
    }

    /// All shards.
    pub fn all_shards(&self) -> ShardSet {
        let mut set = ShardSet::EMPTY;
        for shard in 0..self.shards.len() {
            set.insert(shard);
        }
        set
    }

    /// Locks shards in ascending order, which makes deadlock impossible as long as no caller locks while it holds
    /// locks. Blocks until all are free.
    pub fn lock(&self, set: ShardSet) -> Shards<'_> {
        let mut guards = SmallVec::new();
        for shard in set.iter() {
            if let Some(padded) = self.shards.get(shard) {
                guards.push((shard as u16, padded.0.lock()));
            }
        }
        Shards { guards, all: guards_are_all(set, self) }
    }

    /// Locks one shard if nobody holds it.
    pub fn try_lock(&self, shard: usize) -> Option<Shards<'_>> {
        let guard = self.shards.get(shard)?.0.try_lock()?;
        let mut guards = SmallVec::new();
        guards.push((shard as u16, guard));
        Some(Shards { guards, all: self.shards.len() == 1 })
    }

    /// Locks shards as [`lock`](Self::lock) does, but gives up, with nothing locked, when one of them stays held for longer
    /// than a short command takes (a few microseconds): for threads that have better to do than to sleep.
    ///
    /// # Errors
    ///
    /// The shard that is held.
    pub fn lock_soon(&self, set: ShardSet) -> Result<Shards<'_>, usize> {
        let mut guards = SmallVec::new();
        let mut spins = SPINS;
        for shard in set.iter() {
            let Some(padded) = self.shards.get(shard) else { continue };
            let guard = loop {
                if let Some(guard) = padded.0.try_lock() {
                    break guard;
                }
                spins = spins.checked_sub(1).ok_or(shard)?;
                std::hint::spin_loop();
            };
            guards.push((shard as u16, guard));
        }
        Ok(Shards { guards, all: guards_are_all(set, self) })
    }

    /// A view of locked shards for one database at one moment (milliseconds since 1970).
    pub fn keyspace<'e>(&'e self, shards: Shards<'e>, db: usize, now_ms: u64) -> Keyspace<'e> {
        Keyspace::new(self, shards, db, now_ms)
    }
}

fn guards_are_all(set: ShardSet, engine: &Engine) -> bool {
    set.0.iter().map(|bits| bits.count_ones() as usize).sum::<usize>() >= engine.shards.len()
}

#[cold]
fn not_locked(shard: usize) -> ! {
    panic!("shard {shard} is used without its lock: a key is missing from a command's key specs")
}

/// Locked shards. Dropping it unlocks them.
pub struct Shards<'e> {
    guards: SmallVec<[(u16, MutexGuard<'e, Shard>); 1]>,
    all: bool,
}

impl Shards<'_> {
    /// No locked shard: for commands that touch no key.
    pub fn none() -> Self {
        Self { guards: SmallVec::new(), all: false }
    }

    /// Whether every shard of the engine is locked.
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// The locked shard numbers.
    pub fn set(&self) -> ShardSet {
        let mut set = ShardSet::EMPTY;
        for (shard, _) in &self.guards {
            set.insert(usize::from(*shard));
        }
        set
    }

    /// Shards that serving blocked clients could take once a key of the locked shards becomes ready. Clients whose keys
    /// have lain in a shard count until all of that shard's are gone.
    #[inline]
    pub fn shards_of_waiters(&self) -> ShardSet {
        self.iter().fold(ShardSet::EMPTY, |set, shard| set.union(shard.wait_needs))
    }

    /// The number of the locked shard when there is exactly one.
    #[inline]
    pub(crate) fn only(&self) -> Option<usize> {
        match self.guards.as_slice() {
            [(shard, _)] => Some(usize::from(*shard)),
            _ => None,
        }
    }

    /// The shard with this number. Asking for one that is not locked is a bug of the caller's key specification.
    #[inline]
    pub(crate) fn get_mut(&mut self, shard: usize) -> &mut Shard {
        let position = if self.all {
            shard
        } else {
            self.guards.iter().position(|(number, _)| usize::from(*number) == shard).unwrap_or(usize::MAX)
        };
        match self.guards.get_mut(position) {
            Some((_, guard)) => guard,
            None => not_locked(shard),
        }
    }

    /// As [`get_mut`](Self::get_mut), for reading only.
    pub(crate) fn get(&self, shard: usize) -> &Shard {
        let guard = if self.all {
            self.guards.get(shard)
        } else {
            self.guards.iter().find(|(number, _)| usize::from(*number) == shard)
        };
        match guard {
            Some((_, guard)) => guard,
            None => not_locked(shard),
        }
    }

    pub(crate) fn numbered(&self) -> impl Iterator<Item = (usize, &Shard)> {
        self.guards.iter().map(|(number, guard)| (usize::from(*number), &**guard))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Shard> {
        self.guards.iter().map(|(_, guard)| &**guard)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Shard> {
        self.guards.iter_mut().map(|(_, guard)| &mut **guard)
    }

    /// How many shards are locked.
    pub(crate) fn len(&self) -> usize {
        self.guards.len()
    }

    pub(crate) fn nth_mut(&mut self, position: usize) -> Option<&mut Shard> {
        self.guards.get_mut(position).map(|(_, guard)| &mut **guard)
    }

    pub(crate) fn nth(&self, position: usize) -> Option<&Shard> {
        self.guards.get(position).map(|(_, guard)| &**guard)
    }
}
