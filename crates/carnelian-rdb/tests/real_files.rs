//! Files that redis-server 7.0.15 wrote: what is in them, that they are written again byte for byte, and that nothing
//! made of them by damage does harm.
#![allow(missing_docs)]

mod common;

use carnelian_rdb::*;
use common::*;
use proptest::prelude::*;

const ALL: &[u8] = REAL_FILES[0];

fn value(key: &str) -> Object {
    entries(ALL).into_iter().find(|entry| entry.key == key.as_bytes()).expect(key).value
}

fn texts(object: Object) -> Vec<String> {
    let mut out = Vec::new();
    let mut push = |bytes: &[u8]| out.push(String::from_utf8_lossy(bytes).into_owned());
    match object {
        Object::String(bytes) => push(&bytes),
        Object::Int(int) => push(int.to_string().as_bytes()),
        Object::List(nodes) => nodes.iter().for_each(|node| match node {
            ListNode::Packed(listpack) => listpack.iter().for_each(|e| e.with_bytes(&mut push)),
            ListNode::Plain(bytes) => push(bytes),
        }),
        Object::SetInts(set) => set.iter().for_each(|int| push(int.to_string().as_bytes())),
        Object::SetListpack(listpack) | Object::HashListpack(listpack) | Object::ZsetListpack(listpack) => {
            listpack.iter().for_each(|e| e.with_bytes(&mut push));
        }
        Object::Set(members) => members.iter().for_each(|m| push(m)),
        Object::Hash(pairs) => pairs.iter().for_each(|(f, v)| {
            push(f);
            push(v);
        }),
        Object::Zset(pairs) => pairs.iter().for_each(|(m, s)| {
            push(m);
            push(s.to_string().as_bytes());
        }),
        other => panic!("{other:?}"),
    }
    out
}

fn sorted(object: Object) -> Vec<String> {
    let mut all = texts(object);
    all.sort();
    all
}

#[test]
fn strings_are_read() {
    for (key, text) in [
        ("int8", "-7"),
        ("int16", "300"),
        ("int32", "-70000"),
        ("int64", "5000000000"),
        ("text", "hello"),
        ("empty", ""),
        ("zeros", "007"),
    ] {
        assert_eq!(texts(value(key)), [text]);
    }
    assert_eq!(value("int32"), Object::Int(-70_000));
    assert_eq!(value("long"), Object::String(b"ab".repeat(60)));
    assert_eq!(value("bin"), Object::String((0..=255).collect()));
    let ttl = entries(ALL).into_iter().find(|entry| entry.key == b"ttl").unwrap();
    assert_eq!(ttl.meta.expire_ms, Some(4_102_444_800_123));
}

#[test]
fn collections_are_read() {
    let list = ["a", "1", "bb", "-5000", "item:0", "item:1", "item:2", "item:3", "item:4"];
    assert_eq!(texts(value("list")), list);
    assert_eq!(texts(value("listplain")), ["x", &"y".repeat(200), "z"]);
    assert!(matches!(value("listplain"), Object::List(nodes) if matches!(nodes[1], ListNode::Plain(_))));
    assert_eq!(texts(value("ints16")), ["1", "2", "3", "4", "5"]);
    assert_eq!(texts(value("ints32")), ["1", "70000"]);
    assert_eq!(texts(value("ints64")), ["-5000000000", "1"]);
    assert_eq!(sorted(value("set")), ["3", "a", "b", &"long member ".repeat(4)]);
    assert_eq!(texts(value("hashlp")), ["f", "v", "n", "12"]);
    let pairs = ["f0", "f1", "f2", "f3", "f4", "f5", "v0", "v1", "v2", "v3", "v4", "v5"];
    assert_eq!(sorted(value("hash")), pairs);
    assert_eq!(texts(value("zsetlp")), ["d", "-inf", "a", "1", "b", "2.5", "c", "inf"]);
    let zset = ["m5", "7.5", "m4", "6", "m3", "4.5", "m2", "3", "m1", "1.5", "m0", "0"];
    assert_eq!(texts(value("zset")), zset);
}

#[test]
fn streams_are_read() {
    let Object::Stream(stream) = value("stream") else { panic!() };
    assert_eq!((stream.len, stream.last_id, stream.first_id), (4, (1004, 1), Some((1000, 1))));
    assert_eq!((stream.max_deleted_id, stream.entries_added), ((1002, 1), Some(5)));
    assert_eq!(stream.nodes.len(), 1);
    let group = &stream.groups[0];
    assert_eq!((group.name.as_slice(), group.last_id), (b"grp".as_slice(), (1003, 1)));
    let pending: Vec<_> = group.pending.iter().map(|entry| (entry.id, entry.deliveries)).collect();
    assert_eq!(pending, [((1000, 1), 1), ((1001, 1), 1), ((1003, 1), 1)]);
    let consumers: Vec<_> =
        group.consumers.iter().map(|consumer| (consumer.name.as_slice(), consumer.pending.len())).collect();
    assert_eq!(consumers, [(b"alice".as_slice(), 2), (b"bob", 1), (b"carol", 0)]);
}

#[test]
fn other_records_are_read() {
    let events = read_all(ALL).unwrap();
    assert!(events.contains(&Event::Aux { name: b"redis-ver".to_vec(), value: b"7.0.15".to_vec() }));
    assert!(events.contains(&Event::SelectDb(3)));
    assert!(events.iter().any(|event| matches!(event, Event::ResizeDb { expires: 1, .. })));
    assert!(
        events.iter().any(|event| matches!(event, Event::Function(source) if source.starts_with(b"#!lua")))
    );
    assert_eq!(events.last(), Some(&Event::Eof(Checksum::Right)));
    assert!(entries(REAL_FILES[1])[0].meta.idle_secs.is_some());
    assert!(entries(REAL_FILES[2])[0].meta.freq.is_some());
    assert_eq!(read_all(REAL_FILES[3]).unwrap().last(), Some(&Event::Eof(Checksum::Disabled)));
}

#[test]
fn files_are_written_again_byte_for_byte() {
    for (file, checksum) in REAL_FILES.into_iter().zip([true, true, true, false]) {
        let events = read_all(file).unwrap();
        let options = WriteOptions { version: 10, compress: true, checksum };
        let written = write_all(&events, options);
        assert_eq!(read_all(&written).unwrap(), events);
        assert!(written == file, "differs from what Redis wrote");
    }
}

#[test]
fn bytes_behind_the_file_are_given_back() {
    let with_tail = [ALL, b"*1\r\n$4\r\nPING\r\n"].concat();
    let mut reader = Reader::new(&with_tail[..]);
    while reader.next_event().unwrap().is_some() {}
    assert_eq!(reader.offset(), ALL.len() as u64);
    assert_eq!(reader.into_parts().1, b"*1\r\n$4\r\nPING\r\n");
}

#[test]
fn sources_may_give_one_byte_at_a_time() {
    struct OneByte<'a>(&'a [u8]);
    impl std::io::Read for OneByte<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let len = self.0.len().min(buffer.len()).min(1);
            self.0.read(&mut buffer[..len])
        }
    }
    let mut reader = Reader::new(OneByte(ALL));
    let mut events = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        events.push(event);
    }
    assert_eq!(events, read_all(ALL).unwrap());
}

#[test]
fn every_truncation_is_an_unexpected_end() {
    for file in REAL_FILES {
        for len in 0..file.len() {
            let error = read_all(&file[..len]).unwrap_err();
            assert!(matches!(error.kind, ErrorKind::UnexpectedEof), "{len}: {error}");
            assert_eq!(error.offset, len as u64);
        }
    }
}

#[test]
fn a_changed_byte_is_found() {
    for at in 9..ALL.len() {
        let mut changed = ALL.to_vec();
        changed[at] ^= 0x10;
        assert!(read_all(&changed).is_err(), "byte {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// The checksum is off, so that damage gets as far as it can.
    #[test]
    fn damage_never_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut file = ALL.to_vec();
        for (at, byte) in changes {
            let at = at.index(file.len() - 9) + 9;
            file[at] = byte;
        }
        let options = ReadOptions { verify_checksum: false, string_max: 1 << 24, ..ReadOptions::default() };
        let mut reader = Reader::with_options(&file[..], options);
        let mut kept = Vec::new();
        while let Ok(Some(event)) = reader.next_event() {
            match &event {
                Event::Entry(entry)
                    if !matches!(entry.value, Object::HashTtl(_) | Object::Module { .. } | Object::Empty) =>
                {
                    kept.push(event);
                }
                _ => {}
            }
        }
        // What was read can be written and read again.
        let again = entries(&write_all(&kept, WriteOptions::default()));
        prop_assert_eq!(again.len(), kept.len());
    }
}
