//! Hashes against a map, in both encodings and across the change from one to the other.

use carnelian_encoding::listpack::Listpack;
use carnelian_engine::{Engine, EngineOptions, Expiry, Hash, Rng};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn engine(entries: usize, value: usize) -> Engine {
    let engine = Engine::new(EngineOptions { shards: 1, databases: 1, seed: 3 });
    engine.settings().set_hash_max_listpack_entries(entries);
    engine.settings().set_hash_max_listpack_value(value);
    engine
}

fn content(hash: &Hash) -> BTreeMap<Vec<u8>, Vec<u8>> {
    hash.view().iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect()
}

#[test]
fn grows_out_of_the_listpack_by_number_and_by_length() {
    let engine = engine(4, 8);
    let settings = engine.settings();
    let mut hash = Hash::new();
    for index in 0..4 {
        hash.set(format!("f{index}").as_bytes(), b"12345678", settings);
    }
    assert_eq!((hash.view().encoding(), hash.len()), ("listpack", 4));
    assert!(!hash.set(b"f0", b"x", settings));
    assert_eq!(hash.view().encoding(), "listpack", "a field that was there counts once");
    assert!(hash.set(b"f4", b"x", settings));
    assert_eq!((hash.view().encoding(), hash.len()), ("hashtable", 5));

    for (field, value) in [(&b"f"[..], &b"123456789"[..]), (b"123456789", b"v")] {
        let mut hash = Hash::new();
        hash.set(b"a", b"1", settings);
        assert!(hash.set(field, value, settings));
        assert_eq!((hash.view().encoding(), hash.len()), ("hashtable", 2));
        assert_eq!(hash.get(field).map(|value| value.to_vec()), Some(value.to_vec()));
    }
}

#[test]
fn a_narrower_limit_converts_what_is_loaded() {
    let wide = engine(100, 64);
    let mut hash = Hash::new();
    for index in 0..10 {
        hash.set(format!("f{index}").as_bytes(), b"value", wide.settings());
    }
    let packed = Listpack::trusted(hash.view().as_listpack().expect("small").as_bytes().to_vec());
    for (narrow, encoding) in
        [(engine(10, 64), "listpack"), (engine(9, 64), "hashtable"), (engine(100, 4), "hashtable")]
    {
        let loaded = Hash::from_listpack(packed.clone(), narrow.settings());
        assert_eq!(loaded.view().encoding(), encoding);
        assert_eq!(content(&loaded), content(&hash));
    }
}

proptest! {
    #[test]
    fn behaves_as_a_map(
        entries in prop_oneof![Just(0usize), Just(8), Just(10_000)],
        steps in prop::collection::vec((0u8..4, 0u16..40, "[0-9a-z]{0,20}"), 0..300),
    ) {
        let engine = engine(entries, 64);
        let settings = engine.settings();
        let mut hash = Hash::new();
        let mut model = BTreeMap::new();
        let mut largest = 0;
        for (step, field, value) in steps {
            // Some fields look like integers, which listpacks keep apart.
            let field = if field % 2 == 0 { field.to_string() } else { format!("f{field}") }.into_bytes();
            let value = value.into_bytes();
            match step {
                0 => prop_assert_eq!(hash.remove(&field), model.remove(&field).is_some()),
                1 => {
                    prop_assert_eq!(hash.get(&field).map(|value| value.to_vec()), model.get(&field).cloned());
                    prop_assert_eq!(hash.contains(&field), model.contains_key(&field));
                }
                _ => prop_assert_eq!(hash.set(&field, &value, settings), model.insert(field, value).is_none()),
            }
            largest = largest.max(model.len());
            prop_assert_eq!(hash.len(), model.len());
        }
        prop_assert_eq!(hash.view().encoding(), if largest > entries { "hashtable" } else { "listpack" });
        prop_assert_eq!(content(&hash), model.clone());
        prop_assert_eq!(content(&hash.clone()), model.clone());
        let mut rng = Rng::new(hash.len() as u64);
        for count in [0, 1, hash.len() / 5, hash.len() / 2, hash.len(), hash.len() + 1] {
            let mut sampled = BTreeMap::new();
            hash.view().sample(&mut rng, count, |field, value| {
                sampled.insert(field.to_vec(), value.to_vec());
            });
            prop_assert_eq!(sampled.len(), count.min(model.len()));
            prop_assert!(sampled.iter().all(|(field, value)| model.get(field) == Some(value)));
        }
        let drawn = hash.view().random(&mut rng).map(|(field, value)| (field.to_vec(), value.to_vec()));
        prop_assert_eq!(drawn.is_some(), !model.is_empty());
        prop_assert!(drawn.is_none_or(|(field, value)| model.get(&field) == Some(&value)));
        let (mut scanned, mut cursor) = (BTreeMap::new(), 0);
        loop {
            cursor = hash.view().scan(cursor, 3, |field, value| {
                scanned.insert(field.to_vec(), value.to_vec());
            });
            if cursor == 0 {
                break;
            }
        }
        prop_assert_eq!(scanned, model);
    }
}

proptest! {
    /// Small hashes lie in their entries, larger ones beside them: the commands' way to both.
    #[test]
    fn hashes_of_keys_hold_what_they_were_given(
        steps in prop::collection::vec((0u8..3, 0u8..4, 0u16..60, 0usize..120, any::<bool>()), 0..300),
        long_key in any::<bool>(),
    ) {
        let engine = engine(40, 64);
        let mut keys = engine.keyspace(engine.lock(engine.all_shards()), 0, 1_000);
        let mut model: BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>> = BTreeMap::new();
        for (key, step, field, len, expires) in steps {
            let key = [vec![b'k'; if long_key { 600 } else { 4 }], vec![key]].concat();
            let (field, value) = (format!("f{field}").into_bytes(), vec![b'v'; len]);
            let mut entry = keys.entry(&key);
            if step == 0 {
                let emptied = match entry.edit::<Hash>().unwrap() {
                    Some(mut hash) => {
                        let fields = model.get_mut(&key).unwrap();
                        prop_assert_eq!(hash.remove(&field), fields.remove(&field).is_some());
                        hash.is_empty()
                    }
                    None => false,
                };
                if emptied {
                    prop_assert!(entry.remove());
                    model.remove(&key);
                }
            } else {
                let mut hash = entry.edit_or_insert(Hash::new).unwrap();
                let fields = model.entry(key.clone()).or_default();
                prop_assert_eq!(hash.set(&field, &value, engine.settings()), fields.insert(field, value).is_none());
                drop(hash);
                // The entry is known to be where the change has moved it.
                entry.set_expiry(if expires { Expiry::At(5_000) } else { Expiry::Never });
                prop_assert_eq!(entry.expiry().is_some(), expires);
            }
            keys.check();
            for (key, fields) in &model {
                let hash = keys.get::<Hash>(key).unwrap().expect("it has fields");
                prop_assert_eq!(hash.len(), fields.len());
                prop_assert!(fields.iter().all(|(field, value)| hash.get(field).is_some_and(|held| held.to_vec() == *value)));
            }
        }
    }
}
