//! Commands through the dispatcher, without sockets and parsing: what a worker thread spends on each.

use carnelian_commands::{NoClient, NoHost, Node, Session, WorkerStats};
use carnelian_engine::{Engine, EngineOptions};
use carnelian_resp::{OwnedArgs, Protocol, ReplyWriter};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;

/// Keys in the dataset: more than the caches hold.
const KEYS: usize = 1_000_000;
/// Commands prepared for each measurement, a power of two.
const COMMANDS: usize = 1 << 16;
const NOW_MS: u64 = 1_700_000_000_000;

struct Bench {
    node: Node,
    session: Session,
    out: ReplyWriter,
    stats: WorkerStats,
}

impl Bench {
    fn new() -> Self {
        let engine = Arc::new(Engine::new(EngineOptions { shards: 64, databases: 16, seed: 1 }));
        let node = Node::new(engine, Arc::new(NoHost));
        let stats = node.new_stats();
        let session = Session::new(1, true, Arc::new(NoClient));
        Self { node, session, out: ReplyWriter::new(Protocol::Resp2), stats }
    }

    fn run(&mut self, args: &OwnedArgs) {
        black_box(self.node.execute(
            &mut self.session,
            black_box(args.as_args()),
            &mut self.out,
            NOW_MS,
            &self.stats,
        ));
    }
}

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
    let mut bench = Bench::new();
    for index in 0..KEYS {
        let key = format!("key:{index:012}");
        bench.run(&OwnedArgs::from_slices(&["SET", &key, "0123456789abcdef"]));
        bench.out.clear();
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
                bench.out.clear();
                bench.run(&commands[next & (COMMANDS - 1)]);
                next += 1;
            });
        });
    }
    group.throughput(Throughput::Elements(16));
    let mut next = 0;
    group.bench_function("pipeline of 16: get and set", |bencher| {
        bencher.iter(|| {
            bench.out.clear();
            for at in next..next + 16 {
                bench.run(&sets[if at % 2 == 0 { 0 } else { 2 }].1[at & (COMMANDS - 1)]);
            }
            next += 16;
        });
    });
    group.finish();
}

criterion_group!(benches, commands);
criterion_main!(benches);
