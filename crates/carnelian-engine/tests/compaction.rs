//! Compaction at random moments: nothing that can be observed changes, and memory goes back.

use carnelian_engine::{
    Compactor, Engine, EngineOptions, EntryEncoder, Expiry, Keyspace, Progress, Set, SetRef, SnapshotEntry,
    ValueRef,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const START_MS: u64 = 1_700_000_000_000;

/// Large enough for fifteen in a page.
fn value(key: u16, turn: u8) -> Vec<u8> {
    let len = if key.is_multiple_of(3) { 900 } else { 1000 };
    vec![turn; len]
}

fn name(key: u16) -> Vec<u8> {
    format!("key:{key}").into_bytes()
}

fn member(number: u16) -> Vec<u8> {
    format!("{number:0>200}").into_bytes()
}

fn text(value: ValueRef<'_>) -> Vec<u8> {
    match value {
        ValueRef::String(string) => string.get().with_bytes(<[u8]>::to_vec),
        _ => Vec::new(),
    }
}

fn all(engine: &Engine, now_ms: u64) -> Keyspace<'_> {
    engine.keyspace(engine.lock(engine.all_shards()), 0, now_ms)
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, u16, u8),
    Remove(u16, u16),
    Expire(u16, u64),
    Add(u16, u16),
    Take(u16, u16),
    Wait(u64),
    Compact(usize, usize),
    Scan,
    Save(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..400u16, 1..120u16, any::<u8>()).prop_map(|(from, count, turn)| Step::Insert(from, count, turn)),
        2 => (0..400u16, 1..120u16).prop_map(|(from, count)| Step::Remove(from, count)),
        1 => (0..400u16, 0..60u64).prop_map(|(key, ms)| Step::Expire(key, ms)),
        1 => (0..400u16, 1..400u16).prop_map(|(from, count)| Step::Add(from, count)),
        1 => (0..400u16, 1..300u16).prop_map(|(from, count)| Step::Take(from, count)),
        1 => (0..40u64).prop_map(Step::Wait),
        4 => (1..6usize, 1..9usize).prop_map(|(steps, pairs)| Step::Compact(steps, pairs)),
        2 => Just(Step::Scan),
        1 => (1..4000usize).prop_map(Step::Save),
    ]
}

/// Writes the names of the keys, a line for each.
struct Names;

impl EntryEncoder for Names {
    fn encode(&mut self, out: &mut Vec<u8>, entry: SnapshotEntry<'_>) {
        out.extend_from_slice(entry.key);
        out.push(b'\n');
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_changes_that_can_be_observed(
        steps in prop::collection::vec(any_step(), 0..80),
        shards in prop::sample::select(vec![1usize, 4]),
    ) {
        let engine = Engine::new(EngineOptions { shards, databases: 1, seed: 11 });
        let mut compactor = Compactor::default();
        let mut now_ms = START_MS;
        let mut model = BTreeMap::<u16, (u8, Option<u64>)>::new();
        let mut members = BTreeSet::<u16>::new();
        // An iteration, what it has to see, and what it has seen.
        let mut cursor = 0;
        let (mut stay, mut seen) = (BTreeSet::new(), BTreeSet::new());
        // What a snapshot has to hold, and what it has.
        let mut cut = None::<BTreeSet<Vec<u8>>>;
        let mut saved = Vec::new();
        for step in steps {
            model.retain(|_, (_, at)| at.is_none_or(|at| at >= now_ms));
            stay.retain(|key| model.contains_key(key));
            let mut keys = all(&engine, now_ms);
            match step {
                Step::Insert(from, count, turn) => for key in from..from + count {
                    keys.entry(&name(key)).store_string(&value(key, turn), Expiry::Never);
                    model.insert(key, (turn, None));
                },
                Step::Remove(from, count) => for key in (from..from + count).filter(|key| !key.is_multiple_of(7)) {
                    prop_assert_eq!(keys.remove(&name(key)), model.remove(&key).is_some());
                    stay.remove(&key);
                },
                Step::Expire(key, ms) => {
                    prop_assert_eq!(keys.set_expiry(&name(key), Some(now_ms + ms)), model.contains_key(&key));
                    model.entry(key).and_modify(|(_, at)| *at = Some(now_ms + ms));
                }
                Step::Add(from, count) => {
                    let settings = engine.settings();
                    let mut set =
                        keys.edit_or_insert(b"set", || Set::for_member(b"x", 1000, settings)).unwrap();
                    for number in (from..from + count).chain([0]) {
                        prop_assert_eq!(set.add(&member(number), settings), members.insert(number));
                    }
                }
                Step::Take(from, count) => if let Some(mut set) = keys.edit::<Set>(b"set").unwrap() {
                    // One always stays.
                    for number in (from..from + count).filter(|number| !number.is_multiple_of(100)) {
                        prop_assert_eq!(set.remove(&member(number)), members.remove(&number));
                    }
                },
                Step::Wait(ms) => {
                    keys.expire_due(5);
                    now_ms += ms;
                }
                Step::Compact(steps, pairs) => {
                    drop(keys);
                    for _ in 0..steps {
                        prop_assert_ne!(compactor.step(&engine, pairs).0, Progress::Busy);
                    }
                    keys = all(&engine, now_ms);
                }
                Step::Scan => {
                    if cursor == 0 {
                        stay = model.keys().copied().collect();
                        seen.clear();
                    }
                    cursor = keys.scan(cursor, 20, |key, _| { seen.insert(key.to_vec()); });
                    model.retain(|_, (_, at)| at.is_none_or(|at| at >= now_ms));
                    stay.retain(|key| model.contains_key(key));
                    if cursor == 0 {
                        prop_assert!(stay.iter().all(|key| seen.contains(&name(*key))));
                    }
                }
                Step::Save(budget) => {
                    let (mut locked, _) = keys.into_parts();
                    if cut.is_none() {
                        engine.begin_snapshot(&mut locked, || Box::new(Names));
                        let keys = engine.keyspace(locked, 0, 0);
                        let mut content = BTreeSet::new();
                        keys.for_each(|key, _, _| { content.insert(key.to_vec()); });
                        cut = Some(content);
                        saved.clear();
                    } else {
                        drop(locked);
                        let left = (0..shards).filter(|shard| !engine.snapshot_step(*shard, budget, &mut saved)).count();
                        if left == 0 {
                            let names: Vec<Vec<u8>> =
                                saved.split(|byte| *byte == b'\n').filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect();
                            let cut = cut.take().unwrap();
                            prop_assert_eq!(names.len(), cut.len());
                            prop_assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), cut);
                        }
                    }
                    keys = all(&engine, now_ms);
                }
            }
            keys.check();
        }
        model.retain(|_, (_, at)| at.is_none_or(|at| at >= now_ms));
        let mut keys = all(&engine, now_ms);
        for key in 0..600 {
            let content = keys.read(&name(key)).map(text);
            prop_assert_eq!(content, model.get(&key).map(|(turn, _)| value(key, *turn)));
        }
        let set = keys.get::<Set>(b"set").unwrap();
        prop_assert_eq!(set.map_or(0, SetRef::len), members.len());
        prop_assert!(set.is_none_or(|set| members.iter().all(|number| set.contains(&member(*number)))));
    }
}

#[test]
fn what_removed_keys_and_members_leave_goes_back() {
    let engine = Engine::new(EngineOptions { shards: 4, databases: 2, seed: 11 });
    let settings = engine.settings();
    let mut keys = all(&engine, START_MS);
    let mut set = Set::for_member(b"x", 1000, settings);
    for number in 0..10_000u16 {
        keys.entry(&name(number)).store_string(&value(number, 1), Expiry::Never);
        set.add(&member(number), settings);
    }
    for number in (0..10_000u16).filter(|number| !number.is_multiple_of(10)) {
        keys.remove(&name(number));
        set.remove(&member(number));
    }
    keys.insert(b"set", set.into());
    let set_bytes = keys.memory_usage(b"set").unwrap();
    drop(keys);
    let before = engine.unused_bytes();
    let mut compactor = Compactor::default();
    let mut moved = 0;
    loop {
        let (progress, done) = compactor.step(&engine, 10);
        moved += done.moved;
        if progress == Progress::Round {
            break;
        }
    }
    let mut keys = all(&engine, START_MS);
    keys.check();
    assert!(moved > 1000, "{moved} slots have moved");
    assert!(engine.unused_bytes() * 5 < before, "{} of {before} bytes are unused", engine.unused_bytes());
    let compacted = keys.memory_usage(b"set").unwrap();
    assert!(compacted * 3 < set_bytes, "the set takes {compacted} of {set_bytes} bytes");
    assert!((0..10_000u16).step_by(10).all(|number| keys.exists(&name(number))));
}
