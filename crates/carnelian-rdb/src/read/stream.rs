//! Streams: their blocks as listpacks, and the consumer groups.

use super::object::{elements, listpack};
use super::source::Source;
use crate::error::{ErrorKind, RdbError};
use crate::format::kind;
use ahash::{AHashMap, AHashSet};
use carnelian_encoding::Listpack;
use std::io::Read;

/// Milliseconds and sequence number of a stream entry.
pub type StreamId = (u64, u64);

/// A stream as it stands in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamObject {
    /// The blocks with the ID that the entries of each are relative to, ascending.
    pub nodes: Vec<(StreamId, Listpack)>,
    /// Number of entries, deleted ones not counted.
    pub len: u64,
    /// The last ID given.
    pub last_id: StreamId,
    /// The first entry's ID. Files of before 7.0 do not tell it.
    pub first_id: Option<StreamId>,
    /// The greatest ID deleted. 0-0 if none, or if the file is of before 7.0.
    pub max_deleted_id: StreamId,
    /// Entries ever added. Files of before 7.0 do not tell it.
    pub entries_added: Option<u64>,
    /// The consumer groups.
    pub groups: Vec<StreamGroup>,
}

/// A consumer group.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamGroup {
    /// Its name.
    pub name: Vec<u8>,
    /// The last ID delivered.
    pub last_id: StreamId,
    /// Entries read so far; `u64::MAX` is not known. Files of before 7.0 do not tell it.
    pub entries_read: Option<u64>,
    /// Entries delivered and not acknowledged.
    pub pending: Vec<PendingEntry>,
    /// The consumers. Each pending entry belongs to one of them.
    pub consumers: Vec<StreamConsumer>,
}

/// An entry delivered and not acknowledged.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingEntry {
    /// Its ID.
    pub id: StreamId,
    /// When it was delivered last, in milliseconds since 1970.
    pub delivered_ms: i64,
    /// How often it was delivered.
    pub deliveries: u64,
}

/// A consumer of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamConsumer {
    /// Its name.
    pub name: Vec<u8>,
    /// When it was last heard of, in milliseconds since 1970.
    pub seen_ms: i64,
    /// When it last got something; files of before 7.2 do not tell it.
    pub active_ms: Option<i64>,
    /// The pending entries that are its own.
    pub pending: Vec<StreamId>,
}

fn id<R: Read>(source: &mut Source<R>) -> Result<StreamId, RdbError> {
    Ok((source.len()?, source.len()?))
}

fn raw_id<R: Read>(source: &mut Source<R>) -> Result<StreamId, RdbError> {
    Ok((u64::from_be_bytes(source.array()?), u64::from_be_bytes(source.array()?)))
}

pub(super) fn read<R: Read>(source: &mut Source<R>, kind: u8) -> Result<StreamObject, RdbError> {
    let mut last_node = None;
    let nodes = elements(source, |source| {
        let key = source.string()?;
        let Some((ms, seq)) =
            key.split_first_chunk::<8>().and_then(|(ms, seq)| Some((ms, seq.try_into().ok()?)))
        else {
            return source.corrupt("Stream node key entry is not the size of a stream ID");
        };
        let node_id = (u64::from_be_bytes(*ms), u64::from_be_bytes(seq));
        if last_node >= Some(node_id) {
            return source.corrupt("Stream listpacks do not ascend");
        }
        last_node = Some(node_id);
        let listpack = listpack(source)?;
        if listpack.is_empty() {
            return source.corrupt("Empty listpack inside stream");
        }
        Ok((node_id, listpack))
    })?;
    let (len, last_id) = (source.len()?, id(source)?);
    let (mut first_id, mut max_deleted_id, mut entries_added) = (None, (0, 0), None);
    if kind != kind::STREAM {
        first_id = Some(id(source)?);
        max_deleted_id = id(source)?;
        entries_added = Some(source.len()?);
    }
    if len > 0 && nodes.is_empty() {
        return source.corrupt("Stream length inconsistent with rax entries");
    }
    let mut names = AHashSet::new();
    let groups = elements(source, |source| {
        let group = group(source, kind)?;
        if !names.insert(group.name.clone()) {
            return Err(source.error(ErrorKind::Duplicate("consumer group name")));
        }
        Ok(group)
    })?;
    Ok(StreamObject { nodes, len, last_id, first_id, max_deleted_id, entries_added, groups })
}

fn group<R: Read>(source: &mut Source<R>, kind: u8) -> Result<StreamGroup, RdbError> {
    let name = source.string()?;
    let last_id = id(source)?;
    let entries_read = if kind == kind::STREAM { None } else { Some(source.len()?) };
    // Whether each pending entry has found its consumer.
    let mut owned: AHashMap<StreamId, bool> = AHashMap::new();
    let pending = elements(source, |source| {
        let entry =
            PendingEntry { id: raw_id(source)?, delivered_ms: source.i64_le()?, deliveries: source.len()? };
        if owned.insert(entry.id, false).is_some() {
            return Err(source.error(ErrorKind::Duplicate("pending entry of a consumer group")));
        }
        Ok(entry)
    })?;
    let mut names = AHashSet::new();
    let consumers = elements(source, |source| {
        let name = source.string()?;
        if !names.insert(name.clone()) {
            return Err(source.error(ErrorKind::Duplicate("stream consumer")));
        }
        let seen_ms = source.i64_le()?;
        let active_ms = if kind == kind::STREAM_3 { Some(source.i64_le()?) } else { None };
        let pending = elements(source, |source| {
            let id = raw_id(source)?;
            match owned.insert(id, true) {
                Some(false) => Ok(id),
                Some(true) => source.corrupt("Stream consumer PEL entry already has a consumer assigned"),
                None => source.corrupt("Consumer entry not found in group global PEL"),
            }
        })?;
        Ok(StreamConsumer { name, seen_ms, active_ms, pending })
    })?;
    if owned.values().any(|owned| !owned) {
        return source.corrupt("Stream CG PEL entry without consumer");
    }
    Ok(StreamGroup { name, last_id, entries_read, pending, consumers })
}
