//! Entries as bytes, without a file.

use crate::format::{VERSION_DEFAULT, kind, list_node, opcode, string};
use crate::read::{StreamId, StreamObject};
use carnelian_encoding::lzf::Compressor;
use carnelian_encoding::{Element, ListpackRef, number};

/// What goes before the type and key of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// When the key expires: milliseconds since 1970.
    pub expire_ms: Option<i64>,
    /// How long the key has been idle, in seconds. Written when the eviction policy is an LRU one.
    pub idle_secs: Option<u64>,
    /// The logarithmic counter of accesses. Written when the eviction policy is an LFU one.
    pub freq: Option<u8>,
}

/// A node of a list, to be written.
#[derive(Clone, Copy, Debug)]
pub enum ListNodeRef<'a> {
    /// The bytes of a listpack.
    Packed(&'a [u8]),
    /// One element too long for a listpack.
    Plain(&'a [u8]),
    /// Either of them, which the writer keeps compressed.
    Compressed {
        /// An LZF stream.
        lzf: &'a [u8],
        /// Bytes that it decompresses to.
        len: usize,
        /// Whether those are one long element, not a listpack.
        plain: bool,
    },
}

/// Encodes entries into byte vectors.
///
/// It needs no file and keeps nothing of the entries, only the table of the compressor. So a snapshot thread can encode
/// an entry while it holds the lock of its shard, and hand the bytes to [`FileWriter`](crate::FileWriter) after.
///
/// The methods for values write `type | key | value`, or `type | value` without a key, which is how `DUMP` payloads
/// start. An entry is [`meta`](Self::meta) and one of them.
///
/// Big collections can be written in pieces: [`begin`](Self::begin) with the right [`BigType`], then for each element
/// [`put_string`](Self::put_string) (twice for a hash) and for sorted sets [`put_score`](Self::put_score).
pub struct Encoder {
    version: u32,
    compress: bool,
    lzf: Compressor,
}

/// The layouts that can be written in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BigType {
    /// One string each.
    Set,
    /// Field and value, both strings.
    Hash,
    /// A string and a score.
    Zset,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new(VERSION_DEFAULT, true)
    }
}

impl Encoder {
    /// An encoder for files of this version; strings of more than 20 bytes are compressed where that saves something,
    /// if `compress` is set.
    pub fn new(version: u32, compress: bool) -> Self {
        Self { version, compress, lzf: Compressor::new() }
    }

    /// Writes expiry and access information.
    pub fn meta(&mut self, out: &mut Vec<u8>, meta: &Meta) {
        if let Some(expire_ms) = meta.expire_ms {
            out.push(opcode::EXPIRE_MS);
            out.extend_from_slice(&expire_ms.to_le_bytes());
        }
        if let Some(idle_secs) = meta.idle_secs {
            out.push(opcode::IDLE);
            self.put_len(out, idle_secs);
        }
        if let Some(freq) = meta.freq {
            out.push(opcode::FREQ);
            out.push(freq);
        }
    }

    /// Writes a string entry.
    pub fn string(&mut self, out: &mut Vec<u8>, key: Option<&[u8]>, value: &[u8]) {
        self.put_type(out, kind::STRING, key);
        self.put_string(out, value);
    }

    /// Writes a string entry whose value is an integer.
    pub fn int(&mut self, out: &mut Vec<u8>, key: Option<&[u8]>, value: i64) {
        self.put_type(out, kind::STRING, key);
        self.put_int(out, value);
    }

    /// Writes a list entry of `count` nodes.
    pub fn list<'a>(
        &mut self,
        out: &mut Vec<u8>,
        key: Option<&[u8]>,
        nodes: impl ExactSizeIterator<Item = ListNodeRef<'a>>,
    ) {
        self.put_type(out, kind::LIST_QUICKLIST_2, key);
        self.put_len(out, nodes.len() as u64);
        for node in nodes {
            match node {
                ListNodeRef::Packed(bytes) => {
                    self.put_len(out, list_node::PACKED);
                    self.put_string(out, bytes);
                }
                ListNodeRef::Plain(bytes) => {
                    self.put_len(out, list_node::PLAIN);
                    self.put_string(out, bytes);
                }
                ListNodeRef::Compressed { lzf, len, plain } => {
                    self.put_len(out, if plain { list_node::PLAIN } else { list_node::PACKED });
                    // As in Redis it stays compressed even when strings are not to be compressed.
                    out.push(0xC0 | string::LZF);
                    self.put_len(out, lzf.len() as u64);
                    self.put_len(out, len as u64);
                    out.extend_from_slice(lzf);
                }
            }
        }
    }

    /// Writes a set entry from the bytes of an intset.
    pub fn set_intset(&mut self, out: &mut Vec<u8>, key: Option<&[u8]>, intset: &[u8]) {
        self.put_type(out, kind::SET_INTSET, key);
        self.put_string(out, intset);
    }

    /// Writes a set entry from a listpack. Versions before 11 do not know it; they get the members one by one.
    pub fn set_listpack(&mut self, out: &mut Vec<u8>, key: Option<&[u8]>, members: ListpackRef<'_>) {
        if self.version >= 11 {
            self.put_type(out, kind::SET_LISTPACK, key);
            self.put_string(out, members.as_bytes());
        } else {
            self.begin(out, key, BigType::Set, members.len() as u64);
            members.iter().for_each(|member| self.put_element(out, member));
        }
    }

    /// Writes a set entry of `count` members.
    pub fn set_members<M: AsRef<[u8]>>(
        &mut self,
        out: &mut Vec<u8>,
        key: Option<&[u8]>,
        count: usize,
        members: impl Iterator<Item = M>,
    ) {
        self.begin(out, key, BigType::Set, count as u64);
        members.for_each(|member| self.put_string(out, member.as_ref()));
    }

    /// Writes a hash entry from the bytes of a listpack of fields and values.
    pub fn hash_listpack(&mut self, out: &mut Vec<u8>, key: Option<&[u8]>, listpack: &[u8]) {
        self.put_type(out, kind::HASH_LISTPACK, key);
        self.put_string(out, listpack);
    }

    /// Writes a hash entry of `count` fields.
    pub fn hash_pairs<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        out: &mut Vec<u8>,
        key: Option<&[u8]>,
        count: usize,
        pairs: impl Iterator<Item = (F, V)>,
    ) {
        self.begin(out, key, BigType::Hash, count as u64);
        for (field, value) in pairs {
            self.put_string(out, field.as_ref());
            self.put_string(out, value.as_ref());
        }
    }

    /// Writes a sorted set entry from the bytes of a listpack of members and scores, ascending.
    pub fn zset_listpack(&mut self, out: &mut Vec<u8>, key: Option<&[u8]>, listpack: &[u8]) {
        self.put_type(out, kind::ZSET_LISTPACK, key);
        self.put_string(out, listpack);
    }

    /// Writes a sorted set entry of `count` members. Redis writes them from the greatest to the smallest, for that is
    /// how it loads them fastest.
    pub fn zset_pairs<M: AsRef<[u8]>>(
        &mut self,
        out: &mut Vec<u8>,
        key: Option<&[u8]>,
        count: usize,
        pairs: impl Iterator<Item = (M, f64)>,
    ) {
        self.begin(out, key, BigType::Zset, count as u64);
        for (member, score) in pairs {
            self.put_string(out, member.as_ref());
            self.put_score(out, score);
        }
    }

    /// Writes a stream entry. What its source did not tell is written as Redis fills it in when it loads old files.
    pub fn stream(&mut self, out: &mut Vec<u8>, key: Option<&[u8]>, stream: &StreamObject) {
        let with_active = self.version >= 11;
        self.put_type(out, if with_active { kind::STREAM_3 } else { kind::STREAM_2 }, key);
        self.put_len(out, stream.nodes.len() as u64);
        for (id, listpack) in &stream.nodes {
            let mut raw = Vec::with_capacity(16);
            put_raw_id(&mut raw, *id);
            self.put_string(out, &raw);
            self.put_string(out, listpack.as_bytes());
        }
        self.put_len(out, stream.len);
        let first_id = stream.first_id.or(stream.nodes.first().map(|(id, _)| *id)).unwrap_or_default();
        for (ms, seq) in [stream.last_id, first_id, stream.max_deleted_id] {
            self.put_len(out, ms);
            self.put_len(out, seq);
        }
        self.put_len(out, stream.entries_added.unwrap_or(stream.len));
        self.put_len(out, stream.groups.len() as u64);
        for group in &stream.groups {
            self.put_string(out, &group.name);
            self.put_len(out, group.last_id.0);
            self.put_len(out, group.last_id.1);
            self.put_len(out, group.entries_read.unwrap_or(u64::MAX));
            self.put_len(out, group.pending.len() as u64);
            for entry in &group.pending {
                put_raw_id(out, entry.id);
                out.extend_from_slice(&entry.delivered_ms.to_le_bytes());
                self.put_len(out, entry.deliveries);
            }
            self.put_len(out, group.consumers.len() as u64);
            for consumer in &group.consumers {
                self.put_string(out, &consumer.name);
                out.extend_from_slice(&consumer.seen_ms.to_le_bytes());
                if with_active {
                    let active_ms = consumer.active_ms.unwrap_or(consumer.seen_ms);
                    out.extend_from_slice(&active_ms.to_le_bytes());
                }
                self.put_len(out, consumer.pending.len() as u64);
                consumer.pending.iter().for_each(|id| put_raw_id(out, *id));
            }
        }
    }

    /// Writes the start of a collection whose `count` elements follow in pieces.
    pub fn begin(&mut self, out: &mut Vec<u8>, key: Option<&[u8]>, big: BigType, count: u64) {
        let kind = match big {
            BigType::Set => kind::SET,
            BigType::Hash => kind::HASH,
            BigType::Zset => kind::ZSET_2,
        };
        self.put_type(out, kind, key);
        self.put_len(out, count);
    }

    /// Writes a string: as an integer where it is one of at most 32 bits, compressed where that is shorter, else as it is.
    pub fn put_string(&mut self, out: &mut Vec<u8>, value: &[u8]) {
        // No integer of 32 bits is longer than this.
        const INT_TEXT_MAX: usize = 11;
        // Shorter ones never get smaller, whatever is in them.
        const COMPRESSED_MIN: usize = 20;
        if value.len() <= INT_TEXT_MAX
            && let Some(int) = number::parse_i64(value)
            && put_small_int(out, int)
        {
            return;
        }
        if self.compress && value.len() > COMPRESSED_MIN && self.put_compressed(out, value) {
            return;
        }
        self.put_len(out, value.len() as u64);
        out.extend_from_slice(value);
    }

    /// Writes the decimal form of an integer.
    pub fn put_int(&mut self, out: &mut Vec<u8>, value: i64) {
        if !put_small_int(out, value) {
            let text = number::format_i64(value);
            self.put_len(out, text.as_bytes().len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
    }

    /// Writes an element of a listpack as a string.
    pub fn put_element(&mut self, out: &mut Vec<u8>, element: Element<'_>) {
        match element {
            Element::Str(bytes) => self.put_string(out, bytes),
            Element::Int(int) => self.put_int(out, int),
        }
    }

    /// Writes a score.
    pub fn put_score(&mut self, out: &mut Vec<u8>, score: f64) {
        out.extend_from_slice(&score.to_le_bytes());
    }

    /// Writes a length or a number, in 1, 2, 5 or 9 bytes.
    pub fn put_len(&mut self, out: &mut Vec<u8>, len: u64) {
        match len {
            0..0x40 => out.push(len as u8),
            0x40..0x4000 => out.extend_from_slice(&(0x4000 | len as u16).to_be_bytes()),
            _ => {
                if let Ok(len) = u32::try_from(len) {
                    out.push(0x80);
                    out.extend_from_slice(&len.to_be_bytes());
                } else {
                    out.push(0x81);
                    out.extend_from_slice(&len.to_be_bytes());
                }
            }
        }
    }

    fn put_type(&mut self, out: &mut Vec<u8>, kind: u8, key: Option<&[u8]>) {
        out.push(kind);
        if let Some(key) = key {
            self.put_string(out, key);
        }
    }

    /// Writes `LZF | compressed length | length | bytes`. The first length is known last, so the bytes go to where they
    /// would be if it took as much as the second, and are moved when it does not.
    fn put_compressed(&mut self, out: &mut Vec<u8>, value: &[u8]) -> bool {
        let start = out.len();
        out.push(0xC0 | string::LZF);
        self.put_len(out, value.len() as u64);
        let head = out.len() - start;
        let hole = head - 1;
        out.resize(out.len() + hole, 0);
        let from = out.len();
        if !self.lzf.compress(value, value.len() - 4, out) {
            out.truncate(start);
            return false;
        }
        let compressed = out.len() - from;
        let mut lengths = Vec::with_capacity(18);
        self.put_len(&mut lengths, compressed as u64);
        self.put_len(&mut lengths, value.len() as u64);
        let bytes_at = start + 1 + lengths.len();
        out.copy_within(from.., bytes_at);
        out[start + 1..bytes_at].copy_from_slice(&lengths);
        out.truncate(bytes_at + compressed);
        true
    }
}

fn put_raw_id(out: &mut Vec<u8>, (ms, seq): StreamId) {
    out.extend_from_slice(&ms.to_be_bytes());
    out.extend_from_slice(&seq.to_be_bytes());
}

/// Writes an integer that takes at most 32 bits; says whether it does.
fn put_small_int(out: &mut Vec<u8>, value: i64) -> bool {
    let (encoding, bytes) = match value {
        -0x80..=0x7F => (string::INT_8, 1),
        -0x8000..=0x7FFF => (string::INT_16, 2),
        -0x8000_0000..=0x7FFF_FFFF => (string::INT_32, 4),
        _ => return false,
    };
    out.push(0xC0 | encoding);
    out.extend_from_slice(&value.to_le_bytes()[..bytes]);
    true
}
