//! How much more two threads do than one, each on a core of its own: reads and writes of the engine, without commands and
//! sockets.
//!
//! One and two threads take turns, in short rounds. Of each the best round is shown, as whatever else the machine does only
//! ever makes a round worse. On a machine that does much else there may be no good round of two threads, so the processor time
//! of an operation is compared as well: the median of the ratios of rounds that followed each other. It has in it what the threads
//! do to each other, but not what they wait for while others have their cores. `cargo xtask bench --scaling` runs it. Arguments: rounds, shards.

#![allow(clippy::print_stdout, reason = "the figures are what it is for")]

use carnelian_engine::{
    Engine, EngineOptions, Expiry, Holding, KeyHash, Keyspace, Rng, Seat, Shards, WARM_MOST, Wanted,
};
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

/// More keys than the caches hold.
const KEYS: usize = 1_000_000;
/// As the server has with two workers.
const SHARDS: usize = 64;
const VALUE: [u8; 64] = [b'v'; 64];
const NOW_MS: u64 = 1_700_000_000_000;
/// Operations of one thread in a round: so few, about two milliseconds, that a busy machine leaves some rounds alone.
const OPERATIONS: usize = 1 << 13;
const ROUNDS: usize = 20;

/// A mix of operations on some keys.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    keys: usize,
    /// Of a hundred operations.
    reads: usize,
}

const CASES: [Case; 6] = [
    Case { name: "uniform keys, reads", keys: KEYS, reads: 100 },
    Case { name: "uniform keys, 9 of 10 reads", keys: KEYS, reads: 90 },
    Case { name: "uniform keys, writes", keys: KEYS, reads: 0 },
    Case { name: "one key, reads", keys: 1, reads: 100 },
    Case { name: "one key, 99 of 100 reads", keys: 1, reads: 99 },
    Case { name: "one key, writes", keys: 1, reads: 0 },
];

/// When a thread began and ended, and its processor time between the two.
type Times = (Instant, Instant, Duration);

fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Runs operations as a worker does, in batches whose memory is asked for first.
fn run(engine: &Engine, case: Case, seed: u64) -> Times {
    let mut numbers = Rng::new(seed);
    let mut batch: Vec<([u8; 8], KeyHash, bool)> = Vec::with_capacity(WARM_MOST);
    let mut wanted = Vec::with_capacity(WARM_MOST);
    let seat = engine.seat();
    let (start, start_of_processor) = (Instant::now(), processor_time());
    for _ in 0..OPERATIONS / WARM_MOST {
        batch.clear();
        wanted.clear();
        for _ in 0..WARM_MOST {
            let key = numbers.below(case.keys).to_le_bytes();
            let hash = engine.key_hash(&key);
            let reads = numbers.below(100) < case.reads;
            wanted.push(Wanted { key: hash, to_look: reads });
            batch.push((key, hash, reads));
        }
        if let Some(seat) = &seat {
            engine.warm(0, &wanted, Holding::Briefly(seat));
        }
        let mut keys = engine.keyspace(Shards::none(), 0, NOW_MS);
        for (at, (key, hash, reads)) in batch.iter().enumerate() {
            operate(engine, &mut keys, key, *hash, *reads, seat.as_ref());
            // The lock that the next one needs, too, is kept, but for one that reads.
            let shard = |hash| engine.shard_of_key(hash);
            if batch.get(at + 1).is_none_or(|(_, next, reads)| *reads || shard(*next) != shard(*hash)) {
                keys.leave();
            }
        }
    }
    (start, Instant::now(), processor_time().saturating_sub(start_of_processor))
}

fn operate<'e>(
    engine: &'e Engine,
    keys: &mut Keyspace<'e>,
    key: &[u8],
    hash: KeyHash,
    reads: bool,
    seat: Option<&'e Seat>,
) {
    if reads
        && let Some(seat) = seat
        && keys.enter_to_read(key, hash, 0, seat)
    {
        black_box(keys.read(key).is_some());
        return;
    }
    if !keys.enter(key, hash, 0) {
        let set = engine.shards_of(&[key]);
        let shards = loop {
            if let Ok(shards) = engine.lock_soon(set) {
                break shards;
            }
        };
        *keys = engine.keyspace(shards, 0, NOW_MS);
    }
    if reads {
        black_box(keys.read(key).is_some());
        keys.shards().only_read();
    } else {
        keys.entry(key).store_string(&VALUE, Expiry::Never);
    }
}

/// One round: what all threads together do each second, from when the first begins to when the last ends; and what they would do
/// if they had their cores for themselves.
fn round(engine: &Engine, case: Case, threads: usize, seed: u64) -> (f64, f64) {
    let ready = AtomicUsize::new(0);
    let ready = &ready;
    let times: Vec<Times> = thread::scope(|scope| {
        let begin = |number: usize| {
            move || {
                let mut cpus = CpuSet::new();
                cpus.set(number);
                // Where it is not allowed the system places them.
                let _ = sched_setaffinity(None, &cpus);
                ready.fetch_add(1, SeqCst);
                while ready.load(SeqCst) < threads {
                    spin_loop();
                }
                run(engine, case, seed ^ (number as u64) << 32)
            }
        };
        let running: Vec<_> = (0..threads).map(|number| scope.spawn(begin(number))).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let start = times.iter().map(|(start, ..)| *start).min();
    let end = times.iter().map(|(_, end, _)| *end).max();
    let seconds = start.zip(end).map_or(f64::INFINITY, |(start, end)| (end - start).as_secs_f64());
    let alone = times.iter().map(|(.., processor)| OPERATIONS as f64 / processor.as_secs_f64()).sum();
    ((threads * OPERATIONS) as f64 / seconds, alone)
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (rounds, shards) = (number(ROUNDS), number(SHARDS));
    let engine = Engine::new(EngineOptions { shards, databases: 1, seed: 1 });
    for key in 0..KEYS {
        let key = key.to_le_bytes();
        let mut keys = engine.keyspace(engine.lock(engine.shards_of(&[&key])), 0, NOW_MS);
        keys.entry(&key).store_string(&VALUE, Expiry::Never);
    }
    let (one, two, best, median) = ("one thread", "two", "ratio", "of processor time");
    println!("{:<30} {one:>12} {two:>12} {best:>6} {median:>18}", "million operations a second");
    for case in CASES {
        let (mut one, mut two, mut ratios) = (0f64, 0f64, Vec::new());
        for seed in 0..rounds {
            let (of_one, one_alone) = round(&engine, case, 1, seed as u64);
            let (of_two, two_alone) = round(&engine, case, 2, seed as u64);
            (one, two) = (one.max(of_one), two.max(of_two));
            ratios.push(two_alone / one_alone);
        }
        ratios.sort_by(f64::total_cmp);
        let median = ratios.get(rounds / 2).copied().unwrap_or_default();
        let (best, one, two) = (two / one, one / 1e6, two / 1e6);
        println!("{:<30} {one:>12.2} {two:>12.2} {best:>6.2} {median:>18.2}", case.name);
    }
}
