//! Cost of commands on sets and hashes, from arguments to reply: `cargo bench -p carnelian-commands --bench sets`.

mod caller;

use caller::Caller;
use carnelian_resp::OwnedArgs;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Members of a large set, and fields of a large hash: more than the nearer caches hold.
const MEMBERS: usize = 400_000;
/// Commands prepared for each measurement, a power of two.
const COMMANDS: usize = 1 << 16;

fn fill(caller: &mut Caller) {
    for index in 0..MEMBERS {
        caller.run(&args(&format!("SADD large element:{index:012}")));
        caller.run(&args(&format!("HSET large:hash element:{index:012} 0123456789abcdef")));
    }
    caller.run(&args("SADD small a b c"));
    caller.run(&args("SADD ints 1 2 3"));
    caller.run(&args("HSET small:hash a 1 b 2 c 3"));
}

fn args(line: &str) -> OwnedArgs {
    OwnedArgs::from_slices(&line.split(' ').collect::<Vec<_>>())
}

fn members(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sets");
    let mut caller = Caller::new(64);
    fill(&mut caller);
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
    let mut caller = Caller::new(64);
    fill(&mut caller);
    group.sample_size(10).throughput(Throughput::Elements(MEMBERS as u64));
    for (name, line) in [("smembers, large", "SMEMBERS large"), ("hgetall, large", "HGETALL large:hash")] {
        let command = args(line);
        group.bench_function(name, |bencher| bencher.iter(|| caller.run(&command)));
    }
    group.finish();
}

criterion_group!(benches, members, whole);
criterion_main!(benches);
