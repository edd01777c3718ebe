//! Between the keyspace and the RDB format: entries to bytes, objects to values, files to datasets.

use carnelian_engine::{
    Element, Engine, EntryEncoder, Hash, List, ListNode, ListNodeRef, Set, Settings, SnapshotEntry,
    StringValue, Value, ValueRef,
};
use carnelian_rdb as rdb;
use std::sync::Arc;

/// What of an entry's access clock is written, after the eviction policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessInfo {
    /// Nothing.
    #[default]
    None,
    /// How long it has been idle.
    Idle,
    /// How often it is used.
    Frequency,
}

/// Encodes entries of one shard for a snapshot file.
pub struct RdbEntryEncoder {
    encoder: rdb::Encoder,
    access: AccessInfo,
    now_ms: u64,
    /// Database that the bytes so far have selected.
    db: Option<usize>,
    /// Whose settings say how access counters decay.
    engine: Arc<Engine>,
}

impl RdbEntryEncoder {
    /// An encoder for files of this version, at this time (milliseconds since 1970).
    pub fn new(engine: &Arc<Engine>, version: u32, compress: bool, access: AccessInfo, now_ms: u64) -> Self {
        let engine = Arc::clone(engine);
        Self { encoder: rdb::Encoder::new(version, compress), access, now_ms, db: None, engine }
    }
}

/// Opcode that selects a database.
const SELECT_DB: u8 = 254;

impl EntryEncoder for RdbEntryEncoder {
    fn encode(&mut self, out: &mut Vec<u8>, entry: SnapshotEntry<'_>) {
        if self.db != Some(entry.db) {
            out.push(SELECT_DB);
            self.encoder.put_len(out, entry.db as u64);
            self.db = Some(entry.db);
        }
        let meta = rdb::Meta {
            expire_ms: entry.expire_ms.map(|expire_ms| expire_ms as i64),
            idle_secs: (self.access == AccessInfo::Idle).then(|| entry.idle_seconds(self.now_ms)),
            freq: (self.access == AccessInfo::Frequency)
                .then(|| entry.frequency(self.engine.settings(), self.now_ms)),
        };
        self.encoder.meta(out, &meta);
        encode_value(&mut self.encoder, out, Some(entry.key), entry.value);
    }
}

/// Appends a value: with its type and key in front, or with its type only, as DUMP payloads begin.
pub fn encode_value(encoder: &mut rdb::Encoder, out: &mut Vec<u8>, key: Option<&[u8]>, value: ValueRef<'_>) {
    match value {
        ValueRef::String(string) => match string.get() {
            Element::Int(value) => encoder.int(out, key, value),
            Element::Str(bytes) => encoder.string(out, key, bytes),
        },
        ValueRef::List(list) => encoder.list(
            out,
            key,
            list.nodes().map(|node| match node {
                ListNodeRef::Packed(packed) => rdb::ListNodeRef::Packed(packed.as_bytes()),
                ListNodeRef::Plain(bytes) => rdb::ListNodeRef::Plain(bytes),
                ListNodeRef::Compressed { lzf, len, plain } => {
                    rdb::ListNodeRef::Compressed { lzf, len, plain }
                }
            }),
        ),
        ValueRef::Set(set) => {
            if let Some(ints) = set.as_intset() {
                encoder.set_intset(out, key, ints.as_bytes());
            } else if let Some(packed) = set.as_listpack() {
                encoder.set_listpack(out, key, packed);
            } else {
                encoder.begin(out, key, rdb::BigType::Set, set.len() as u64);
                set.iter().for_each(|member| put(encoder, out, member));
            }
        }
        ValueRef::Hash(hash) => {
            if let Some(packed) = hash.as_listpack() {
                encoder.hash_listpack(out, key, packed.as_bytes());
            } else {
                encoder.begin(out, key, rdb::BigType::Hash, hash.len() as u64);
                for (field, value) in hash {
                    put(encoder, out, field);
                    put(encoder, out, value);
                }
            }
        }
    }
}

fn put(encoder: &mut rdb::Encoder, out: &mut Vec<u8>, element: Element<'_>) {
    match element {
        Element::Str(bytes) => encoder.put_string(out, bytes),
        Element::Int(_) => encoder.put_element(out, element),
    }
}

/// Why a dataset could not be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// The file is damaged, or of a version nobody knows.
    File(rdb::RdbError),
    /// The file holds a type that this server does not have.
    Unsupported {
        /// The type.
        what: &'static str,
        /// The key of that type.
        key: Vec<u8>,
        /// Where in the file, in bytes.
        offset: u64,
    },
    /// The file selects a database beyond `databases`.
    NoSuchDb {
        /// The database.
        db: u64,
        /// Where in the file, in bytes.
        offset: u64,
    },
    /// A shard holds no more.
    Crowded {
        /// Where in the file, in bytes.
        offset: u64,
    },
    /// A key is there twice.
    DuplicateKey {
        /// The key.
        key: Vec<u8>,
        /// Where in the file, in bytes.
        offset: u64,
    },
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Unsupported { what, key, offset } => write!(
                f,
                "key '{}' is a {what}, which this server does not support yet (offset {offset})",
                String::from_utf8_lossy(key)
            ),
            Self::NoSuchDb { db, offset } => {
                write!(f, "database {db} is beyond the configured number of databases (offset {offset})")
            }
            Self::Crowded { offset } => {
                write!(f, "the dataset is too large for so few shards (offset {offset})")
            }
            Self::DuplicateKey { key, offset } => {
                write!(f, "key '{}' is there twice (offset {offset})", String::from_utf8_lossy(key))
            }
        }
    }
}

impl std::error::Error for LoadError {}

impl From<rdb::RdbError> for LoadError {
    fn from(error: rdb::RdbError) -> Self {
        Self::File(error)
    }
}

/// What a loaded file held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Keys loaded.
    pub keys: u64,
    /// Keys left out because their time was over.
    pub expired: u64,
}

/// Turns what a file holds into a value, in the encoding that the settings ask for. `Ok(None)` is an empty collection;
/// the error names a type that is not supported.
pub fn value_of(object: rdb::Object, settings: &Settings) -> Result<Option<Value>, &'static str> {
    Ok(Some(match object {
        rdb::Object::String(bytes) => Value::from_bytes(&bytes),
        rdb::Object::Int(value) => StringValue::from_int(value).into(),
        rdb::Object::List(nodes) => {
            let mut list = List::new(settings);
            for node in nodes {
                let node = match node {
                    rdb::ListNode::Packed(packed) => ListNode::Packed(packed),
                    rdb::ListNode::Plain(bytes) => ListNode::Plain(bytes),
                };
                list.push_node(node);
            }
            list.into()
        }
        rdb::Object::SetInts(ints) => Set::from_intset(ints, settings).into(),
        rdb::Object::SetListpack(packed) => Set::from_listpack(packed, settings).into(),
        rdb::Object::Set(members) => {
            let mut set = Set::new_ints();
            if members.len() > settings.set_max_intset_entries() {
                set.convert_to_table(settings);
            }
            for member in &members {
                set.add(member, settings);
            }
            set.into()
        }
        rdb::Object::HashListpack(packed) => Hash::from_listpack(packed, settings).into(),
        rdb::Object::Hash(pairs) => {
            let mut hash = Hash::new();
            if pairs.len() > settings.hash_max_listpack_entries() {
                hash.convert(settings);
            }
            for (field, value) in &pairs {
                hash.set(field, value, settings);
            }
            hash.into()
        }
        rdb::Object::Empty => return Ok(None),
        rdb::Object::ZsetListpack(_) | rdb::Object::Zset(_) => return Err("sorted set"),
        rdb::Object::Stream(_) => return Err("stream"),
        rdb::Object::HashTtl(_) => return Err("hash with expiring fields"),
        rdb::Object::Module { .. } => return Err("module value"),
    }))
}
