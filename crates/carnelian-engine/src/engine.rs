//! The shards and the one way to lock them.

use crate::crowd::Gates;
use crate::gauge::Gauge;
use crate::keyspace::Keyspace;
use crate::lock::{Guard, LOCKS_APART, ReadGuard, Readers, Seat, ShardLock};
use crate::rng::Rng;
use crate::settings::Settings;
use crate::shard::Shard;
use ahash::RandomState;

/// Most shards an engine can have.
pub const MAX_SHARDS: usize = LOCKS_APART;

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

/// The hash of a key, for [`Warming::ask`](crate::Warming::ask) and [`Keyspace::enter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHash(pub(crate) u64);

/// Keeps neighbouring shards on cache lines of their own (two, because of adjacent-line prefetch).
#[repr(align(128))]
struct Padded(ShardLock<Shard>);

/// The whole dataset.
pub struct Engine {
    shards: Box<[Padded]>,
    /// Reserved and unused bytes of each shard.
    gauges: Box<[Gauge]>,
    readers: Readers,
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
        let settings = Settings::new(table_hasher);
        let gauges: Box<[Gauge]> = (0..count).map(|_| Gauge::default()).collect();
        let readers = Readers::new();
        let shard = |(number, gauge): (usize, &Gauge)| {
            let shard =
                Shard::new(databases, Rng::new(rng.next_u64()), &key_hasher, settings.gates(), gauge.clone());
            Padded(ShardLock::new(number, &readers, shard))
        };
        let shards = gauges.iter().enumerate().map(shard).collect();
        Self { shards, gauges, readers, databases, hasher: key_hasher, settings }
    }

    /// A seat for a thread that reads often, while there are some. It lets [`Keyspace::enter_to_read`] do without locks; of
    /// use when several threads do.
    pub fn seat(&self) -> Option<Seat> {
        self.readers.seat()
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

    /// What speaks against running commands unasked.
    #[inline]
    pub fn gates(&self) -> &Gates {
        self.settings.gates()
    }

    /// Bytes that the shards have taken from the allocator for entries and do not use: what is left of pages where entries
    /// were removed, or are still to come. It needs no lock. O(shards).
    pub fn unused_bytes(&self) -> usize {
        self.gauges.iter().map(Gauge::get).sum::<isize>().max(0).cast_unsigned()
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

    #[inline]
    pub(crate) fn lock_of(&self, shard: usize) -> Option<&ShardLock<Shard>> {
        self.shards.get(shard).map(|shard| &shard.0)
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
        let mut locked = Shards::none();
        for shard in set.iter() {
            if let Some(padded) = self.shards.get(shard) {
                locked.push(shard, padded.0.lock());
            }
        }
        locked.all = locked.len() >= self.shards.len();
        locked
    }

    /// Locks one shard if nobody holds it.
    #[inline]
    pub fn try_lock(&self, shard: usize) -> Option<Shards<'_>> {
        let mut locked = Shards::none();
        self.try_lock_into(shard, &mut locked).then_some(locked)
    }

    /// As [`try_lock`](Self::try_lock), into shards that hold nothing.
    #[inline]
    pub(crate) fn try_lock_into<'e>(&'e self, shard: usize, locked: &mut Shards<'e>) -> bool {
        let Some(guard) = self.lock_of(shard).and_then(ShardLock::try_lock) else { return false };
        (locked.first, locked.number, locked.all) = (Some(guard), shard, self.shards.len() == 1);
        true
    }

    /// Locks shards as [`lock`](Self::lock) does, but gives up, with nothing locked, when one of them stays held for longer
    /// than a short command takes (a few microseconds): for threads that have better to do than to sleep.
    ///
    /// # Errors
    ///
    /// The shard that is held.
    pub fn lock_soon(&self, set: ShardSet) -> Result<Shards<'_>, usize> {
        let mut locked = Shards::none();
        let mut spins = SPINS;
        for shard in set.iter() {
            let Some(padded) = self.shards.get(shard) else { continue };
            locked.push(shard, padded.0.lock_soon(&mut spins).ok_or(shard)?);
        }
        locked.all = locked.len() >= self.shards.len();
        Ok(locked)
    }

    /// A view of locked shards for one database at one moment (milliseconds since 1970).
    pub fn keyspace<'e>(&'e self, shards: Shards<'e>, db: usize, now_ms: u64) -> Keyspace<'e> {
        Keyspace::new(self, shards, db, now_ms)
    }
}

#[cold]
fn not_locked(shard: usize) -> ! {
    panic!("shard {shard} is used without its lock: a key is missing from a command's key specs")
}

/// Locked shards. Dropping it unlocks them.
pub struct Shards<'e> {
    /// The first locked shard, or the only one, as it is for most commands.
    first: Option<Guard<'e, Shard>>,
    /// Its number, or that of `looked_at`.
    number: usize,
    /// A shard that is read without its lock. Nothing is locked then.
    looked_at: Option<ReadGuard<'e, Shard>>,
    /// The others, in ascending order.
    others: Option<Box<Others<'e>>>,
    /// Whether every shard is locked.
    all: bool,
}

/// Locks behind the first one, with their numbers.
#[derive(Default)]
struct Others<'e>(Vec<(usize, Guard<'e, Shard>)>);

impl<'e> Shards<'e> {
    /// No locked shard: for commands that touch no key.
    pub fn none() -> Self {
        Self { first: None, number: 0, looked_at: None, others: None, all: false }
    }

    fn push(&mut self, shard: usize, guard: Guard<'e, Shard>) {
        if self.first.is_none() {
            (self.first, self.number) = (Some(guard), shard);
        } else {
            self.others.get_or_insert_default().0.push((shard, guard));
        }
    }

    /// Says that the only locked shard was only looked at: after some uses like that it can be
    /// [read without its lock](Keyspace::enter_to_read).
    #[inline]
    pub fn only_read(&mut self) {
        if let Some(first) = &mut self.first {
            first.only_read();
        }
    }

    /// A shard that is not locked, for looking at it. Nothing else may be held.
    #[inline]
    pub(crate) fn look_at(&mut self, shard: usize, guard: ReadGuard<'e, Shard>) {
        (self.looked_at, self.number) = (Some(guard), shard);
    }

    /// Unlocks all of them.
    #[inline(always)]
    pub fn release(&mut self) {
        self.first = None;
        self.looked_at = None;
        if self.others.is_some() {
            self.release_others();
        }
        self.all = false;
    }

    #[cold]
    fn release_others(&mut self) {
        self.others = None;
    }

    /// Whether no shard is locked.
    #[inline]
    pub fn is_none_locked(&self) -> bool {
        self.first.is_none()
    }

    /// Whether every shard of the engine is locked.
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// The locked shard numbers.
    pub fn set(&self) -> ShardSet {
        let mut set = ShardSet::EMPTY;
        for (shard, _) in self.numbered() {
            set.insert(shard);
        }
        set
    }

    /// Shards that serving blocked clients could take once a key of the locked shards becomes ready. Clients whose keys
    /// have lain in a shard count until all of that shard's are gone.
    #[inline]
    pub fn shards_of_waiters(&self) -> ShardSet {
        match (&self.first, &self.others) {
            (Some(only), None) => only.wait_needs,
            _ => self.iter().fold(ShardSet::EMPTY, |set, shard| set.union(shard.wait_needs)),
        }
    }

    /// The number of the locked shard when there is exactly one.
    #[inline]
    pub(crate) fn only(&self) -> Option<usize> {
        (self.first.is_some() && self.others.is_none()).then_some(self.number)
    }

    /// The shard with this number. Asking for one that is not locked is a bug of the caller's key specification.
    #[inline]
    pub(crate) fn get_mut(&mut self, shard: usize) -> &mut Shard {
        match &mut self.first {
            Some(guard) if self.number == shard => guard,
            _ => match self.others.as_mut().and_then(|others| others.find(self.all, shard)) {
                Some(found) => found,
                None => not_locked(shard),
            },
        }
    }

    /// As [`get_mut`](Self::get_mut), for reading only.
    #[inline]
    pub(crate) fn get(&self, shard: usize) -> &Shard {
        match &self.first {
            Some(guard) if self.number == shard => guard,
            None if self.number == shard => match &self.looked_at {
                Some(guard) => guard,
                None => not_locked(shard),
            },
            _ => self.get_other(shard),
        }
    }

    #[inline(never)]
    fn get_other(&self, shard: usize) -> &Shard {
        match self.numbered().find(|(number, _)| *number == shard) {
            Some((_, found)) => found,
            None => not_locked(shard),
        }
    }

    pub(crate) fn numbered(&self) -> impl Iterator<Item = (usize, &Shard)> {
        let others =
            self.others.iter().flat_map(|others| &others.0).map(|(number, guard)| (*number, &**guard));
        self.first.iter().map(|guard| (self.number, &**guard)).chain(others)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Shard> {
        self.numbered().map(|(_, shard)| shard)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Shard> {
        let others = self.others.iter_mut().flat_map(|others| &mut others.0).map(|(_, guard)| &mut **guard);
        self.first.iter_mut().map(|guard| &mut **guard).chain(others)
    }

    /// How many shards are locked.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.as_ref().map_or(0, |others| others.0.len())
    }

    pub(crate) fn nth_mut(&mut self, place: usize) -> Option<&mut Shard> {
        match place.checked_sub(1) {
            None => self.first.as_deref_mut(),
            Some(place) => self.others.as_mut()?.0.get_mut(place).map(|(_, guard)| &mut **guard),
        }
    }

    pub(crate) fn nth(&self, place: usize) -> Option<&Shard> {
        match place.checked_sub(1) {
            None => self.first.as_deref(),
            Some(place) => self.others.as_ref()?.0.get(place).map(|(_, guard)| &**guard),
        }
    }
}

impl Others<'_> {
    /// The shard with this number; `all` if every shard is locked.
    #[inline(never)]
    fn find(&mut self, all: bool, shard: usize) -> Option<&mut Shard> {
        let place =
            if all { shard.checked_sub(1) } else { self.0.iter().position(|(number, _)| *number == shard) };
        self.0.get_mut(place?).map(|(_, guard)| &mut **guard)
    }
}
