//! Cost of list commands, from arguments to reply: `cargo bench -p carnelian-commands --bench lists`.

use carnelian_commands::{NoClient, NoHost, Node, Session, WorkerStats};
use carnelian_engine::{Engine, EngineOptions};
use carnelian_resp::{OwnedArgs, Protocol, ReplyWriter};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::sync::Arc;

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
}

fn args(line: &str) -> OwnedArgs {
    OwnedArgs::from_slices(&line.split(' ').collect::<Vec<_>>())
}

fn ends(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lists");
    // The short ones lie in the entry of their key.
    for (name, push, pop, len) in [
        ("lpush+lpop", "LPUSH l xxx", "LPOP l", 10_000),
        ("rpush+rpop", "RPUSH l xxx", "RPOP l", 10_000),
        ("rpush+lpop", "RPUSH l xxx", "LPOP l", 10_000),
        ("lpush+lpop, short", "LPUSH l xxx", "LPOP l", 3),
        ("rpush+lpop, short", "RPUSH l xxx", "LPOP l", 3),
        ("rpush+lpop, empty", "RPUSH l xxx", "LPOP l", 0),
    ] {
        let mut caller = Caller::new();
        let (push, pop) = (args(push), args(pop));
        for _ in 0..len {
            caller.run(&push);
        }
        group.throughput(Throughput::Elements(2));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                caller.run(&push);
                caller.run(&pop);
            });
        });
    }
    group.finish();
}

fn ranges(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lists");
    let mut caller = Caller::new();
    let push = args("LPUSH l xxx");
    for _ in 0..10_000 {
        caller.run(&push);
    }
    for count in [100, 300, 600] {
        let range = args(&format!("LRANGE l 0 {}", count - 1));
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("lrange {count}"), |bencher| bencher.iter(|| caller.run(&range)));
    }
    group.throughput(Throughput::Elements(1));
    let index = args("LINDEX l 5000");
    group.bench_function("lindex in the middle", |bencher| bencher.iter(|| caller.run(&index)));
    let rotate = args("RPOPLPUSH l l");
    group.bench_function("rpoplpush", |bencher| bencher.iter(|| caller.run(&rotate)));
    group.finish();
}

criterion_group!(benches, ends, ranges);
criterion_main!(benches);
