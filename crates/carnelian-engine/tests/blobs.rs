//! Large strings that somebody keeps while they are changed.

use carnelian_engine::{Content, Engine, EngineOptions, Expiry, Keyspace, ValueRef};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

type Blob = Arc<Vec<u8>>;

fn engine() -> Engine {
    Engine::new(EngineOptions { shards: 1, databases: 1, seed: 3 })
}

fn keep(keys: &mut Keyspace<'_>, key: &[u8]) -> Option<Blob> {
    match keys.read(key)? {
        ValueRef::String(string) => match string.content() {
            Content::Blob(blob) => Some(Arc::clone(blob)),
            Content::Bytes(_) | Content::Int(_) => None,
        },
        _ => None,
    }
}

fn content(keys: &mut Keyspace<'_>, key: &[u8]) -> Option<Vec<u8>> {
    match keys.read(key)? {
        ValueRef::String(string) => Some(string.get().to_vec()),
        _ => None,
    }
}

#[test]
fn what_nobody_keeps_is_changed_in_place() {
    let engine = engine();
    let mut keys = engine.keyspace(engine.lock(engine.all_shards()), 0, 1);
    keys.entry(b"k").store_string(&[1; 10_000], Expiry::Never);
    // The first change makes room for more.
    keys.entry(b"k").edit_text().unwrap().reserve(10_000);
    let place = keep(&mut keys, b"k").unwrap().as_ptr();
    let bytes = keys.memory_usage(b"k").unwrap();
    keys.entry(b"k").edit_text().unwrap().extend_from_slice(b"more");
    keys.entry(b"k").edit_text().unwrap()[0] = 7;
    let blob = keep(&mut keys, b"k").unwrap();
    assert_eq!((blob.as_ptr(), blob.len(), blob[0]), (place, 10_004, 7));
    assert_eq!(keys.memory_usage(b"k"), Some(bytes));

    // Now it is kept, and the next change copies it, with its room.
    keys.entry(b"k").edit_text().unwrap()[0] = 8;
    let changed = keep(&mut keys, b"k").unwrap();
    assert_ne!(changed.as_ptr(), place);
    assert_eq!((blob[0], changed[0], changed.capacity()), (7, 8, blob.capacity()));
    assert_eq!(keys.memory_usage(b"k"), Some(bytes));
}

#[test]
fn taking_a_key_does_not_copy_what_is_kept() {
    let engine = engine();
    let mut keys = engine.keyspace(engine.lock(engine.all_shards()), 0, 1);
    keys.insert(b"from", carnelian_engine::Value::from_bytes(&[1; 10_000]));
    let blob = keep(&mut keys, b"from").unwrap();
    let taken = keys.take(b"from").unwrap();
    keys.insert(b"to", taken.value);
    assert!(Arc::ptr_eq(&blob, &keep(&mut keys, b"to").unwrap()));
    keys.remove(b"to");
    assert_eq!((Arc::strong_count(&blob), blob.len()), (1, 10_000));
}

#[derive(Clone, Debug)]
enum Op {
    Store(u8, usize),
    Append(u8, usize),
    Overwrite(usize, u8),
    Keep,
    Forget,
    Copy(u8),
    Rename(u8),
    Remove,
}

fn op() -> impl Strategy<Value = Op> {
    let len = || prop_oneof![0usize..2000, 8000usize..20_000];
    prop_oneof![
        2 => (any::<u8>(), len()).prop_map(|(byte, len)| Op::Store(byte, len)),
        4 => (any::<u8>(), len()).prop_map(|(byte, len)| Op::Append(byte, len)),
        4 => (0usize..20_000, any::<u8>()).prop_map(|(at, byte)| Op::Overwrite(at, byte)),
        4 => Just(Op::Keep),
        2 => Just(Op::Forget),
        1 => (0u8..3).prop_map(Op::Copy),
        1 => (0u8..3).prop_map(Op::Rename),
        1 => Just(Op::Remove),
    ]
}

proptest! {
    #[test]
    fn what_is_kept_does_not_change(ops in prop::collection::vec((0u8..3, op()), 1..80)) {
        let engine = engine();
        let mut keys = engine.keyspace(engine.lock(engine.all_shards()), 0, 1);
        let mut model: HashMap<u8, Vec<u8>> = HashMap::new();
        let mut kept: Vec<(Blob, Vec<u8>)> = Vec::new();
        for (key, op) in ops {
            let name = [key];
            match op {
                Op::Store(byte, len) => {
                    keys.entry(&name).store_string(&vec![byte; len], Expiry::Never);
                    model.insert(key, vec![byte; len]);
                }
                Op::Append(byte, len) => {
                    keys.entry(&name).edit_text().unwrap().extend(std::iter::repeat_n(byte, len));
                    model.entry(key).or_default().extend(std::iter::repeat_n(byte, len));
                }
                Op::Overwrite(at, byte) => {
                    let value = model.entry(key).or_default();
                    let mut edit = keys.entry(&name);
                    let mut edit = edit.edit_text().unwrap();
                    for bytes in [value, &mut *edit] {
                        bytes.resize(bytes.len().max(at + 1), 0);
                        bytes[at] = byte;
                    }
                }
                Op::Keep => {
                    if let Some(blob) = keep(&mut keys, &name) {
                        kept.push((blob, model[&key].clone()));
                    }
                }
                Op::Forget => drop(kept.pop()),
                Op::Copy(to) => {
                    if let Some(value) = keys.read(&name).map(ValueRef::to_value) {
                        keys.insert(&[to], value);
                        model.insert(to, model[&key].clone());
                    }
                }
                Op::Rename(to) => {
                    if let Some(taken) = keys.take(&name) {
                        keys.insert(&[to], taken.value);
                        let value = model.remove(&key).unwrap();
                        model.insert(to, value);
                    }
                }
                Op::Remove => prop_assert_eq!(keys.remove(&name), model.remove(&key).is_some()),
            }
            for (blob, expected) in &kept {
                prop_assert!(**blob == *expected);
            }
            prop_assert!(content(&mut keys, &name) == model.get(&key).cloned());
        }
        keys.check();
    }
}
