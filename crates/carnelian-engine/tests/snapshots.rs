//! A snapshot yields exactly what was there at the cut, each entry once, whatever happens while it is taken.

use carnelian_engine::{
    Engine, EngineOptions, EntryEncoder, Expiry, Keyspace, Set, SnapshotEntry, Value, ValueRef,
};
use proptest::prelude::*;

const DATABASES: usize = 3;
const START_MS: u64 = 1_000_000;

/// One line of text for each entry.
struct Lines;

fn line(db: usize, key: &[u8], value: ValueRef<'_>, expire_ms: Option<u64>) -> String {
    let mut members: Vec<String> = match value {
        ValueRef::Set(set) => set.iter().map(|member| member.to_vec().escape_ascii().to_string()).collect(),
        ValueRef::String(text) => vec![text.get().to_vec().escape_ascii().to_string()],
        _ => unreachable!("the test makes sets and strings"),
    };
    members.sort();
    format!("{db} {} {members:?} {expire_ms:?}", key.escape_ascii())
}

impl EntryEncoder for Lines {
    fn encode(&mut self, out: &mut Vec<u8>, entry: SnapshotEntry<'_>) {
        out.extend_from_slice(line(entry.db, entry.key, entry.value, entry.expire_ms).as_bytes());
        out.push(b'\n');
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(usize, u8, Option<u64>),
    /// Changes the value in place.
    Change(usize, u8, u8),
    Remove(usize, u8),
    Expire(usize, u8, Option<u64>),
    /// Takes the value out and puts it elsewhere, as RENAME and MOVE do.
    Rename(usize, u8, usize, u8),
    Flush(usize),
    Swap(usize, usize),
    Wait(u64),
    ExpireDue(usize),
    Save(usize, usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    let (db, key) = (0..DATABASES, 0..200u8);
    let expiry = prop::option::of(START_MS..START_MS + 300);
    prop_oneof![
        12 => (db.clone(), key.clone(), expiry.clone()).prop_map(|(db, key, at)| Step::Insert(db, key, at)),
        6 => (db.clone(), key.clone(), any::<u8>()).prop_map(|(db, key, member)| Step::Change(db, key, member)),
        6 => (db.clone(), key.clone()).prop_map(|(db, key)| Step::Remove(db, key)),
        2 => (db.clone(), key.clone(), expiry).prop_map(|(db, key, at)| Step::Expire(db, key, at)),
        3 => (db.clone(), key.clone(), db.clone(), key).prop_map(|(a, from, b, to)| Step::Rename(a, from, b, to)),
        1 => db.clone().prop_map(Step::Flush),
        1 => (db.clone(), db).prop_map(|(a, b)| Step::Swap(a, b)),
        2 => (0..50u64).prop_map(Step::Wait),
        1 => (0..5usize).prop_map(Step::ExpireDue),
        4 => (any::<usize>(), 0..100usize).prop_map(|(shard, budget)| Step::Save(shard, budget)),
    ]
}

fn all(engine: &Engine, now_ms: u64) -> Keyspace<'_> {
    engine.keyspace(engine.lock(engine.all_shards()), 0, now_ms)
}

fn content(engine: &Engine) -> Vec<String> {
    // At time 0 nothing has expired: entries that are over but not removed belong to a snapshot as well.
    let mut keys = all(engine, 0);
    let mut lines = Vec::new();
    for db in 0..DATABASES {
        keys.select(db);
        keys.for_each(|key, value, expire_ms| lines.push(line(db, key, value, expire_ms)));
    }
    lines.sort();
    lines
}

fn apply(engine: &Engine, now_ms: &mut u64, step: &Step, saved: &mut Vec<u8>) {
    let name = |key: u8| format!("key{key}").into_bytes();
    let mut keys = all(engine, *now_ms);
    match *step {
        Step::Insert(db, key, at) => {
            keys.select(db);
            let value = if key.is_multiple_of(2) {
                let settings = engine.settings();
                let mut set = Set::for_member(b"m", 1, settings);
                set.add(b"m", settings);
                set.into()
            } else {
                Value::from_bytes(b"text")
            };
            keys.insert_with(&name(key), value, at);
        }
        Step::Change(db, key, member) => {
            keys.select(db);
            let name = name(key);
            let mut entry = keys.entry(&name);
            if let Ok(Some(mut set)) = entry.edit::<Set>() {
                set.add(&[member], engine.settings());
            } else if entry.exists() && member.is_multiple_of(2) {
                entry.store_string(&[member], Expiry::Keep);
            } else if entry.exists() {
                entry.edit_text().unwrap().push(member);
            }
        }
        Step::Remove(db, key) => {
            keys.select(db);
            keys.remove(&name(key));
        }
        Step::Expire(db, key, at) => {
            keys.select(db);
            keys.set_expiry(&name(key), at);
        }
        Step::Rename(from_db, from, to_db, to) => {
            keys.select(from_db);
            if let Some(taken) = keys.take(&name(from)) {
                keys.select(to_db);
                keys.insert_with(&name(to), taken.value, taken.expire_ms);
            }
        }
        Step::Flush(db) => {
            keys.select(db);
            keys.flush(false);
        }
        Step::Swap(a, b) => keys.swap(a, b),
        Step::Wait(ms) => *now_ms += ms,
        Step::ExpireDue(limit) => {
            keys.expire_due(limit);
        }
        Step::Save(shard, budget) => {
            drop(keys);
            engine.snapshot_step(shard % engine.shard_count(), budget, saved);
        }
    }
}

proptest! {
    #[test]
    fn yields_the_content_at_the_cut(
        before in prop::collection::vec(any_step(), 0..150),
        after in prop::collection::vec(any_step(), 0..300),
        again in prop::collection::vec(any_step(), 0..100),
        shards in prop::sample::select(vec![1usize, 8]),
    ) {
        let engine = Engine::new(EngineOptions { shards, databases: DATABASES, seed: 3 });
        let mut now_ms = START_MS;
        for step in &before {
            apply(&engine, &mut now_ms, step, &mut Vec::new());
        }
        // A second snapshot must not be misled by the traces of the first.
        for steps in [&after, &again] {
            let cut = content(&engine);
            let mut saved = Vec::new();
            engine.begin_snapshot(&mut engine.lock(engine.all_shards()), || Box::new(Lines));
            for step in steps {
                apply(&engine, &mut now_ms, step, &mut saved);
            }
            for shard in 0..engine.shard_count() {
                while !engine.snapshot_step(shard, 50, &mut saved) {}
            }
            let text = String::from_utf8(saved).expect("text");
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable();
            prop_assert_eq!(lines, cut);
            all(&engine, now_ms).check();
        }
    }

    #[test]
    fn an_abandoned_snapshot_leaves_nothing_behind(
        before in prop::collection::vec(any_step(), 0..100),
        after in prop::collection::vec(any_step(), 0..100),
    ) {
        let engine = Engine::new(EngineOptions { shards: 4, databases: DATABASES, seed: 3 });
        let mut now_ms = START_MS;
        for step in &before {
            apply(&engine, &mut now_ms, step, &mut Vec::new());
        }
        engine.begin_snapshot(&mut engine.lock(engine.all_shards()), || Box::new(Lines));
        for step in &after {
            apply(&engine, &mut now_ms, step, &mut Vec::new());
        }
        engine.abort_snapshot(&mut engine.lock(engine.all_shards()));
        let cut = content(&engine);
        engine.begin_snapshot(&mut engine.lock(engine.all_shards()), || Box::new(Lines));
        let mut saved = Vec::new();
        for shard in 0..engine.shard_count() {
            while !engine.snapshot_step(shard, 50, &mut saved) {}
        }
        let text = String::from_utf8(saved).expect("text");
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        prop_assert_eq!(lines, cut);
    }
}
