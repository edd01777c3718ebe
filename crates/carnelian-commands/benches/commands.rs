//! Commands through the dispatcher, without sockets and parsing: what a worker thread spends on each.

use carnelian_commands::{Ahead, NoClient, NoHost, Node, Session, WorkerStats};
use carnelian_engine::{Engine, EngineOptions};
use carnelian_resp::{Limits, OwnedArgs, Protocol, ReplyWriter, RequestParser, encode_command};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;

/// Keys in the dataset: more than the caches hold.
const KEYS: usize = 1_000_000;
/// Commands prepared for each measurement, a power of two.
const COMMANDS: usize = 1 << 16;
/// Requests of one read.
const READ: usize = 64;
const NOW_MS: u64 = 1_700_000_000_000;

struct Bench {
    node: Node,
    session: Session,
    out: ReplyWriter,
    stats: WorkerStats,
    parser: RequestParser,
    ahead: Ahead,
}

impl Bench {
    fn new() -> Self {
        let engine = Arc::new(Engine::new(EngineOptions { shards: 64, databases: 16, seed: 1 }));
        let node = Node::new(engine, Arc::new(NoHost));
        let stats = node.new_stats();
        let session = Session::new(1, true, Arc::new(NoClient));
        Self {
            node,
            session,
            out: ReplyWriter::new(Protocol::Resp2),
            stats,
            parser: RequestParser::new(Limits::default()),
            ahead: Ahead::default(),
        }
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

impl Bench {
    /// Runs the requests of one read.
    fn run_read(&mut self, input: &[u8]) {
        let Self { node, session, out, stats, parser, ahead } = self;
        let mut batch = node.batch(NOW_MS, stats, None);
        let mut at = 0;
        while at < input.len() {
            ahead.fill(&mut batch, parser, session.db, input, at);
            while !ahead.is_empty() {
                if let Some((_, end)) = node.run_ready(ahead, input, session, out, &mut batch) {
                    at = end;
                } else if let Some((args, prepared, end)) = ahead.next(input) {
                    node.execute_prepared(session, args, &prepared, out, &mut batch);
                    ahead.take(1);
                    at = end;
                }
            }
        }
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
                bench.out.clear();
                bench.run_read(&reads[next % reads.len()]);
                next += 1;
            });
        });
    }
    group.finish();
}

criterion_group!(benches, commands);
criterion_main!(benches);
