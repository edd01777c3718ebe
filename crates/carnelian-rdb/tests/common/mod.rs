//! Reading whole files and writing them again.
#![allow(dead_code, unreachable_pub)]

use carnelian_rdb::*;

pub(crate) const REAL_FILES: [&[u8]; 4] = [
    include_bytes!("../data/all.rdb"),
    include_bytes!("../data/lru.rdb"),
    include_bytes!("../data/lfu.rdb"),
    include_bytes!("../data/nosum.rdb"),
];

pub(crate) fn read_all(file: &[u8]) -> Result<Vec<Event>, RdbError> {
    let mut reader = Reader::new(file);
    let mut events = Vec::new();
    while let Some(event) = reader.next_event()? {
        events.push(event);
    }
    Ok(events)
}

pub(crate) fn entries(file: &[u8]) -> Vec<Entry> {
    let events = read_all(file).unwrap();
    events
        .into_iter()
        .filter_map(|event| match event {
            Event::Entry(entry) => Some(entry),
            _ => None,
        })
        .collect()
}

pub(crate) fn encode(encoder: &mut Encoder, out: &mut Vec<u8>, key: Option<&[u8]>, value: &Object) {
    match value {
        Object::String(text) => encoder.string(out, key, text),
        Object::Int(int) => encoder.int(out, key, *int),
        Object::List(nodes) => encoder.list(
            out,
            key,
            nodes.iter().map(|node| match node {
                ListNode::Packed(listpack) => ListNodeRef::Packed(listpack.as_bytes()),
                ListNode::Plain(bytes) => ListNodeRef::Plain(bytes),
            }),
        ),
        Object::SetInts(set) => encoder.set_intset(out, key, set.as_bytes()),
        Object::SetListpack(listpack) => encoder.set_listpack(out, key, listpack.view()),
        Object::Set(members) => encoder.set_members(out, key, members.len(), members.iter()),
        Object::HashListpack(listpack) => encoder.hash_listpack(out, key, listpack.as_bytes()),
        Object::Hash(pairs) => encoder.hash_pairs(out, key, pairs.len(), pairs.iter().map(|(f, v)| (f, v))),
        Object::ZsetListpack(listpack) => encoder.zset_listpack(out, key, listpack.as_bytes()),
        Object::Zset(pairs) => encoder.zset_pairs(out, key, pairs.len(), pairs.iter().map(|(m, s)| (m, *s))),
        Object::Stream(stream) => encoder.stream(out, key, stream),
        Object::HashTtl(_) | Object::Module { .. } | Object::Empty => {}
    }
}

pub(crate) fn write_all(events: &[Event], options: WriteOptions) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), options).unwrap();
    for event in events {
        match event {
            Event::Aux { name, value } => writer.aux(name, value).unwrap(),
            Event::SelectDb(db) => writer.select_db(*db).unwrap(),
            Event::ResizeDb { keys, expires } => writer.resize_db(*keys, *expires).unwrap(),
            Event::Function(source) => writer.function(source).unwrap(),
            Event::Entry(entry) => writer
                .entry(|encoder, out| {
                    encoder.meta(out, &entry.meta);
                    encode(encoder, out, Some(&entry.key), &entry.value);
                })
                .unwrap(),
            Event::SlotInfo { .. } | Event::ModuleAux { .. } | Event::Eof(_) => {}
        }
    }
    writer.finish().unwrap()
}
