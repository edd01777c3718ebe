//! Layouts of other versions, made by hand after the description of the format, and files with something wrong.
#![allow(missing_docs)]

mod common;

use carnelian_encoding::{IntSet, Listpack};
use carnelian_rdb::*;
use common::read_all;

/// A file of this version with one entry `k` of this type and these bytes; the checksum says that there is none.
fn file(version: u32, kind: u8, value: &[u8]) -> Vec<u8> {
    let head = format!("REDIS{version:04}").into_bytes();
    let end: &[u8] = if version < 5 { &[255] } else { &[255, 0, 0, 0, 0, 0, 0, 0, 0] };
    [&head, &[kind, 1, b'k'][..], value, end].concat()
}

fn value(version: u32, kind: u8, value: &[u8]) -> Object {
    match read_all(&file(version, kind, value)).unwrap().swap_remove(0) {
        Event::Entry(entry) => entry.value,
        event => panic!("{event:?}"),
    }
}

fn refusal(kind: u8, value: &[u8]) -> String {
    read_all(&file(11, kind, value)).unwrap_err().kind.to_string()
}

/// As a string: length and bytes.
fn string(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::new(11, false).put_len(&mut out, bytes.len() as u64);
    [&out, bytes].concat()
}

fn listpack(texts: &[&str]) -> Listpack {
    texts.iter().map(|text| text.as_bytes()).collect()
}

/// A ziplist of entries given as encoding and content.
fn ziplist(entries: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    let (mut previous, mut tail) = (0usize, 10);
    for entry in entries {
        tail = 10 + body.len();
        let start = body.len();
        if previous < 254 {
            body.push(previous as u8);
        } else {
            body.push(254);
            body.extend_from_slice(&(previous as u32).to_le_bytes());
        }
        body.extend_from_slice(entry);
        previous = body.len() - start;
    }
    let total = 11 + body.len() as u32;
    let count = entries.len() as u16;
    [&total.to_le_bytes()[..], &(tail as u32).to_le_bytes(), &count.to_le_bytes(), &body, &[255]].concat()
}

#[test]
fn lists_of_all_ages() {
    let expected = |nodes: Vec<Listpack>| Object::List(nodes.into_iter().map(ListNode::Packed).collect());
    let strings = [&[2u8][..], &string(b"a"), &[0xC0, 5]].concat();
    assert_eq!(value(1, 1, &strings), expected(vec![listpack(&["a", "5"])]));
    let old = ziplist(&[
        b"\x01a",
        &[0xF1],
        &[0xFD],
        &[0xFE, 0x80],
        &[0xC0, 0x00, 0x80],
        &[0xF0, 0, 0, 0x80],
        &[0xD0, 0, 0, 0, 0x80],
        &[0xE0, 0, 0, 0, 0, 0, 0, 0, 0x80],
        &[&[0x41, 0x2C][..], &[b'x'; 300]].concat(),
        &[&[0x80, 0, 0, 0, 2][..], b"yz"].concat(),
    ]);
    let texts = listpack(&[
        "a",
        "0",
        "12",
        "-128",
        "-32768",
        "-8388608",
        "-2147483648",
        "-9223372036854775808",
        &"x".repeat(300),
        "yz",
    ]);
    assert_eq!(value(2, 10, &string(&old)), expected(vec![texts.clone()]));
    let nodes = [&[2u8][..], &string(&old), &string(&ziplist(&[b"\x01b"]))].concat();
    assert_eq!(value(7, 14, &nodes), expected(vec![texts, listpack(&["b"])]));
}

#[test]
fn long_old_lists_are_split() {
    let element = string(&[b'x'; 3000]);
    let elements = [&[6u8][..], &element.repeat(5), &string(&[b'y'; 9000])].concat();
    let Object::List(nodes) = value(3, 1, &elements) else { panic!() };
    let sizes: Vec<usize> = nodes
        .iter()
        .map(|node| match node {
            ListNode::Packed(listpack) => listpack.len(),
            ListNode::Plain(_) => 0,
        })
        .collect();
    assert_eq!(sizes, [2, 2, 1, 0]);
}

#[test]
fn sets_hashes_and_sorted_sets_of_all_ages() {
    let intset: IntSet = [1, 2, 70_000].into_iter().collect();
    assert_eq!(value(2, 11, &string(intset.as_bytes())), Object::SetInts(intset));
    let members = listpack(&["a", "1"]);
    assert_eq!(value(11, 20, &string(members.as_bytes())), Object::SetListpack(members));
    let zipmap = [&[2u8, 1][..], b"f", &[2, 1], b"vvx", &[1], b"g", &[1, 0], b"7", &[255]].concat();
    assert_eq!(value(2, 9, &string(&zipmap)), Object::HashListpack(listpack(&["f", "vv", "g", "7"])));
    let pairs = ziplist(&[b"\x01f", b"\x01v"]);
    assert_eq!(value(4, 13, &string(&pairs)), Object::HashListpack(listpack(&["f", "v"])));
    let scores = ziplist(&[b"\x01a", b"\x03-in", b"\x01b", b"\x032.5"]);
    assert!(refusal(12, &string(&scores)).contains("not a number"));
    let scores = ziplist(&[b"\x01a", b"\x04-inf", b"\x01b", b"\x032.5"]);
    assert_eq!(value(4, 12, &string(&scores)), Object::ZsetListpack(listpack(&["a", "-inf", "b", "2.5"])));
    let old_scores = [&[3u8, 1][..], b"a", &[255, 1], b"b", &[254, 1], b"c", &[3], b"1.5"].concat();
    let pairs = [(b"a", f64::NEG_INFINITY), (b"b", f64::INFINITY), (b"c", 1.5)];
    assert_eq!(value(1, 3, &old_scores), Object::Zset(pairs.map(|(m, s)| (m.to_vec(), s)).to_vec()));
}

#[test]
fn hash_fields_that_expire() {
    let ttl = [&1000u64.to_le_bytes()[..], &[2, 0, 1], b"f", &[1], b"v", &[6, 1], b"g", &[1], b"w"].concat();
    let fields = vec![(b"f".to_vec(), b"v".to_vec(), None), (b"g".to_vec(), b"w".to_vec(), Some(1005))];
    assert_eq!(value(12, 24, &ttl), Object::HashTtl(fields.clone()));
    let triples = listpack(&["f", "v", "0", "g", "w", "1005"]);
    let ttl = [&1005u64.to_le_bytes()[..], &string(triples.as_bytes())].concat();
    assert_eq!(value(12, 25, &ttl), Object::HashTtl(fields));
}

#[test]
fn modules_are_passed_over() {
    let id: u64 = (0..9).fold(0, |id, _| id << 6 | 1) << 10 | 1;
    let content = [&[1u8, 5, 2, 6, 3][..], &[0; 4], &[4], &[0; 8], &[5, 1, b'x', 0]].concat();
    let named = [&[0x81][..], &id.to_be_bytes(), &content].concat();
    assert_eq!(value(9, 7, &named), Object::Module { name: "BBBBBBBBB".to_owned() });
    let aux =
        [b"REDIS0009", &[247, 0x81][..], &id.to_be_bytes(), &[2, 1], &content, &[255], &[0; 8]].concat();
    assert_eq!(read_all(&aux).unwrap()[0], Event::ModuleAux { name: "BBBBBBBBB".to_owned(), offset: 21 });
    assert_eq!(refusal(6, &named), "Can't load a module value of the first format");
}

#[test]
fn old_records_are_read() {
    let file = b"REDIS0003\xFE\x02\xFD\x10\x00\x00\x00\x00\x01k\x01v\xF4\x05\x06\x07\xFF";
    let events = read_all(file).unwrap();
    assert_eq!(events[0], Event::SelectDb(2));
    assert!(matches!(&events[1], Event::Entry(entry) if entry.meta.expire_ms == Some(16_000)));
    assert_eq!(events[2], Event::SlotInfo { slot: 5, keys: 6, expires: 7 });
    assert_eq!(events[3], Event::Eof(Checksum::NotChecked));
}

#[test]
fn empty_collections_are_told_apart() {
    let none = listpack(&[]);
    for (kind, bytes) in [
        (1, vec![0]),
        (2, vec![0]),
        (4, vec![0]),
        (5, vec![0]),
        (10, string(&ziplist(&[]))),
        (16, string(none.as_bytes())),
        (17, string(none.as_bytes())),
        (18, vec![0]),
        (20, string(none.as_bytes())),
    ] {
        assert_eq!(value(11, kind, &bytes), Object::Empty, "type {kind}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_offset() {
    let huge = [0x81u8, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    assert!(refusal(0, &huge).starts_with("String of 9223372036854775807 bytes"));
    assert_eq!(refusal(0, &[0x80, 0x3F, 0xFF, 0xFF, 0xFF]), "Unexpected EOF reading RDB file");
    let claim = [b"REDIS0011\x02\x01k", &huge[..]].concat();
    assert!(matches!(read_all(&claim).unwrap_err().kind, ErrorKind::UnexpectedEof), "a count costs nothing");
    assert_eq!(refusal(0, &[0x82]), "Unknown length encoding 2");
    assert_eq!(refusal(0, &[0xC4]), "Unknown RDB string encoding type 4");
    assert_eq!(refusal(0, &[0xC3, 2, 0x80, 0x3F, 0, 0, 0, 0, b'a']), "Invalid LZF compressed string");
    assert_eq!(refusal(2, &[2, 1, b'a', 1, b'a']), "Duplicate set members detected");
    assert_eq!(refusal(2, &[2, 0xC0, 1, 1, b'1']), "Duplicate set members detected");
    assert_eq!(refusal(4, &[2, 1, b'a', 0, 1, b'a', 0]), "Duplicate hash fields detected");
    assert_eq!(
        refusal(16, &string(listpack(&["f", "1", "f", "2"]).as_bytes())),
        "Duplicate hash fields detected"
    );
    assert!(refusal(16, &string(listpack(&["f"]).as_bytes())).contains("odd number"));
    assert!(refusal(17, &string(listpack(&["a", "2", "b", "1"]).as_bytes())).contains("order"));
    assert!(refusal(17, &string(listpack(&["a", "nan"]).as_bytes())).contains("not a number"));
    assert_eq!(
        refusal(5, &[&[1, 1, b'a'][..], &f64::NAN.to_le_bytes()].concat()),
        "Zset with NAN score detected"
    );
    assert!(refusal(18, &[1, 3]).contains("Quicklist"));
    assert!(refusal(18, &[1, 2, 3, 1, 2, 3]).contains("Listpack"));
    assert!(refusal(11, &string(&[2, 0, 0, 0, 0, 0, 0, 0])).contains("Intset"));
    assert_eq!(refusal(8, &[]), "Invalid object type: 8");
    assert_eq!(refusal(100, &[]), "Invalid object type: 100");
    let error = read_all(&file(11, 18, &[1, 3])).unwrap_err();
    assert_eq!(error.offset, 14);
    assert_eq!(error.to_string(), "RDB offset 14: Quicklist integrity check failed.");
    for (head, text) in [
        (&b"RIDES0011"[..], "Wrong signature trying to load DB from file"),
        (b"REDIS001x", "Wrong signature trying to load DB from file"),
        (b"REDIS0000", "Can't handle RDB format version 0"),
        (b"REDIS0099", "Can't handle RDB format version 99"),
        (b"REDIS0011\xF4\x80\x00\x00\x40\x00", "Slot number out of range"),
    ] {
        assert_eq!(read_all(head).unwrap_err().kind.to_string(), text);
    }
}

/// Groups in which pending entries and consumers do not belong together.
#[test]
fn pending_entries_belong_to_one_consumer_each() {
    let id = [&5u64.to_be_bytes()[..], &1u64.to_be_bytes()].concat();
    let pending = [&id[..], &[0; 8], &[1]].concat();
    let consumer =
        |name: u8, owns: usize| [&[1, name][..], &[0; 8], &[owns as u8], &id.repeat(owns)].concat();
    let stream = |pending: &[u8], consumers: &[Vec<u8>]| {
        // No blocks, no entries; one group `g`.
        let head = [0u8, 0, 5, 1, 0, 0, 0, 0, 0, 1, 1, b'g', 5, 1, 0];
        [&head[..], pending, &[consumers.len() as u8], &consumers.concat()].concat()
    };
    let one = [&[1u8][..], &pending].concat();
    let two = [&[2u8][..], &pending, &pending].concat();
    assert!(matches!(value(10, 19, &stream(&one, &[consumer(b'a', 1)])), Object::Stream(_)));
    for (bytes, text) in [
        (stream(&one, &[consumer(b'a', 0)]), "without consumer"),
        (stream(&one, &[consumer(b'a', 1), consumer(b'b', 1)]), "already has a consumer"),
        (stream(&one, &[consumer(b'a', 2)]), "already has a consumer"),
        (stream(&[0], &[consumer(b'a', 1)]), "not found in group"),
        (stream(&one, &[consumer(b'a', 1), consumer(b'a', 0)]), "Duplicate stream consumer"),
        (stream(&two, &[consumer(b'a', 1)]), "Duplicate pending entry"),
    ] {
        assert!(refusal(19, &bytes).contains(text), "{text}: {}", refusal(19, &bytes));
    }
}
