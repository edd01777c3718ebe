//! What a command did besides its reply, as data for the layer above.

use crate::db::Db;
use crate::objects::Object;
use crate::settings::Settings;

/// Classes of keyspace events, one bit each. The letters of `notify-keyspace-events` are given with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventClass(u32);

impl EventClass {
    /// `g`: commands on keys of any type.
    pub const GENERIC: Self = Self(1);
    /// `$`: strings.
    pub const STRING: Self = Self(1 << 1);
    /// `l`: lists.
    pub const LIST: Self = Self(1 << 2);
    /// `s`: sets.
    pub const SET: Self = Self(1 << 3);
    /// `h`: hashes.
    pub const HASH: Self = Self(1 << 4);
    /// `z`: sorted sets.
    pub const SORTED_SET: Self = Self(1 << 5);
    /// `x`: keys that expired.
    pub const EXPIRED: Self = Self(1 << 6);
    /// `e`: keys evicted for memory.
    pub const EVICTED: Self = Self(1 << 7);
    /// `t`: streams.
    pub const STREAM: Self = Self(1 << 8);
    /// `m`: reads of keys that do not exist. Not part of `A`.
    pub const KEY_MISS: Self = Self(1 << 9);
    /// `d`: modules' own types.
    pub const MODULE: Self = Self(1 << 11);
    /// `n`: keys that came into being. Not part of `A`.
    pub const NEW: Self = Self(1 << 12);

    /// The bit of this class.
    pub const fn bit(self) -> u32 {
        self.0
    }
}

/// One keyspace event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEvent {
    /// The class that subscribers select by.
    pub class: EventClass,
    /// The event's name, such as `lpush`.
    pub name: &'static str,
    /// Database of the key.
    pub db: usize,
    /// The key.
    pub key: Box<[u8]>,
}

/// Why a value is removed, which says whether its memory may be given back in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// A command replaces it, or removes it as a side effect.
    Replaced,
    /// DEL.
    Deleted,
    /// UNLINK.
    Unlinked,
    /// Its time is over.
    Expired,
    /// Memory is short.
    Evicted,
}

impl Removal {
    /// Whether the memory is freed in the background, if that takes long.
    pub(crate) fn is_lazy(self, settings: &Settings) -> bool {
        match self {
            Self::Replaced => settings.lazy_server_del(),
            Self::Deleted => settings.lazy_user_del(),
            Self::Unlinked => true,
            Self::Expired => settings.lazy_expire(),
            Self::Evicted => settings.lazy_eviction(),
        }
    }
}

/// Removed data whose memory takes long to give back. Dropping it frees it.
pub struct Garbage(Removed);

#[expect(dead_code, reason = "held to be dropped later")]
enum Removed {
    Object(Object),
    Db(Box<Db>),
}

impl Garbage {
    pub(crate) fn object(object: Object) -> Self {
        Self(Removed::Object(object))
    }

    pub(crate) fn db(db: Db) -> Self {
        Self(Removed::Db(Box::new(db)))
    }

    /// Whether it is all that a database had, or what one shard had of it.
    pub fn is_database(&self) -> bool {
        matches!(self.0, Removed::Db(_))
    }

    /// How many values or keys this is, as INFO counts lazily freed objects.
    pub fn objects(&self) -> usize {
        match &self.0 {
            Removed::Object(_) => 1,
            Removed::Db(db) => db.len(),
        }
    }
}

/// Everything a command caused that reaches beyond its own reply. Collected while the shards are locked; performed in
/// order before they are unlocked.
#[derive(Default)]
pub struct Effects {
    /// Changes since the last snapshot that this command adds.
    pub dirty: u64,
    /// Look-ups for reading that found a key.
    pub hits: u64,
    /// Look-ups for reading that found none.
    pub misses: u64,
    /// Keys found expired and removed.
    pub expired: u64,
    /// Keys removed because memory was short.
    pub evicted: u64,
    /// Apart, because most commands cause nothing of it and each would have to set up and look through the lists.
    rare: Option<Box<RareEffects>>,
}

/// What few commands cause.
#[derive(Default)]
pub struct RareEffects {
    /// Keyspace events, in order; only classes that somebody asked for.
    pub events: Vec<KeyEvent>,
    /// Keys that clients wait for and that may now serve them, in the order they became ready.
    pub ready: Vec<(usize, Box<[u8]>)>,
    /// Values removed: dropped after the locks are released and before the reply, because freeing a large one takes long.
    pub garbage: Vec<Garbage>,
    /// Values removed that nobody waits for: to be dropped in the background.
    pub lazy_garbage: Vec<Garbage>,
}

impl Effects {
    /// Whether there is any [`rare`](Self::rare) effect, or has been one.
    #[inline]
    pub fn has_rare(&self) -> bool {
        self.rare.is_some()
    }

    /// The effects that few commands have, for adding some.
    #[cold]
    pub fn rare(&mut self) -> &mut RareEffects {
        self.rare.get_or_insert_default()
    }

    /// Adds removed data.
    #[cold]
    pub(crate) fn discard(&mut self, garbage: Garbage, lazily: bool) {
        let rare = self.rare();
        let list = if lazily { &mut rare.lazy_garbage } else { &mut rare.garbage };
        list.push(garbage);
    }

    /// Takes the effects that few commands have.
    #[inline]
    pub fn take_rare(&mut self) -> Option<Box<RareEffects>> {
        self.rare.take()
    }
}
