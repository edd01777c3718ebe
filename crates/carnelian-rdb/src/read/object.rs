//! Values of entries.

use super::source::{Source, Text};
use super::{ReadOptions, legacy, stream};
use crate::error::{ErrorKind, RdbError};
use crate::format::{kind, list_node};
use ahash::AHashSet;
use carnelian_encoding::{Element, IntSet, Listpack, number};
use std::io::Read;

/// The value of an entry, as near to the file as can be without its old layouts: ziplists and zipmaps come as listpacks.
///
/// Listpacks and intsets have been checked throughout; pairs are pairs, scores are numbers and ascend. No member or field
/// is there twice (unless the options say not to look).
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// A string.
    String(Vec<u8>),
    /// A string that was stored as an integer.
    Int(i64),
    /// A list, never empty.
    List(Vec<ListNode>),
    /// A set of integers.
    SetInts(IntSet),
    /// A small set.
    SetListpack(Listpack),
    /// A set.
    Set(Vec<Vec<u8>>),
    /// A small hash: field, value, field, value.
    HashListpack(Listpack),
    /// A hash.
    Hash(Vec<(Vec<u8>, Vec<u8>)>),
    /// A hash some of whose fields expire (milliseconds since 1970).
    HashTtl(Vec<(Vec<u8>, Vec<u8>, Option<u64>)>),
    /// A small sorted set: member, score, member, score, ascending.
    ZsetListpack(Listpack),
    /// A sorted set, in the order of the file (Redis writes the greatest first).
    Zset(Vec<(Vec<u8>, f64)>),
    /// A stream.
    Stream(Box<stream::StreamObject>),
    /// The value of a module, which has been skipped.
    Module {
        /// The nine letters of its type.
        name: String,
    },
    /// A collection without elements. Redis drops such keys when it loads a file, and so should the caller.
    Empty,
}

/// A node of a list.
#[derive(Clone, Debug, PartialEq)]
pub enum ListNode {
    /// Some elements.
    Packed(Listpack),
    /// One element that was too long for a listpack.
    Plain(Vec<u8>),
}

/// Elements of an old list are put into listpacks of about this size.
const LIST_NODE_BYTES: usize = 8 * 1024;

/// How many elements to make room for before any has arrived.
const RESERVE_MAX: u64 = 1024;

pub(super) fn read<R: Read>(
    source: &mut Source<R>,
    kind: u8,
    options: ReadOptions,
) -> Result<Object, RdbError> {
    match kind {
        kind::STRING => Ok(match source.string_or_int()? {
            Text::Bytes(bytes) => Object::String(bytes),
            Text::Int(int) => Object::Int(int),
        }),
        kind::LIST => list_of_strings(source),
        kind::LIST_ZIPLIST => {
            let listpack = blob(source, legacy::from_ziplist, "List ziplist integrity check failed.")?;
            Ok(or_empty(listpack, |listpack| Object::List(vec![ListNode::Packed(listpack)])))
        }
        kind::LIST_QUICKLIST | kind::LIST_QUICKLIST_2 => {
            list_of_nodes(source, kind == kind::LIST_QUICKLIST_2)
        }
        kind::SET => {
            let members = elements(source, Source::string)?;
            refuse_duplicates(source, options, members.iter().map(|m| &m[..]), "set members")?;
            Ok(if members.is_empty() { Object::Empty } else { Object::Set(members) })
        }
        kind::SET_INTSET => {
            let bytes = source.string()?;
            let set = IntSet::from_bytes(bytes).map_err(|e| source.error(ErrorKind::BadIntset(e)))?;
            // Redis takes an intset without integers for a damaged one.
            if set.is_empty() {
                source.corrupt("Intset integrity check failed.")
            } else {
                Ok(Object::SetInts(set))
            }
        }
        kind::SET_LISTPACK => {
            let listpack = listpack(source)?;
            check_listpack(source, options, &listpack, 1, "set members")?;
            Ok(or_empty(listpack, Object::SetListpack))
        }
        kind::HASH => {
            let pairs = elements(source, |source| Ok((source.string()?, source.string()?)))?;
            refuse_duplicates(source, options, pairs.iter().map(|(field, _)| &field[..]), "hash fields")?;
            Ok(if pairs.is_empty() { Object::Empty } else { Object::Hash(pairs) })
        }
        kind::HASH_ZIPMAP | kind::HASH_ZIPLIST | kind::HASH_LISTPACK => {
            let listpack = match kind {
                kind::HASH_ZIPMAP => blob(source, legacy::from_zipmap, "Zipmap integrity check failed.")?,
                kind::HASH_ZIPLIST => {
                    blob(source, legacy::from_ziplist, "Hash ziplist integrity check failed.")?
                }
                _ => listpack(source)?,
            };
            check_listpack(source, options, &listpack, 2, "hash fields")?;
            Ok(or_empty(listpack, Object::HashListpack))
        }
        kind::HASH_TTL => hash_ttl(source, options),
        kind::HASH_LISTPACK_TTL => hash_listpack_ttl(source, options),
        kind::ZSET | kind::ZSET_2 => {
            let pairs = elements(source, |source| {
                let member = source.string()?;
                let score = if kind == kind::ZSET_2 { source.f64_le()? } else { old_score(source)? };
                if score.is_nan() {
                    return source.corrupt("Zset with NAN score detected");
                }
                Ok((member, score))
            })?;
            refuse_duplicates(source, options, pairs.iter().map(|(member, _)| &member[..]), "zset members")?;
            Ok(if pairs.is_empty() { Object::Empty } else { Object::Zset(pairs) })
        }
        kind::ZSET_ZIPLIST | kind::ZSET_LISTPACK => {
            let listpack = if kind == kind::ZSET_LISTPACK {
                listpack(source)?
            } else {
                blob(source, legacy::from_ziplist, "Zset ziplist integrity check failed.")?
            };
            check_listpack(source, options, &listpack, 2, "zset members")?;
            check_scores(source, &listpack)?;
            Ok(or_empty(listpack, Object::ZsetListpack))
        }
        kind::STREAM | kind::STREAM_2 | kind::STREAM_3 => {
            Ok(Object::Stream(Box::new(stream::read(source, kind)?)))
        }
        kind::MODULE_2 => {
            let name = module_name(source.len()?);
            skip_module_value(source)?;
            Ok(Object::Module { name })
        }
        kind::MODULE => {
            Err(source.error(ErrorKind::Unsupported { what: "a module value of the first format" }))
        }
        _ => Err(source.error(ErrorKind::BadType(kind))),
    }
}

/// Whether a type byte is that of a value.
pub(super) fn is_known(kind: u8) -> bool {
    matches!(kind, 0..=7 | 9..=21 | kind::HASH_TTL | kind::HASH_LISTPACK_TTL)
}

fn or_empty(listpack: Listpack, object: impl FnOnce(Listpack) -> Object) -> Object {
    if listpack.is_empty() { Object::Empty } else { object(listpack) }
}

/// Reads a count and so many elements.
pub(super) fn elements<R: Read, T>(
    source: &mut Source<R>,
    mut element: impl FnMut(&mut Source<R>) -> Result<T, RdbError>,
) -> Result<Vec<T>, RdbError> {
    let count = source.len()?;
    let mut all = Vec::with_capacity(count.min(RESERVE_MAX) as usize);
    for _ in 0..count {
        all.push(element(source)?);
    }
    Ok(all)
}

pub(super) fn listpack<R: Read>(source: &mut Source<R>) -> Result<Listpack, RdbError> {
    let bytes = source.string()?;
    Listpack::from_bytes(bytes).map_err(|error| source.error(ErrorKind::BadListpack(error)))
}

fn blob<R: Read>(
    source: &mut Source<R>,
    convert: impl FnOnce(&[u8]) -> Option<Listpack>,
    what: &'static str,
) -> Result<Listpack, RdbError> {
    let bytes = source.string()?;
    convert(&bytes).map_or_else(|| source.corrupt(what), Ok)
}

fn refuse_duplicates<'a, R: Read>(
    source: &Source<R>,
    options: ReadOptions,
    items: impl ExactSizeIterator<Item = &'a [u8]>,
    what: &'static str,
) -> Result<(), RdbError> {
    if !options.refuse_duplicates {
        return Ok(());
    }
    let mut seen = AHashSet::with_capacity(items.len());
    for item in items {
        if !seen.insert(item) {
            return Err(source.error(ErrorKind::Duplicate(what)));
        }
    }
    Ok(())
}

/// Checks that the number of elements is a multiple of `step`, and that of each `step` the first is there once.
fn check_listpack<R: Read>(
    source: &Source<R>,
    options: ReadOptions,
    listpack: &Listpack,
    step: usize,
    what: &'static str,
) -> Result<(), RdbError> {
    if !listpack.len().is_multiple_of(step) {
        return source.corrupt("Listpack of pairs has an odd number of elements");
    }
    if !options.refuse_duplicates {
        return Ok(());
    }
    // An integer and its text are the same element, so strings that read as integers go where the integers go.
    let (mut ints, mut strings) = (AHashSet::new(), AHashSet::new());
    for element in listpack.iter().step_by(step) {
        let new = match (element.as_i64(), element) {
            (Some(int), _) => ints.insert(int),
            (None, Element::Str(bytes)) => strings.insert(bytes),
            (None, Element::Int(_)) => true,
        };
        if !new {
            return Err(source.error(ErrorKind::Duplicate(what)));
        }
    }
    Ok(())
}

fn check_scores<R: Read>(source: &Source<R>, listpack: &Listpack) -> Result<(), RdbError> {
    let mut previous = f64::NEG_INFINITY;
    for element in listpack.iter().skip(1).step_by(2) {
        match element.as_f64() {
            Some(score) if score >= previous => previous = score,
            Some(_) => return source.corrupt("Zset listpack is not in the order of its scores"),
            None => return source.corrupt("Zset listpack with a score that is not a number"),
        }
    }
    Ok(())
}

fn list_of_strings<R: Read>(source: &mut Source<R>) -> Result<Object, RdbError> {
    let mut nodes: Vec<ListNode> = Vec::new();
    for _ in 0..source.len()? {
        let element = source.string()?;
        match nodes.last_mut() {
            _ if element.len() > LIST_NODE_BYTES => nodes.push(ListNode::Plain(element)),
            Some(ListNode::Packed(listpack)) if listpack.byte_len() + element.len() <= LIST_NODE_BYTES => {
                listpack.push_back(&element);
            }
            _ => nodes.push(ListNode::Packed([element].into_iter().collect())),
        }
    }
    Ok(if nodes.is_empty() { Object::Empty } else { Object::List(nodes) })
}

fn list_of_nodes<R: Read>(source: &mut Source<R>, with_container: bool) -> Result<Object, RdbError> {
    let mut nodes = Vec::new();
    for _ in 0..source.len()? {
        let container = if with_container { source.len()? } else { list_node::PACKED };
        if !matches!(container, list_node::PACKED | list_node::PLAIN) {
            return source.corrupt("Quicklist integrity check failed.");
        }
        let bytes = source.string()?;
        if bytes.is_empty() {
            return source.corrupt("Quicklist with an empty node");
        }
        if container == list_node::PLAIN {
            nodes.push(ListNode::Plain(bytes));
            continue;
        }
        let listpack = if with_container {
            Listpack::from_bytes(bytes).map_err(|error| source.error(ErrorKind::BadListpack(error)))?
        } else {
            let listpack = legacy::from_ziplist(&bytes);
            listpack.map_or_else(|| source.corrupt("Ziplist integrity check failed."), Ok)?
        };
        // Redis passes over nodes without elements.
        if !listpack.is_empty() {
            nodes.push(ListNode::Packed(listpack));
        }
    }
    Ok(if nodes.is_empty() { Object::Empty } else { Object::List(nodes) })
}

fn hash_ttl<R: Read>(source: &mut Source<R>, options: ReadOptions) -> Result<Object, RdbError> {
    // Times are stored as distances from the earliest, plus one, so that 0 can say that a field stays.
    let earliest = source.u64_le()?;
    let fields = elements(source, |source| {
        let distance = source.len()?;
        let expire_ms = match distance.checked_sub(1) {
            None => None,
            Some(distance) => match earliest.checked_add(distance) {
                None => return source.corrupt("Hash field expires beyond all time"),
                time => time,
            },
        };
        Ok((source.string()?, source.string()?, expire_ms))
    })?;
    refuse_duplicates(source, options, fields.iter().map(|(field, ..)| &field[..]), "hash fields")?;
    Ok(if fields.is_empty() { Object::Empty } else { Object::HashTtl(fields) })
}

fn hash_listpack_ttl<R: Read>(source: &mut Source<R>, options: ReadOptions) -> Result<Object, RdbError> {
    source.u64_le()?; // The earliest expiry, which the fields tell as well.
    let listpack = listpack(source)?;
    check_listpack(source, options, &listpack, 3, "hash fields")?;
    let mut fields = Vec::with_capacity(listpack.len() / 3);
    let mut elements = listpack.iter();
    while let (Some(field), Some(value), Some(time)) = (elements.next(), elements.next(), elements.next()) {
        let Some(time) = time.as_i64().and_then(|time| u64::try_from(time).ok()) else {
            return source.corrupt("Hash field with an expiry that is not a time");
        };
        fields.push((field.to_vec(), value.to_vec(), (time != 0).then_some(time)));
    }
    Ok(if fields.is_empty() { Object::Empty } else { Object::HashTtl(fields) })
}

/// Reads a score of before version 8: a length and text, or one of three lengths that mean what has no text.
fn old_score<R: Read>(source: &mut Source<R>) -> Result<f64, RdbError> {
    match source.u8()? {
        255 => Ok(f64::NEG_INFINITY),
        254 => Ok(f64::INFINITY),
        253 => Ok(f64::NAN),
        len => {
            let text = source.bytes(len as u64)?;
            number::parse_f64(&text).map_or_else(|| source.corrupt("Zset score is not a number"), Ok)
        }
    }
}

/// The name in the number of a module type: nine letters of six bits above ten bits of version.
pub(super) fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9).map(|i| LETTERS[(id >> (58 - 6 * i)) as usize & 63] as char).collect()
}

/// Passes over what a module wrote: numbers, floats and strings, each after its own mark, up to an end mark.
pub(super) fn skip_module_value<R: Read>(source: &mut Source<R>) -> Result<(), RdbError> {
    loop {
        match source.len()? {
            0 => return Ok(()),
            1 | 2 => drop(source.len()?),
            3 => drop(source.array::<4>()?),
            4 => drop(source.array::<8>()?),
            5 => drop(source.string()?),
            _ => return source.corrupt("Module value with an unknown mark"),
        }
    }
}
