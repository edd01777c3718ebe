//! The engine's entries, index and tables against maps of the standard library.

use carnelian_engine::{Engine, EngineOptions, Expiry, Hash, Keyspace, Set, ValueRef};
use std::collections::{BTreeMap, BTreeSet};

const NOW_MS: u64 = 1_000_000;
/// Steps between two looks at everything.
const CHECK_EVERY: usize = 16;

enum Model {
    String(Vec<u8>),
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
    Set(BTreeSet<Vec<u8>>),
}

/// Runs steps of four bytes each: what to do, to which key, with which element, and how long.
pub fn keyspace(data: &[u8]) {
    let Some((&layout, steps)) = data.split_first() else { return };
    let shards = if layout & 1 == 0 { 1 } else { 16 };
    let engine = Engine::new(EngineOptions { shards, databases: 1, seed: u64::from(layout) });
    engine.settings().set_hash_max_listpack_entries(8);
    engine.settings().set_set_max_listpack_entries(8);
    engine.settings().set_set_max_intset_entries(8);
    let mut keys = engine.keyspace(engine.lock(engine.all_shards()), 0, NOW_MS);
    let mut model = BTreeMap::new();
    for (number, step) in steps.chunks_exact(4).enumerate() {
        let &[action, key, element, len] = step else { return };
        run(&mut keys, &mut model, action, key, element, usize::from(len));
        if number % CHECK_EVERY == 0 {
            compare(&mut keys, &model);
        }
    }
    compare(&mut keys, &model);
}

/// Keys of about all lengths that lie differently.
fn key_name(key: u8) -> Vec<u8> {
    let filler = [0, 7, 15, 255, 256, 1000][usize::from(key) % 6];
    [vec![b'k'; filler], vec![key]].concat()
}

fn run(
    keys: &mut Keyspace<'_>,
    model: &mut BTreeMap<Vec<u8>, Model>,
    action: u8,
    key: u8,
    element: u8,
    len: usize,
) {
    let settings = keys.settings();
    let name = key_name(key);
    let text = vec![element; len * if action & 0x80 == 0 { 1 } else { 9 }];
    let field =
        if element.is_multiple_of(2) { element.to_string().into_bytes() } else { vec![b'f', element] };
    let mut entry = keys.entry(&name);
    match action % 8 {
        0 => {
            entry.store_string(&text, Expiry::Keep);
            model.insert(name.clone(), Model::String(text));
        }
        1 => {
            if let Ok(mut bytes) = entry.edit_text() {
                bytes.extend_from_slice(&text);
                match model.entry(name.clone()).or_insert_with(|| Model::String(Vec::new())) {
                    Model::String(held) => held.extend_from_slice(&text),
                    _ => panic!("another type was edited as a string"),
                }
            }
        }
        2 | 3 => {
            if let Ok(mut hash) = entry.edit_or_insert(Hash::new) {
                match model.entry(name.clone()).or_insert_with(|| Model::Hash(BTreeMap::new())) {
                    Model::Hash(held) => {
                        assert_eq!(hash.set(&field, &text, settings), held.insert(field, text).is_none());
                    }
                    _ => panic!("another type was edited as a hash"),
                }
            }
        }
        4 | 5 => {
            if let Ok(mut set) = entry.edit_or_insert(|| Set::for_member(&field, 1, settings)) {
                match model.entry(name.clone()).or_insert_with(|| Model::Set(BTreeSet::new())) {
                    Model::Set(held) => assert_eq!(set.add(&field, settings), held.insert(field)),
                    _ => panic!("another type was edited as a set"),
                }
            }
        }
        6 => {
            entry.set_expiry(if element < 128 {
                Expiry::Never
            } else {
                Expiry::At(NOW_MS + u64::from(element))
            });
        }
        _ => {
            let emptied = match model.get_mut(&name) {
                Some(Model::Hash(held)) => {
                    let mut hash = entry.edit::<Hash>().expect("a hash").expect("it is there");
                    assert_eq!(hash.remove(&field), held.remove(&field).is_some());
                    held.is_empty()
                }
                Some(Model::Set(held)) => {
                    let mut set = entry.edit::<Set>().expect("a set").expect("it is there");
                    assert_eq!(set.remove(&field), held.remove(&field));
                    held.is_empty()
                }
                Some(Model::String(_)) => true,
                None => false,
            };
            if emptied {
                assert!(entry.remove());
                model.remove(&name);
            }
        }
    }
}

fn compare(keys: &mut Keyspace<'_>, model: &BTreeMap<Vec<u8>, Model>) {
    keys.check();
    assert_eq!(keys.len(), model.len());
    for (name, held) in model {
        match (keys.read(name).expect("every key is found"), held) {
            (ValueRef::String(string), Model::String(bytes)) => assert_eq!(string.get().to_vec(), *bytes),
            (ValueRef::Hash(hash), Model::Hash(fields)) => {
                assert_eq!(hash.len(), fields.len());
                for (field, value) in fields {
                    assert_eq!(hash.get(field).map(|value| value.to_vec()).as_ref(), Some(value));
                }
            }
            (ValueRef::Set(set), Model::Set(members)) => {
                assert_eq!(set.len(), members.len());
                assert!(members.iter().all(|member| set.contains(member)));
            }
            _ => panic!("a key has changed its type"),
        }
    }
}
