//! Loading a snapshot file while others use the keyspace.

use crate::rdb::{LoadError, LoadReport, value_of};
use carnelian_engine::{AccessClock, Engine};
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
            rdb::Event::Entry(entry) => {
                store(engine, db, now_ms, entry, offset, &mut report)?;
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

fn store(
    engine: &Engine,
    db: usize,
    now_ms: u64,
    entry: rdb::Entry,
    offset: u64,
    report: &mut LoadReport,
) -> Result<(), LoadError> {
    let rdb::Entry { key, meta, value } = entry;
    let value = match value_of(value, engine.settings()) {
        Ok(Some(value)) => value,
        Ok(None) => return Ok(()),
        Err(what) => return Err(LoadError::Unsupported { what, key, offset }),
    };
    let expire_ms = meta.expire_ms.map(|expire_ms| u64::try_from(expire_ms).unwrap_or(0));
    if expire_ms.is_some_and(|expire_ms| expire_ms < now_ms) {
        report.expired += 1;
        return Ok(());
    }
    let mut keys = engine.keyspace(engine.lock(engine.shards_of(&[&key])), db, now_ms);
    if !keys.insert_new(&key, value, expire_ms) {
        return Err(LoadError::DuplicateKey { key, offset });
    }
    if let Some(idle) = meta.idle_secs {
        keys.set_access_clock(&key, AccessClock::from_idle(idle, now_ms));
    } else if let Some(frequency) = meta.freq {
        keys.set_access_clock(&key, AccessClock::from_frequency(frequency, now_ms));
    }
    report.keys += 1;
    Ok(())
}
