//! String values in their entries against plain byte vectors.

use carnelian_engine::{Element, Engine, EngineOptions, Expiry, StringValue, Value, ValueRef};
use proptest::prelude::*;
use std::collections::HashMap;

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|value| value.to_string().into_bytes()),
        (-70_000i64..70_000).prop_map(|value| value.to_string().into_bytes()),
        "-?0?[0-9]{0,20}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..100),
        (43usize..47).prop_map(|len| vec![b'x'; len]),
        // About the size up to which strings lie in their entries.
        (800usize..1100).prop_map(|len| vec![b'y'; len]),
        (1usize..5000).prop_map(|len| vec![b'z'; len]),
    ]
}

/// Keys of all lengths, few enough to meet again.
fn key() -> impl Strategy<Value = Vec<u8>> {
    (0u8..6, prop_oneof![Just(0usize), Just(16), Just(254), Just(255), Just(256), Just(2000)])
        .prop_map(|(number, len)| [vec![b'k'; len], vec![number]].concat())
}

#[test]
fn encodings_are_those_of_redis() {
    for (text, encoding) in [
        ("", "embstr"),
        ("0", "int"),
        ("-1", "int"),
        ("01", "embstr"),
        ("+1", "embstr"),
        ("-0", "embstr"),
        ("9223372036854775807", "int"),
        ("-9223372036854775808", "int"),
        ("9223372036854775808", "embstr"),
        ("-9223372036854775809", "embstr"),
        ("12345678901234567890123456789012345678901234", "embstr"),
        ("123456789012345678901234567890123456789012345", "raw"),
    ] {
        assert_eq!(StringValue::new(text.as_bytes()).view().encoding(), encoding, "{text:?}");
    }
    assert_eq!(StringValue::from_text(b"3").view().encoding(), "embstr");
    assert_eq!(StringValue::from_raw(b"3".to_vec()).view().encoding(), "raw");
    assert_eq!(StringValue::from_int(3).view().encoding(), "int");
}

#[derive(Clone, Debug)]
enum Op {
    Store(Vec<u8>, Option<u64>),
    Insert(Vec<u8>),
    Append(Vec<u8>),
    Int(i64),
    Expire(Option<u64>),
    Take,
    Remove,
}

fn op() -> impl Strategy<Value = Op> {
    let expiry = || prop::option::of(2_000_000u64..3_000_000);
    prop_oneof![
        3 => (text(), expiry()).prop_map(|(text, expiry)| Op::Store(text, expiry)),
        1 => text().prop_map(Op::Insert),
        2 => text().prop_map(Op::Append),
        1 => any::<i64>().prop_map(Op::Int),
        2 => expiry().prop_map(Op::Expire),
        1 => Just(Op::Take),
        1 => Just(Op::Remove),
    ]
}

proptest! {
    #[test]
    fn values_hold_what_they_were_given(bytes in text()) {
        let value = StringValue::new(&bytes);
        let view = value.view();
        prop_assert_eq!(view.get().to_vec(), bytes.clone());
        prop_assert_eq!((view.len(), view.is_empty()), (bytes.len(), bytes.is_empty()));
        let integer = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse::<i64>().ok());
        let canonical = integer.filter(|value| value.to_string().as_bytes() == bytes);
        prop_assert_eq!(view.as_int(), canonical);
        prop_assert_eq!(view.encoding() == "int", canonical.is_some());
    }

    #[test]
    fn entries_hold_what_they_were_given(ops in prop::collection::vec((key(), op()), 1..120), shards in prop_oneof![Just(1usize), Just(16)]) {
        let engine = Engine::new(EngineOptions { shards, databases: 1, seed: 3 });
        let mut model: HashMap<Vec<u8>, (Vec<u8>, Option<u64>, bool)> = HashMap::new();
        let mut keys = engine.keyspace(engine.lock(engine.all_shards()), 0, 1_000_000);
        for (key, op) in ops {
            let mut entry = keys.entry(&key);
            prop_assert_eq!(entry.exists(), model.contains_key(&key));
            match op {
                Op::Store(text, expiry) => {
                    entry.store_string(&text, expiry.map_or(Expiry::Never, Expiry::At));
                    model.insert(key.clone(), (text, expiry, false));
                }
                Op::Insert(text) => {
                    let expiry = model.get(&key).and_then(|(_, expiry, _)| *expiry);
                    entry.store(Value::from_bytes(&text), Expiry::Keep);
                    model.insert(key.clone(), (text, expiry, false));
                }
                Op::Append(text) => {
                    entry.edit_text().unwrap().extend_from_slice(&text);
                    let (content, _, edited) = model.entry(key.clone()).or_default();
                    content.extend_from_slice(&text);
                    *edited = true;
                }
                Op::Int(value) => {
                    entry.store_int(value, Expiry::Keep);
                    let expiry = model.get(&key).and_then(|(_, expiry, _)| *expiry);
                    model.insert(key.clone(), (value.to_string().into_bytes(), expiry, false));
                }
                Op::Expire(expiry) => {
                    entry.set_expiry(expiry.map_or(Expiry::Never, Expiry::At));
                    if let Some((_, old, _)) = model.get_mut(&key) {
                        *old = expiry;
                    }
                }
                Op::Take => {
                    let taken = entry.take();
                    let expected = model.remove(&key);
                    prop_assert_eq!(taken.is_some(), expected.is_some());
                    if let (Some(taken), Some((content, expiry, _))) = (taken, expected) {
                        let ValueRef::String(string) = taken.value.view() else { panic!("it is a string") };
                        prop_assert_eq!((string.get().to_vec(), taken.expire_ms), (content, expiry));
                    }
                }
                Op::Remove => prop_assert_eq!(entry.remove(), model.remove(&key).is_some()),
            }
            prop_assert_eq!(keys.expiry(&key), model.get(&key).and_then(|(_, expiry, _)| *expiry));
            keys.check();
            for (key, (content, _, edited)) in &model {
                let Some(ValueRef::String(string)) = keys.read(key) else { panic!("it is a string") };
                prop_assert_eq!(string.get().to_vec(), content.clone());
                if *edited {
                    prop_assert_eq!(string.encoding(), "raw");
                }
                prop_assert!(matches!(string.get(), Element::Str(_)) || !edited);
            }
        }
        prop_assert_eq!(keys.len(), model.len());
    }
}
