//! How long single operations of one large shard take: the longest insertion while it grows and the longest removal while
//! it shrinks, the longest step of compaction, and removing and moving one large value.
//!
//! Every insertion is timed. What the machine does besides hits another insertion in each round, what the table does the same
//! one, so the shortest time of each insertion over all rounds counts, and of these the longest. The rounds are timed by the
//! clock and by the processor time of the thread, and so are as many rounds of nothing.
//! `cargo xtask bench --pauses` runs it. Arguments: keys, members, rounds.

#![allow(clippy::print_stdout, reason = "the figures are what it is for")]

use carnelian_engine::{
    Compactor, Engine, EngineOptions, Expiry, Hash, Progress, Removal, Set, Shards, Value,
};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::time::Instant;

/// That of the server.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const KEYS: usize = 200_000;
const MEMBERS: usize = 100_000;
const ROUNDS: usize = 2;
/// Pairs of buckets in a step of compaction, as many as the server takes, and fewer keys than these hold when most have gone.
const STEP_PAIRS: usize = 64;
const STEP_KEYS: usize = 64;
const NOW_MS: u64 = 1_700_000_000_000;
const VALUE: &[u8] = b"a short value";

/// Nanoseconds since some moment, that of the thread's processor time included.
type Clock = fn() -> u64;

fn nanoseconds(id: ClockId) -> u64 {
    let now = clock_gettime(id);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

fn clock() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

fn processor_time() -> u64 {
    nanoseconds(ClockId::ThreadCPUTime)
}

/// Of each operation the shortest time so far, and of each round the longest.
struct Times {
    shortest_ns: Vec<u32>,
    longest_ns: Vec<u32>,
}

impl Times {
    fn new(operations: usize) -> Self {
        Self { shortest_ns: vec![u32::MAX; operations], longest_ns: Vec::new() }
    }

    fn round(&mut self, clock: Clock, mut operation: impl FnMut(usize)) {
        let mut longest = 0;
        for (number, shortest) in self.shortest_ns.iter_mut().enumerate() {
            let start = clock();
            operation(number);
            let took = u32::try_from(clock() - start).unwrap_or(u32::MAX);
            *shortest = took.min(*shortest);
            longest = took.max(longest);
        }
        self.longest_ns.push(longest);
    }

    fn print(&self, name: &str) {
        let us = |ns: Option<&u32>| f64::from(ns.copied().unwrap_or_default()) / 1000.0;
        let mut slow: Vec<(u32, usize)> = self
            .shortest_ns
            .iter()
            .enumerate()
            .map(|(number, ns)| (*ns, number))
            .filter(|(ns, _)| *ns > 50_000)
            .collect();
        slow.sort_unstable_by(|a, b| b.cmp(a));
        println!(
            "{name:<38} {:>12.1} {:>14.1} {:>12.1}   {:?}",
            us(self.longest_ns.iter().max()),
            us(self.longest_ns.iter().min()),
            us(self.shortest_ns.iter().max()),
            slow.iter().take(4).map(|(_, number)| number).collect::<Vec<_>>()
        );
    }
}

fn engine(shards: usize) -> Engine {
    Engine::new(EngineOptions { shards, databases: 1, seed: 1 })
}

fn key(number: usize) -> [u8; 8] {
    number.to_le_bytes()
}

fn insert(engine: &Engine, number: usize) {
    let mut keys = engine.keyspace(engine.lock(engine.all_shards()), 0, NOW_MS);
    keys.entry(&key(number)).store_string(VALUE, Expiry::Never);
}

fn remove(engine: &Engine, number: usize) {
    let mut keys = engine.keyspace(engine.lock(engine.all_shards()), 0, NOW_MS);
    keys.remove_for(&key(number), Removal::Deleted);
}

fn growth(keys: usize, rounds: usize) {
    println!(
        "{:<38} {:>12} {:>14} {:>12}",
        "longest of each, us", "worst round", "best round", "of shortest"
    );
    for (name, clock) in [("clock", clock as Clock), ("processor time", processor_time as Clock)] {
        let (mut nothing, mut inserted, mut removed) = (Times::new(keys), Times::new(keys), Times::new(keys));
        for _ in 0..rounds {
            nothing.round(clock, |number| {
                black_box(number);
            });
            let engine = engine(1);
            inserted.round(clock, |number| insert(&engine, number));
            removed.round(clock, |number| remove(&engine, number));
        }
        nothing.print(&format!("nothing, {name}"));
        inserted.print(&format!("insertions, {name}"));
        removed.print(&format!("removals, {name}"));
    }
}

/// Steps of compaction after three of four keys have gone, so that every page is to be emptied.
fn compaction(keys: usize, rounds: usize) {
    for (name, clock) in [("clock", clock as Clock), ("processor time", processor_time as Clock)] {
        let mut steps = Times::new(keys / STEP_KEYS);
        for _ in 0..rounds {
            let engine = engine(1);
            (0..keys).for_each(|number| insert(&engine, number));
            (0..keys).filter(|number| number % 4 > 0).for_each(|number| remove(&engine, number));
            let mut compactor = Compactor::default();
            let (mut moved, mut ended) = (0, false);
            steps.round(clock, |_| {
                if !ended {
                    let (progress, done) = compactor.step(&engine, STEP_PAIRS);
                    moved += done.moved;
                    ended = progress == Progress::Round;
                }
            });
            assert!(ended && moved > 0, "the steps are enough for a round");
        }
        steps.print(&format!("compaction, {name}"));
    }
}

/// Milliseconds that something takes.
fn ms(run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64() * 1000.0
}

/// Resident memory of this process, in MB; 0 where there is no /proc.
fn resident_mb() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * rustix::param::page_size() / 1_000_000
}

fn large_value(name: &str, value: impl Fn(&Engine) -> Value, rounds: usize) {
    for _ in 0..rounds {
        let engine = engine(16);
        let value = value(&engine);
        let all = engine.all_shards();
        let lock = || engine.keyspace(engine.lock(all), 0, NOW_MS);
        lock().insert(b"big", value);
        // To a key of another shard.
        let target = (0..1000)
            .map(key)
            .find(|key| engine.shard_of(key) != engine.shard_of(b"big"))
            .unwrap_or_default();
        let rename = ms(|| {
            let mut keys = engine.keyspace(engine.lock(engine.shards_of(&[b"big", &target])), 0, NOW_MS);
            if let Some(taken) = keys.take(b"big") {
                keys.insert_with(&target, taken.value, taken.expire_ms);
            }
        });
        let before = resident_mb();
        let mut rare = None;
        let locked = ms(|| {
            let mut keys = engine.keyspace(engine.lock(engine.shards_of(&[&target])), 0, NOW_MS);
            keys.remove_for(&target, Removal::Unlinked);
            *keys.shards() = Shards::none();
            rare = keys.effects.take_rare();
        });
        let freed = ms(|| drop(rare));
        println!(
            "{name}: RENAME to another shard {rename:.3} ms, removal under the lock {locked:.3} ms, freeing {freed:.0} ms, \
             resident {before} MB before and {} MB right after",
            resident_mb()
        );
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (keys, members, rounds) = (number(KEYS), number(MEMBERS), number(ROUNDS));
    let set = |engine: &Engine| {
        let mut set = Set::for_member(b"member", 1, engine.settings());
        for member in 0..members {
            set.add(format!("member:{member}").as_bytes(), engine.settings());
        }
        Value::Set(Box::new(set))
    };
    let hash = |engine: &Engine| {
        let mut hash = Hash::new();
        for field in 0..members {
            hash.set(format!("field:{field}").as_bytes(), VALUE, engine.settings());
        }
        Value::Hash(Box::new(hash))
    };
    large_value("set", set, rounds);
    large_value("hash", hash, rounds);
    growth(keys, rounds);
    compaction(keys, rounds);
}
