//! Cost of commands on sets and hashes, from arguments to reply: `cargo bench -p carnelian-commands --bench sets`.

use carnelian_commands::{NoClient, NoHost, Node, Session, WorkerStats};
use carnelian_engine::{Engine, EngineOptions};
use carnelian_resp::{OwnedArgs, Protocol, ReplyWriter};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::sync::Arc;

/// Members of a large set, and fields of a large hash: more than the nearer caches hold.
const MEMBERS: usize = 400_000;
/// Commands prepared for each measurement, a power of two.
const COMMANDS: usize = 1 << 16;

struct Caller {
    node: Node,
    session: Session,
    out: ReplyWriter,
    stats: WorkerStats,
}

impl Caller {
    fn new() -> Self {
        let engine = Arc::new(Engine::new(EngineOptions { shards: 64, databases: 16, seed: 7 }));
        let node = Node::new(engine, Arc::new(NoHost));
        let stats = node.new_stats();
        let session = Session::new(1, true, Arc::new(NoClient));
        Self { node, session, out: ReplyWriter::new(Protocol::Resp2), stats }
    }

    fn run(&mut self, args: &OwnedArgs) {
        self.out.clear();
        self.node.execute(&mut self.session, args.as_args(), &mut self.out, 1_700_000_000_000, &self.stats);
    }

    fn fill(&mut self) {
        for index in 0..MEMBERS {
            self.run(&args(&format!("SADD large element:{index:012}")));
            self.run(&args(&format!("HSET large:hash element:{index:012} 0123456789abcdef")));
        }
        self.run(&args("SADD small a b c"));
        self.run(&args("SADD ints 1 2 3"));
        self.run(&args("HSET small:hash a 1 b 2 c 3"));
    }
}

fn args(line: &str) -> OwnedArgs {
    OwnedArgs::from_slices(&line.split(' ').collect::<Vec<_>>())
}

fn members(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sets");
    let mut caller = Caller::new();
    caller.fill();
    group.throughput(Throughput::Elements(2));
    for (name, there, back) in [
        ("sadd+srem, small", "SADD small member", "SREM small member"),
        ("sadd+srem, integers", "SADD ints 17", "SREM ints 17"),
        ("sadd+srem, empty", "SADD none member", "SREM none member"),
        ("hset+hdel, small", "HSET small:hash field value", "HDEL small:hash field"),
    ] {
        let (there, back) = (args(there), args(back));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                caller.run(&there);
                caller.run(&back);
            });
        });
    }
    let spop = args("SPOP large");
    let member = |index: usize| format!("element:{:012}", index.wrapping_mul(0x9e37_79b1) % MEMBERS);
    let adding: Vec<OwnedArgs> =
        (0..COMMANDS).map(|index| args(&format!("SADD large {}", member(index)))).collect();
    let mut next = 0;
    group.bench_function("sadd+spop, large", |bencher| {
        bencher.iter(|| {
            caller.run(&adding[next & (COMMANDS - 1)]);
            caller.run(&spop);
            next += 1;
        });
    });
    group.finish();
}

fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sets");
    let mut caller = Caller::new();
    caller.fill();
    group.sample_size(10).throughput(Throughput::Elements(MEMBERS as u64));
    for (name, line) in [("smembers, large", "SMEMBERS large"), ("hgetall, large", "HGETALL large:hash")] {
        let command = args(line);
        group.bench_function(name, |bencher| bencher.iter(|| caller.run(&command)));
    }
    group.finish();
}

criterion_group!(benches, members, whole);
criterion_main!(benches);
