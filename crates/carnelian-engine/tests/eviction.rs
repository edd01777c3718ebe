//! What gives way when memory is short: only what may, the right ones first, and the same ones from the same seed.

use carnelian_engine::{
    Choice, Engine, EngineOptions, EvictionPolicy, Evictor, Keyspace, Lookup, Value, WatchFlag,
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

const START_MS: u64 = 1_700_000_000_000;

fn engine(shards: usize, policy: &str) -> Engine {
    let engine = Engine::new(EngineOptions { shards, databases: 16, seed: 5 });
    engine.settings().set_eviction_policy(EvictionPolicy::from_name(policy));
    engine
}

fn all(engine: &Engine, db: usize, now_ms: u64) -> Keyspace<'_> {
    engine.keyspace(engine.lock(engine.all_shards()), db, now_ms)
}

fn name(number: usize) -> Vec<u8> {
    format!("key:{number}").into_bytes()
}

/// Evicts up to `count` keys; returns how many there were to evict.
fn evict(engine: &Engine, evictor: &mut Evictor, count: usize, now_ms: u64) -> usize {
    let mut removed = 0;
    let mut misses = 0;
    while removed < count {
        match evictor.choose(engine, now_ms) {
            Choice::Nothing => break,
            Choice::Busy => panic!("nobody else holds a shard"),
            Choice::Victim(victim) => {
                let mut keys = engine.keyspace(engine.lock(victim.shards()), 0, now_ms);
                let gone = keys.evict(&victim).is_some();
                removed += usize::from(gone);
                misses = if gone { 0 } else { misses + 1 };
                assert!(misses < 100, "candidates that are none must run out");
            }
        }
    }
    removed
}

fn left(engine: &Engine, now_ms: u64) -> BTreeSet<Vec<u8>> {
    let mut names = BTreeSet::new();
    for db in 0..2 {
        all(engine, db, now_ms).for_each(|key, _, _| {
            names.insert(key.to_vec());
        });
    }
    names
}

const POLICIES: [&str; 9] = [
    "allkeys-lru",
    "allkeys-lrm",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lrm",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn only_what_may_give_way_does(
        keys in prop::collection::vec((any::<bool>(), 0..2usize, 1..2000usize), 1..400),
        count in 0..500usize,
        policy in prop::sample::select(&POLICIES[..]),
        shards in prop::sample::select(vec![1usize, 64]),
        seed in any::<u64>(),
    ) {
        let run = || {
            let engine = engine(shards, policy);
            let mut evictable = 0;
            for (number, (volatile, db, len)) in keys.iter().enumerate() {
                let expire_ms = volatile.then(|| START_MS + 1_000_000 + number as u64);
                let value = Value::from_bytes(&vec![b'x'; *len]);
                all(&engine, *db, START_MS).insert_with(&name(number), value, expire_ms);
                evictable += usize::from(*volatile || policy.starts_with("allkeys"));
            }
            let mut evictor = Evictor::new(seed);
            let removed = evict(&engine, &mut evictor, count, START_MS + 5000);
            assert_eq!(removed, count.min(evictable), "{policy}");
            all(&engine, 0, START_MS).check();
            left(&engine, START_MS)
        };
        let names = run();
        for (number, (volatile, ..)) in keys.iter().enumerate() {
            if policy.starts_with("volatile") && !volatile {
                prop_assert!(names.contains(&name(number)), "{policy} keeps what does not expire");
            }
        }
        prop_assert_eq!(names, run(), "a run can be replayed from its seed");
    }
}

#[test]
fn the_next_to_expire_go_first() {
    const KEYS: usize = 5000;
    for shards in [1, 64] {
        let engine = engine(shards, "volatile-ttl");
        // In no order, and with keys in between that never expire.
        for number in 0..KEYS {
            let expire_ms = START_MS + 10_000_000 + (number * 7919 % KEYS) as u64 * 1000;
            let mut keys = all(&engine, 0, START_MS);
            keys.insert_with(&name(number), Value::from_bytes(b"x"), Some(expire_ms));
            keys.insert(&name(KEYS + number), Value::from_bytes(b"x"));
        }
        assert_eq!(evict(&engine, &mut Evictor::new(1), KEYS / 10, START_MS), KEYS / 10);
        let names = left(&engine, START_MS);
        let rank = |number: &usize| number * 7919 % KEYS;
        let gone: Vec<usize> =
            (0..KEYS).filter(|number| !names.contains(&name(*number))).map(|number| rank(&number)).collect();
        let worst = gone.iter().max().copied().unwrap_or(0);
        // One shard knows exactly; of several each gives its own nearest.
        let most = if shards == 1 { KEYS / 10 } else { KEYS / 4 };
        assert!(
            worst < most,
            "with {shards} shards the key that was evicted at rank {worst} had a long life"
        );
        all(&engine, 0, START_MS).check();
    }
}

#[test]
fn what_is_used_stays() {
    const KEYS: usize = 2000;
    for (policy, by_reading) in
        [("allkeys-lru", true), ("allkeys-lfu", true), ("allkeys-lrm", false), ("volatile-lru", true)]
    {
        for shards in [1, 64] {
            let engine = engine(shards, policy);
            let mut now_ms = START_MS;
            for number in 0..KEYS {
                all(&engine, 0, now_ms).insert_with(
                    &name(number),
                    Value::from_bytes(b"x"),
                    Some(u64::MAX >> 8),
                );
            }
            for _ in 0..20 {
                now_ms += 5000;
                for number in (0..KEYS).step_by(10) {
                    let mut keys = all(&engine, 0, now_ms);
                    if by_reading {
                        keys.read(&name(number));
                    } else {
                        keys.insert_with(&name(number), Value::from_bytes(b"y"), None);
                    }
                    // Where changes count, reads must not.
                    if policy.ends_with("lrm") {
                        keys.read(&name(number + 1));
                    }
                }
            }
            evict(&engine, &mut Evictor::new(9), KEYS / 2, now_ms + 5000);
            let names = left(&engine, now_ms);
            let kept = |offset: usize| {
                (0..KEYS).skip(offset).step_by(10).filter(|number| names.contains(&name(*number))).count()
            };
            assert!(kept(0) >= KEYS / 10 * 95 / 100, "{policy} has kept {} of {}", kept(0), KEYS / 10);
            if policy.ends_with("lrm") {
                assert!(kept(1) < KEYS / 10 * 7 / 10, "reads count as changes");
            }
        }
    }
}

#[test]
fn a_candidate_that_was_used_since_stays() {
    let engine = engine(1, "allkeys-lru");
    for number in 0..8 {
        all(&engine, 0, START_MS).insert(&name(number), Value::from_bytes(b"x"));
    }
    let now_ms = START_MS + 60_000;
    let mut evictor = Evictor::new(3);
    let Choice::Victim(victim) = evictor.choose(&engine, now_ms) else { panic!("there are keys") };
    for number in 0..8 {
        all(&engine, 0, now_ms).read(&name(number));
    }
    let mut keys = all(&engine, 0, now_ms);
    assert_eq!(keys.evict(&victim), None);
    assert_eq!(keys.len(), 8);
    // Nor does what has taken the place of a key that is gone.
    for number in 0..8 {
        keys.remove(&name(number));
        keys.insert(&name(100 + number), Value::from_bytes(b"x"));
    }
    assert_eq!(keys.evict(&victim), None);
    assert_eq!(keys.len(), 8);
}

#[test]
fn eviction_is_noticed() {
    let engine = engine(4, "allkeys-random");
    let flag = Arc::new(WatchFlag::default());
    let mut keys = all(&engine, 3, START_MS);
    keys.insert(b"k", Value::from_bytes(b"v"));
    keys.watch(b"k", &flag);
    drop(keys);
    engine.settings().set_notify_events(u32::MAX);
    let Choice::Victim(victim) = Evictor::new(0).choose(&engine, START_MS) else { panic!("there is a key") };
    let mut keys = engine.keyspace(engine.lock(victim.shards()), 0, START_MS);
    assert!(keys.evict(&victim).is_some_and(|bytes| bytes >= 8));
    assert!(flag.is_touched());
    assert_eq!((keys.effects.evicted, keys.effects.dirty, keys.db()), (1, 0, 0));
    let [event] = &keys.effects.rare().events[..] else { panic!("one event") };
    assert_eq!((event.name, event.db, &*event.key), ("evicted", 3, &b"k"[..]));
    drop(keys);
    assert!(matches!(Evictor::new(0).choose(&engine, START_MS), Choice::Nothing));
    engine.settings().set_eviction_policy(None);
    all(&engine, 0, START_MS).insert(b"k", Value::from_bytes(b"v"));
    assert!(matches!(Evictor::new(0).choose(&engine, START_MS), Choice::Nothing));
}

#[test]
fn unused_bytes_follow_the_tables() {
    let engine = engine(4, "noeviction");
    assert_eq!(engine.unused_bytes(), 0);
    for number in 0..3000 {
        all(&engine, number % 2, START_MS).insert(&name(number), Value::from_bytes(&[b'x'; 100]));
    }
    let full = engine.unused_bytes();
    for number in (0..3000).step_by(2) {
        assert!(all(&engine, 0, START_MS).read_with(&name(number), Lookup::Silent).is_some());
        all(&engine, 0, START_MS).remove(&name(number));
    }
    let halved = engine.unused_bytes();
    assert!(full < halved + 16 * 1024 * 8, "{full} bytes were unused, then {halved}");
    for db in [0, 1] {
        all(&engine, db, START_MS).flush(false);
    }
    assert_eq!(engine.unused_bytes(), 0);
}
