//! The snapshot format.

use std::io::Read;

use carnelian_rdb::{
    Encoder, Event, ListNode, ListNodeRef, Object, ReadOptions, Reader, VERSION_DEFAULT, dump,
};

/// Most events looked at: a file of many tiny ones says no more than one of a few.
const EVENTS_MAX: usize = 10_000;

/// The reader of snapshots refuses or reads any file, says the same however the bytes arrive, and what it has read can
/// be written and read again.
///
/// The first byte chooses how the bytes arrive and what is checked, the others are a file; they are also tried as the
/// value of a DUMP payload.
pub fn rdb_loader(data: &[u8]) {
    let Some((&choice, input)) = data.split_first() else { return };
    let options = ReadOptions {
        string_max: 1 << 20,
        // A fuzzer does not find checksums.
        verify_checksum: false,
        refuse_duplicates: choice & 1 != 0,
    };
    let piece = usize::from(choice >> 1) + 1;
    let (events, error) = events(input, options);
    let (in_pieces, error_in_pieces) = self::events(Pieces { rest: input, piece }, options);
    // Not a number is not equal to itself, so the text is compared.
    assert_eq!(format!("{in_pieces:?}"), format!("{events:?}"), "in pieces of {piece}");
    assert_eq!(error_in_pieces, error, "in pieces of {piece}");
    for event in &events {
        if let Event::Entry(entry) = event {
            write_and_read(&entry.value, options);
        }
    }
    if let Ok(value) = dump::read(input, options) {
        write_and_read(&value, options);
    }
}

/// What a file holds, and what ends it when it is not its end.
fn events(file: impl Read, options: ReadOptions) -> (Vec<Event>, Option<String>) {
    let mut reader = Reader::with_options(file, options);
    let mut events = Vec::new();
    while events.len() < EVENTS_MAX {
        match reader.next_event() {
            Ok(Some(event)) => events.push(event),
            Ok(None) => break,
            Err(error) => return (events, Some(error.to_string())),
        }
    }
    (events, None)
}

/// A file that arrives a few bytes at a time.
struct Pieces<'a> {
    rest: &'a [u8],
    piece: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = self.piece.min(buffer.len());
        let read = (&self.rest[..self.rest.len().min(len)]).read(buffer)?;
        self.rest = &self.rest[read..];
        Ok(read)
    }
}

/// A value that was read can be written as a DUMP payload and read from there. What older versions do not say is made up
/// by writing it, so only from then on does the value stay the same.
fn write_and_read(value: &Object, options: ReadOptions) {
    if can_be_written(value) {
        let once = through_payload(value, options);
        let twice = through_payload(&once, options);
        assert_eq!(format!("{twice:?}"), format!("{once:?}"));
    }
}

fn through_payload(value: &Object, options: ReadOptions) -> Object {
    let mut payload = Vec::new();
    let mut encoder = Encoder::new(VERSION_DEFAULT, true);
    dump::write(&mut encoder, &mut payload, VERSION_DEFAULT as u16, |encoder, out| {
        write(encoder, out, value)
    });
    let body = dump::verify(&payload).expect("a payload just written");
    dump::read(body, options).unwrap_or_else(|error| panic!("{value:?}: {error}"))
}

/// Strings may come back as integers and small sets in another form, and some types are only read.
fn can_be_written(value: &Object) -> bool {
    use Object::{Empty, HashTtl, Module, SetListpack, String};
    !matches!(value, String(_) | SetListpack(_) | HashTtl(_) | Module { .. } | Empty)
}

fn write(encoder: &mut Encoder, out: &mut Vec<u8>, value: &Object) {
    match value {
        Object::Int(value) => encoder.int(out, None, *value),
        Object::List(nodes) => {
            let nodes = nodes.iter().map(|node| match node {
                ListNode::Packed(listpack) => ListNodeRef::Packed(listpack.as_bytes()),
                ListNode::Plain(element) => ListNodeRef::Plain(element),
            });
            encoder.list(out, None, nodes);
        }
        Object::SetInts(set) => encoder.set_intset(out, None, set.as_bytes()),
        Object::Set(members) => encoder.set_members(out, None, members.len(), members.iter()),
        Object::HashListpack(listpack) => encoder.hash_listpack(out, None, listpack.as_bytes()),
        Object::Hash(pairs) => {
            encoder.hash_pairs(out, None, pairs.len(), pairs.iter().map(|(field, value)| (field, value)));
        }
        Object::ZsetListpack(listpack) => encoder.zset_listpack(out, None, listpack.as_bytes()),
        Object::Zset(pairs) => {
            encoder.zset_pairs(out, None, pairs.len(), pairs.iter().map(|(member, score)| (member, *score)));
        }
        Object::Stream(stream) => encoder.stream(out, None, stream),
        _ => unreachable!("{value:?} is not written"),
    }
}
