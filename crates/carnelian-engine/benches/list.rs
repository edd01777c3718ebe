//! List benches: `cargo bench -p carnelian-engine --bench list`.
#![allow(missing_docs)]

use carnelian_engine::{End, Engine, EngineOptions, List};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const VALUE: &[u8] = b"member:0000000000042";

fn engine(depth: usize) -> Engine {
    let engine = Engine::new(EngineOptions { shards: 1, databases: 1, seed: 1 });
    engine.settings().set_list_compress_depth(depth);
    engine
}

fn list(engine: &Engine, len: usize) -> List {
    let mut list = List::new(engine.settings());
    for index in 0..len {
        list.push(End::Right, format!("member:{index:013}").as_bytes(), engine.settings());
    }
    list
}

fn ends(c: &mut Criterion) {
    let mut group = c.benchmark_group("list");
    let engine = engine(0);
    for (name, push, pop) in [
        ("push and pop left", End::Left, End::Left),
        ("push and pop right", End::Right, End::Right),
        ("push right and pop left", End::Right, End::Left),
    ] {
        let mut list = list(&engine, 10_000);
        group.bench_function(name, |b| {
            b.iter(|| {
                list.push(push, black_box(VALUE), engine.settings());
                list.pop_with(pop, |element| element.len())
            });
        });
    }
    for (name, end) in [("push 1000 left", End::Left), ("push 1000 right", End::Right)] {
        group.throughput(Throughput::Elements(1000));
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut list = List::new(engine.settings());
                for _ in 0..1000 {
                    list.push(end, black_box(VALUE), engine.settings());
                }
                list
            });
        });
    }
    group.finish();
}

fn inside(c: &mut Criterion) {
    let mut group = c.benchmark_group("list");
    for depth in [0, 1] {
        let engine = engine(depth);
        let mut list = list(&engine, 100_000);
        let kept = if depth == 0 { "" } else { ", compressed" };
        group.throughput(Throughput::Elements(100));
        for (name, start) in [("head", 0), ("middle", 50_000)] {
            group.bench_function(format!("range of 100 at the {name}{kept}"), |b| {
                b.iter(|| {
                    let mut bytes = 0;
                    list.view().for_range(black_box(start), 100, |element| bytes += element.len());
                    bytes
                });
            });
        }
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("replace in the middle{kept}"), |b| {
            b.iter(|| list.set(black_box(50_000), VALUE, engine.settings()));
        });
    }
    group.finish();
}

criterion_group!(benches, ends, inside);
criterion_main!(benches);
