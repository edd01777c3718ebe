//! Keys, their expiry, watching them, and iterating over them while they change.

use carnelian_engine::{
    Engine, EngineOptions, EventClass, Hash, Keyspace, Lookup, Rng, Set, Value, WatchFlag,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const START_MS: u64 = 1_000_000;

fn engine(shards: usize) -> Engine {
    Engine::new(EngineOptions { shards, databases: 16, seed: 11 })
}

fn all(engine: &Engine, now_ms: u64) -> Keyspace<'_> {
    engine.keyspace(engine.lock(engine.all_shards()), 0, now_ms)
}

fn text() -> Value {
    Value::from_bytes(b"v")
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u8, Option<u64>),
    Expire(u8, Option<u64>),
    Remove(u8),
    Read(u8),
    Wait(u64),
    Due(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    let key = 0..40u8;
    let at = prop::option::of(START_MS..START_MS + 200);
    prop_oneof![
        4 => (key.clone(), at.clone()).prop_map(|(key, at)| Step::Insert(key, at)),
        2 => (key.clone(), at).prop_map(|(key, at)| Step::Expire(key, at)),
        1 => key.clone().prop_map(Step::Remove),
        2 => key.prop_map(Step::Read),
        1 => (0..40u64).prop_map(Step::Wait),
        1 => (0..9usize).prop_map(Step::Due),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn keys_live_until_their_time(steps in prop::collection::vec(any_step(), 0..300), shards in 1..9usize) {
        let engine = engine(shards);
        let mut model = BTreeMap::<u8, Option<u64>>::new();
        let mut now_ms = START_MS;
        for step in steps {
            let mut keys = all(&engine, now_ms);
            // The millisecond named by an expiry is the last one of the key.
            model.retain(|_, at| at.is_none_or(|at| at >= now_ms));
            match step {
                Step::Insert(key, at) => {
                    keys.insert_with(&[key], text(), at);
                    // A key may be born expired; it is gone with the first look.
                    model.insert(key, at);
                }
                Step::Expire(key, at) => {
                    prop_assert_eq!(keys.set_expiry(&[key], at), model.contains_key(&key));
                    model.entry(key).and_modify(|expiry| *expiry = at);
                }
                Step::Remove(key) => prop_assert_eq!(keys.remove(&[key]), model.remove(&key).is_some()),
                Step::Read(key) => {
                    prop_assert_eq!(keys.view(&[key]).is_some(), model.contains_key(&key));
                    prop_assert_eq!(keys.read(&[key]).is_some(), model.contains_key(&key));
                    prop_assert_eq!(keys.expiry(&[key]), model.get(&key).copied().flatten());
                }
                Step::Wait(ms) => now_ms += ms,
                Step::Due(limit) => prop_assert!(keys.expire_due(limit) <= limit),
            }
            keys.check();
        }
        let mut keys = all(&engine, now_ms);
        model.retain(|_, at| at.is_none_or(|at| at >= now_ms));
        keys.expire_due(usize::MAX);
        prop_assert_eq!(keys.len(), model.len());
        prop_assert_eq!(keys.db_expires(0), model.values().flatten().count());
    }

    #[test]
    fn iterations_see_what_stays(
        stay in prop::collection::btree_set(0..5000u32, 1..300),
        first in 0..3000u32,
        changes in prop::collection::vec((any::<bool>(), 1..400u32), 0..60),
        count in 1..50usize,
        shards in prop::sample::select(vec![1usize, 16]),
    ) {
        let engine = engine(shards);
        let settings = engine.settings();
        let name = |number: u32| format!("k{number}").into_bytes();
        let (mut set, mut hash) = (Set::for_member(b"x", 1000, settings), Hash::new());
        set.convert_to_table(settings);
        let mut keys = all(&engine, START_MS);
        let add = |keys: &mut Keyspace<'_>, set: &mut Set, hash: &mut Hash, number: u32| {
            keys.insert(&name(number), text());
            set.add(&name(number), settings);
            hash.set(&name(number), b"v", settings);
        };
        // The hash must be large before the iteration, as one that grows out of its listpack starts over.
        for number in stay.iter().copied().chain(10_000..10_000 + first).chain(50_000..50_200) {
            add(&mut keys, &mut set, &mut hash, number);
        }
        let mut seen: [BTreeSet<Vec<u8>>; 3] = Default::default();
        let mut cursors = [Some(0u64); 3];
        let mut changes = changes.into_iter();
        let mut next = 10_000 + first;
        while cursors.iter().any(Option::is_some) {
            let [keys_seen, set_seen, hash_seen] = &mut seen;
            let after = [
                cursors[0].map(|at| keys.scan(at, count, |key, _| { keys_seen.insert(key.to_vec()); })),
                cursors[1].map(|at| set.view().scan(at, count, |member| { set_seen.insert(member.to_vec()); })),
                cursors[2].map(|at| hash.view().scan(at, count, |field, _| { hash_seen.insert(field.to_vec()); })),
            ];
            cursors = after.map(|at| at.filter(|at| *at != 0));
            match changes.next() {
                Some((true, amount)) => {
                    for number in next..next + amount * 4 {
                        add(&mut keys, &mut set, &mut hash, number);
                    }
                    next += amount * 4;
                }
                Some((false, amount)) => {
                    for number in next.saturating_sub(amount * 8).max(10_000)..next {
                        keys.remove(&name(number));
                        set.remove(&name(number));
                        hash.remove(&name(number));
                    }
                    next = next.saturating_sub(amount * 8).max(10_000);
                }
                None => {}
            }
        }
        for seen in &seen {
            for number in &stay {
                prop_assert!(seen.contains(&name(*number)), "{number} was there all the time");
            }
        }
        keys.check();
    }

    #[test]
    fn sets_are_sets_in_every_encoding(
        steps in prop::collection::vec((0..4u8, any_member(), 0..2000usize), 0..400),
        ints in prop::sample::select(vec![0usize, 4, 64, 512]),
        packed in prop::sample::select(vec![0usize, 4, 64, 128]),
        longest in prop::sample::select(vec![0usize, 3, 64]),
    ) {
        let engine = engine(1);
        let settings = engine.settings();
        settings.set_set_max_intset_entries(ints);
        settings.set_set_max_listpack_entries(packed);
        settings.set_set_max_listpack_value(longest);
        let mut set = Set::new_ints();
        let mut model = BTreeSet::new();
        for (step, member, place) in steps {
            match step {
                0 | 1 => prop_assert_eq!(set.add(&member, settings), model.insert(member)),
                2 => prop_assert_eq!(set.remove(&member), model.remove(&member)),
                _ => {
                    let removed = set.pop_random(&mut Rng::new(place as u64), |member| member.to_vec());
                    prop_assert_eq!(removed.is_some(), !model.is_empty());
                    prop_assert!(removed.is_none_or(|member| model.remove(&member)));
                }
            }
            prop_assert_eq!(set.len(), model.len());
            match set.view().encoding() {
                "intset" => prop_assert!(set.len() <= ints),
                "listpack" => {
                    prop_assert!(set.len() <= packed);
                    prop_assert!(set.iter().all(|member| member.len() <= longest));
                }
                _ => {}
            }
        }
        let members: BTreeSet<Vec<u8>> = set.iter().map(|member| member.to_vec()).collect();
        prop_assert_eq!(&members, &model);
        prop_assert!(model.iter().all(|member| set.contains(member)));
        for count in [0, 1, set.len() / 5, set.len() / 2, set.len() + 1] {
            let mut sampled = BTreeSet::new();
            set.view().sample(&mut Rng::new(count as u64), count, |member| {
                sampled.insert(member.to_vec());
            });
            prop_assert_eq!(sampled.len(), count.min(model.len()));
            prop_assert!(sampled.is_subset(&model));
        }
        let copy = set.clone();
        prop_assert_eq!(copy.view().encoding(), set.view().encoding());
        prop_assert_eq!(copy.len(), set.len());
        if !model.is_empty() {
            let mut keys = all(&engine, START_MS);
            keys.insert(b"set", set.into());
            keys.check();
        }
    }
}

fn any_member() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![4 => -100..100i64, 1 => any::<i64>()];
    prop_oneof![
        5 => number.prop_map(|number| number.to_string()),
        1 => "0[0-9]|-0|\\+1|",
        2 => "[a-z]{1,3}|[a-z]{64,66}",
    ]
    .prop_map(String::into_bytes)
}

fn watched(watch: impl FnOnce(&mut Keyspace<'_>), change: impl FnOnce(&mut Keyspace<'_>)) -> bool {
    let engine = engine(8);
    let flag = Arc::new(WatchFlag::default());
    let mut keys = all(&engine, START_MS);
    keys.insert(b"there", text());
    keys.insert_with(b"over", text(), Some(START_MS - 1));
    keys.insert_with(b"soon", text(), Some(START_MS + 5));
    watch(&mut keys);
    for key in [&b"there"[..], b"over", b"soon", b"none"] {
        assert!(keys.watch(key, &flag));
        assert!(!keys.watch(key, &flag), "watched already");
    }
    change(&mut keys);
    drop(keys);
    flag.is_touched()
}

#[test]
fn a_watcher_learns_of_changes() {
    let nothing = |_: &mut Keyspace<'_>| {};
    assert!(!watched(nothing, nothing));
    assert!(watched(nothing, |keys| keys.changed(EventClass::STRING, "set", b"there")));
    assert!(watched(nothing, |keys| keys.touched(b"none")));
    assert!(!watched(nothing, |keys| keys.touched(b"other")));
    assert!(!watched(nothing, |keys| {
        keys.select(1);
        keys.touched(b"there");
    }));
    // A key that was over when it was watched is as good as absent: its removal is no change.
    assert!(!watched(nothing, |keys| {
        keys.read_with(b"over", Lookup::Silent);
    }));
    assert!(watched(nothing, |keys| {
        keys.read_with(b"over", Lookup::Silent);
        keys.insert(b"over", text());
        keys.touched(b"over");
    }));
    assert!(watched(nothing, |keys| {
        keys.flush(false);
    }));
    assert!(watched(nothing, |keys| keys.swap(0, 1)));
    assert!(!watched(nothing, |keys| keys.swap(2, 1)));
    let flush = |keys: &mut Keyspace<'_>| {
        keys.flush(false);
    };
    assert!(!watched(flush, flush), "nothing to remove");
}

#[test]
fn a_watcher_learns_of_an_expiry() {
    let engine = engine(4);
    let flag = Arc::new(WatchFlag::default());
    let mut keys = all(&engine, START_MS);
    keys.insert_with(b"soon", text(), Some(START_MS + 5));
    keys.watch(b"soon", &flag);
    drop(keys);
    let mut keys = all(&engine, START_MS + 5);
    assert!(keys.exists(b"soon"));
    assert!(!flag.is_touched());
    drop(keys);
    let mut keys = all(&engine, START_MS + 6);
    assert_eq!(keys.expire_due(10), 1);
    assert!(flag.is_touched());
    assert_eq!(keys.effects.expired, 1);
}

#[test]
fn unwatching_forgets() {
    let engine = engine(4);
    let (one, other) = (Arc::new(WatchFlag::default()), Arc::new(WatchFlag::default()));
    let mut keys = all(&engine, START_MS);
    keys.watch(b"k", &one);
    keys.watch(b"k", &other);
    assert_eq!(keys.watched_keys(), 1);
    keys.unwatch(b"k", &one);
    keys.touched(b"k");
    assert!(!one.is_touched() && other.is_touched());
    keys.unwatch(b"k", &other);
    assert_eq!(keys.watched_keys(), 0);
}
