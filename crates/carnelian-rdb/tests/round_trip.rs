//! Values written and read again, in both versions, compressed and not.
#![allow(missing_docs)]

mod common;

use carnelian_encoding::{IntSet, Listpack};
use carnelian_rdb::*;
use common::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..30),
        any::<i64>().prop_map(|int| int.to_string().into_bytes()),
        any::<i32>().prop_map(|int| int.to_string().into_bytes()),
        (prop::collection::vec(any::<u8>(), 1..6), 0usize..400).prop_map(|(part, times)| part.repeat(times)),
        (60usize..66, 16_380usize..16_390, any::<bool>()).prop_map(|(small, big, is_big)| vec![
            b'x';
            if is_big {
                big
            } else {
                small
            }
        ]),
    ]
}

fn object() -> impl Strategy<Value = Object> {
    let texts = || prop::collection::btree_set(text(), 1..12);
    let packed = |texts: &BTreeSet<Vec<u8>>| texts.iter().collect::<Listpack>();
    let scores = || any::<f64>().prop_filter("no NaN in a sorted set", |score| !score.is_nan());
    prop_oneof![
        text().prop_map(Object::String),
        any::<i64>().prop_map(Object::Int),
        prop::collection::vec((texts(), any::<bool>()), 1..4).prop_map(move |nodes| {
            let node = |(texts, plain): (BTreeSet<Vec<u8>>, bool)| {
                if plain {
                    ListNode::Plain([&b"x"[..], &texts.into_iter().collect::<Vec<_>>().concat()].concat())
                } else {
                    ListNode::Packed(packed(&texts))
                }
            };
            Object::List(nodes.into_iter().map(node).collect())
        }),
        prop::collection::btree_set(any::<i64>(), 1..20)
            .prop_map(|ints| Object::SetInts(ints.into_iter().collect::<IntSet>())),
        texts().prop_map(move |texts| Object::SetListpack(packed(&texts))),
        texts().prop_map(|texts| Object::Set(texts.into_iter().collect())),
        prop::collection::btree_map(text(), text(), 1..10).prop_map(|pairs: BTreeMap<_, _>| {
            Object::HashListpack(pairs.into_iter().flat_map(|(f, v)| [f, v]).collect())
        }),
        prop::collection::btree_map(text(), text(), 1..10)
            .prop_map(|pairs: BTreeMap<_, _>| Object::Hash(pairs.into_iter().collect())),
        prop::collection::btree_map(text(), -1000i32..1000, 1..10).prop_map(|pairs: BTreeMap<_, _>| {
            let mut pairs: Vec<(Vec<u8>, i32)> = pairs.into_iter().collect();
            pairs.sort_by_key(|&(_, score)| score);
            Object::ZsetListpack(
                pairs.into_iter().flat_map(|(m, s)| [m, s.to_string().into_bytes()]).collect(),
            )
        }),
        prop::collection::btree_map(text(), scores(), 1..10)
            .prop_map(|pairs: BTreeMap<_, _>| Object::Zset(pairs.into_iter().collect())),
    ]
}

/// The file does not tell a string of digits from an integer, nor, before version 11, a small set from a big one.
fn normal(object: Object, version: u32) -> Object {
    match object {
        Object::String(text) if text.len() <= 11 => match carnelian_encoding::number::parse_i64(&text) {
            Some(int) if i32::try_from(int).is_ok() => Object::Int(int),
            _ => Object::String(text),
        },
        Object::Int(int) if i32::try_from(int).is_err() => Object::String(int.to_string().into_bytes()),
        Object::SetListpack(listpack) if version < 11 => {
            Object::Set(listpack.iter().map(|element| element.to_vec()).collect())
        }
        object => object,
    }
}

proptest! {
    #[test]
    fn values_survive(
        entries_in in prop::collection::vec((text(), object(), any::<Option<i64>>(), any::<Option<u32>>(), any::<Option<u8>>()), 0..6),
        version in 10u32..=11,
        compress: bool,
        checksum: bool,
    ) {
        let options = WriteOptions { version, compress, checksum };
        let expected: Vec<Event> = entries_in.into_iter().map(|(key, value, expire_ms, idle, freq)| {
            let meta = Meta { expire_ms: expire_ms.filter(|&time| time != -1), idle_secs: idle.map(u64::from), freq };
            Event::Entry(Entry { key, meta, value: normal(value, version) })
        }).collect();
        let mut events = read_all(&write_all(&expected, options)).unwrap();
        let end = if checksum { Checksum::Right } else { Checksum::Disabled };
        prop_assert_eq!(events.pop(), Some(Event::Eof(end)));
        prop_assert_eq!(events, expected);
    }

    #[test]
    fn dump_payloads_survive(value in object(), damage in any::<prop::sample::Index>()) {
        let mut payload = Vec::new();
        dump::write(&mut Encoder::default(), &mut payload, 11, |encoder, out| encode(encoder, out, None, &value));
        let body = dump::verify(&payload).unwrap();
        prop_assert_eq!(dump::read(body, ReadOptions::default()).unwrap(), normal(value, 11));
        let mut longer = body.to_vec();
        longer.push(0);
        prop_assert!(dump::read(&longer, ReadOptions::default()).is_err());
        let at = damage.index(payload.len());
        payload[at] ^= 1;
        prop_assert!(dump::verify(&payload).is_err());
        prop_assert!(dump::verify(&payload[..at]).is_err());
    }
}

#[test]
fn collections_can_be_written_in_pieces() {
    let mut encoder = Encoder::default();
    let mut out = Vec::new();
    encoder.begin(&mut out, Some(b"z"), BigType::Zset, 2);
    for (member, score) in [(b"b", 2.0), (b"a", 1.0)] {
        encoder.put_string(&mut out, member);
        encoder.put_score(&mut out, score);
    }
    let mut file = FileWriter::new(Vec::new(), WriteOptions::default()).unwrap();
    file.write_raw(&out).unwrap();
    let file = file.finish().unwrap();
    let pairs = vec![(b"b".to_vec(), 2.0), (b"a".to_vec(), 1.0)];
    assert_eq!(entries(&file)[0].value, Object::Zset(pairs));
}

#[test]
fn lengths_take_as_few_bytes_as_they_can() {
    let mut encoder = Encoder::default();
    for (len, bytes) in [
        (63u64, vec![63u8]),
        (64, vec![0x40, 64]),
        (16_383, vec![0x7F, 0xFF]),
        (16_384, vec![0x80, 0, 0, 0x40, 0]),
        (u64::from(u32::MAX) + 1, vec![0x81, 0, 0, 0, 1, 0, 0, 0, 0]),
    ] {
        let mut out = Vec::new();
        encoder.put_len(&mut out, len);
        assert_eq!(out, bytes);
    }
}
