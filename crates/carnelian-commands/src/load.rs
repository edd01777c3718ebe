//! Loading a snapshot file: into locked shards, or while others use the keyspace.

use crate::rdb::{LoadError, LoadReport, value_of};
use carnelian_engine::{AccessClock, Engine, Keyspace, Value};
use carnelian_rdb as rdb;
use std::io::Read;
use std::ops::ControlFlow;

/// Something that [`load_shared`] has done.
pub enum LoadEvent<'a> {
    /// It has read an auxiliary field.
    Aux {
        /// The name of the field.
        name: &'a [u8],
        /// What the field says.
        value: &'a [u8],
    },
    /// It has read an entry, and has stored it unless its time was over.
    Entry {
        /// Bytes of the file that have been read.
        offset: u64,
        /// What has been loaded so far.
        report: LoadReport,
    },
}

/// Loads a file into an engine that others use meanwhile: each entry is read without a lock, and stored under that of its
/// shard. Keys whose time was over at `now_ms` (milliseconds since 1970) are left out. `watch` is told of what is done, while
/// nothing is locked, and ends it early by breaking: `Ok(None)`. What has been loaded until then, or until an error, stays.
pub fn load_shared(
    input: impl Read,
    engine: &Engine,
    now_ms: u64,
    verify_checksum: bool,
    watch: impl FnMut(LoadEvent<'_>) -> ControlFlow<()>,
) -> Result<Option<LoadReport>, LoadError> {
    let put = |db, entry: Loaded| {
        let shards = engine.lock(engine.shards_of(&[&entry.key]));
        entry.insert(&mut engine.keyspace(shards, db, now_ms))
    };
    read(input, engine, now_ms, verify_checksum, put, watch)
}

/// Loads a file into a keyspace that has all shards locked. Keys whose time is over are left out. On an error what has
/// been loaded so far stays: the caller decides what to do with it.
pub fn load(
    input: impl Read,
    keys: &mut Keyspace<'_>,
    verify_checksum: bool,
) -> Result<LoadReport, LoadError> {
    let (engine, now_ms, selected) = (keys.engine(), keys.now_ms(), keys.db());
    let put = |db, entry: Loaded| {
        keys.select(db);
        entry.insert(keys)
    };
    let report = read(input, engine, now_ms, verify_checksum, put, |_| ControlFlow::Continue(()))?;
    keys.select(selected);
    Ok(report.unwrap_or_default())
}

/// An entry of a file that is to be stored.
struct Loaded {
    key: Vec<u8>,
    value: Value,
    expire_ms: Option<u64>,
    meta: rdb::Meta,
}

impl Loaded {
    /// Stores it; gives the key back when it is there already.
    fn insert(self, keys: &mut Keyspace<'_>) -> Result<(), Vec<u8>> {
        let (key, now_ms) = (self.key, keys.now_ms());
        if !keys.insert_new(&key, self.value, self.expire_ms) {
            return Err(key);
        }
        if let Some(idle) = self.meta.idle_secs {
            keys.set_access_clock(&key, AccessClock::from_idle(idle, now_ms));
        } else if let Some(frequency) = self.meta.freq {
            keys.set_access_clock(&key, AccessClock::from_frequency(frequency, now_ms));
        }
        Ok(())
    }
}

/// Reads a file from its first entry to its last and has `put` store each, with its database, that is neither empty nor
/// over.
fn read(
    input: impl Read,
    engine: &Engine,
    now_ms: u64,
    verify_checksum: bool,
    mut put: impl FnMut(usize, Loaded) -> Result<(), Vec<u8>>,
    mut watch: impl FnMut(LoadEvent<'_>) -> ControlFlow<()>,
) -> Result<Option<LoadReport>, LoadError> {
    let options = rdb::ReadOptions { verify_checksum, ..rdb::ReadOptions::default() };
    let mut reader = rdb::Reader::with_options(input, options);
    let mut report = LoadReport::default();
    let mut db = 0;
    while let Some(event) = reader.next_event()? {
        let offset = reader.offset();
        let seen = match event {
            rdb::Event::SelectDb(selected) => {
                if selected >= engine.databases() as u64 {
                    return Err(LoadError::NoSuchDb { db: selected, offset });
                }
                db = selected as usize;
                continue;
            }
            rdb::Event::Aux { name, value } => watch(LoadEvent::Aux { name: &name, value: &value }),
            rdb::Event::Entry(rdb::Entry { key, meta, value }) => {
                let expire_ms = meta.expire_ms.map(|expire_ms| u64::try_from(expire_ms).unwrap_or(0));
                match value_of(value, engine.settings()) {
                    Err(what) => return Err(LoadError::Unsupported { what, key, offset }),
                    Ok(None) => {}
                    Ok(Some(_)) if expire_ms.is_some_and(|expire_ms| expire_ms < now_ms) => {
                        report.expired += 1;
                    }
                    Ok(Some(_)) if engine.gates().are_crowded() => {
                        return Err(LoadError::Crowded { offset });
                    }
                    Ok(Some(value)) => {
                        put(db, Loaded { key, value, expire_ms, meta })
                            .map_err(|key| LoadError::DuplicateKey { key, offset })?;
                        report.keys += 1;
                    }
                }
                watch(LoadEvent::Entry { offset, report })
            }
            rdb::Event::Function(_) => {
                return Err(LoadError::Unsupported { what: "function library", key: Vec::new(), offset });
            }
            rdb::Event::ResizeDb { .. }
            | rdb::Event::SlotInfo { .. }
            | rdb::Event::ModuleAux { .. }
            | rdb::Event::Eof(_) => continue,
        };
        if seen.is_break() {
            return Ok(None);
        }
    }
    Ok(Some(report))
}
