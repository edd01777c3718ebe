//! Cost of list commands, from arguments to reply: `cargo bench -p carnelian-commands --bench lists`.

mod caller;

use caller::Caller;
use carnelian_resp::OwnedArgs;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

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
        let mut caller = Caller::new(64);
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
    let mut caller = Caller::new(64);
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
