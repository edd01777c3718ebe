//! Commands through the dispatcher, without sockets and parsing: what a worker thread spends on each.

mod caller;

use caller::Caller;
use carnelian_resp::{OwnedArgs, encode_command};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

/// Keys in the dataset: more than the caches hold.
const KEYS: usize = 1_000_000;
/// Commands prepared for each measurement, a power of two.
const COMMANDS: usize = 1 << 16;
/// Requests of one read.
const READ: usize = 64;

/// Spreads indexes over the keys without repeating a pattern that a cache could learn.
fn key(index: usize) -> String {
    format!("key:{:012}", index.wrapping_mul(0x9e37_79b1) % KEYS)
}

fn prepared(command: impl Fn(usize) -> Vec<String>) -> Vec<OwnedArgs> {
    (0..COMMANDS).map(|index| OwnedArgs::from_slices(&command(index))).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn commands(criterion: &mut Criterion) {
    let mut bench = Caller::new(64);
    for index in 0..KEYS {
        let key = format!("key:{index:012}");
        bench.run(&OwnedArgs::from_slices(&["SET", &key, "0123456789abcdef"]));
    }
    let counters = |index: usize| format!("counter:{}", index % 10_000);
    let hashes = |index: usize| format!("hash:{}", index % 10_000);
    let sets: [(&str, Vec<OwnedArgs>); 5] = [
        ("get", prepared(|index| words(&["GET", &key(index)]))),
        ("get missing", prepared(|index| words(&["GET", &format!("none:{index}")]))),
        ("set", prepared(|index| words(&["SET", &key(index), "fedcba9876543210"]))),
        ("incr", prepared(|index| words(&["INCR", &counters(index)]))),
        ("hset", prepared(|index| words(&["HSET", &hashes(index), &format!("f{}", index % 16), "value"]))),
    ];
    let mut group = criterion.benchmark_group("execute");
    group.throughput(Throughput::Elements(1));
    for (name, commands) in &sets {
        let mut next = 0;
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                bench.run(black_box(&commands[next & (COMMANDS - 1)]));
                next += 1;
            });
        });
    }
    // As a worker does it: all requests of a read are parsed, looked up and hashed, and then run.
    for (name, half) in
        [("read of 64: get", [0, 0]), ("read of 64: set", [2, 2]), ("read of 64: both", [0, 2])]
    {
        let reads: Vec<Vec<u8>> = (0..COMMANDS / READ)
            .map(|read| {
                let mut wire = Vec::new();
                for at in read * READ..(read + 1) * READ {
                    let words: Vec<&[u8]> = sets[half[at % 2]].1[at].as_args().iter().collect();
                    encode_command(&mut wire, &words);
                }
                wire
            })
            .collect();
        group.throughput(Throughput::Elements(READ as u64));
        let mut next = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                bench.run_read(&reads[next % reads.len()]);
                next += 1;
            });
        });
    }
    group.finish();
}

criterion_group!(benches, commands);
criterion_main!(benches);
