//! Listpack and number benches: `cargo bench -p carnelian-encoding`.
#![allow(missing_docs)]

use carnelian_encoding::{IntSet, Listpack, glob_match, lzf, number};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn listpack(c: &mut Criterion) {
    c.bench_function("listpack/push_back 128 short strings", |b| {
        b.iter(|| {
            let mut listpack = Listpack::new();
            for _ in 0..128 {
                listpack.push_back(black_box(b"field:value"));
            }
            listpack
        });
    });
    // As the nodes of lists are: pushed and popped at both ends, about 8 KiB.
    let node: Listpack = (0..370).map(|i| format!("member:{i:013}")).collect();
    let mut ends = node.clone();
    c.bench_function("listpack/push_front and delete last of 370", |b| {
        b.iter(|| {
            ends.push_front(black_box(b"member:0000000000042"));
            ends.last().and_then(|last| ends.delete(last))
        });
    });
    let mut queue = node.clone();
    c.bench_function("listpack/push_back and delete first of 370", |b| {
        b.iter(|| {
            queue.push_back(black_box(b"member:0000000000042"));
            queue.first().and_then(|first| queue.delete(first))
        });
    });
    let mut middle = node.clone();
    c.bench_function("listpack/insert and delete in the middle of 370", |b| {
        b.iter(|| {
            let at = middle.seek(black_box(185)).expect("there are 370");
            let at = middle.insert_before(at, b"new");
            middle.delete(at)
        });
    });
    c.bench_function("listpack/seek the middle of 370", |b| b.iter(|| node.seek(black_box(185))));
    let fields: Listpack = (0..128).flat_map(|i| [format!("field:{i}"), format!("{}", i * 37)]).collect();
    let first = fields.first().unwrap();
    c.bench_function("listpack/find last of 128 fields", |b| {
        b.iter(|| fields.find(first, black_box(b"field:127"), 1));
    });
    c.bench_function("listpack/iterate 256 elements", |b| {
        b.iter(|| fields.iter().map(|element| element.len()).sum::<usize>());
    });
}

fn numbers(c: &mut Criterion) {
    c.bench_function("number/parse_i64 of 7 digits", |b| {
        b.iter(|| number::parse_i64(black_box(b"1234567")));
    });
    c.bench_function("number/format_f64 of 0.1", |b| b.iter(|| number::format_f64(black_box(0.1))));
    c.bench_function("number/long double 3.0e3 + 5.5", |b| {
        b.iter(|| {
            let sum = number::LongDouble::parse(black_box(b"3000.25")).and_then(|value| {
                number::LongDouble::parse(black_box(b"5.5")).and_then(|other| value.checked_add(other))
            });
            sum.map(number::LongDouble::to_vec)
        });
    });
}

fn glob(c: &mut Criterion) {
    c.bench_function("glob/user:*:name", |b| {
        b.iter(|| glob_match(black_box(b"user:*:name"), black_box(b"user:1000:name"), false));
    });
    c.bench_function("glob/*00*", |b| {
        b.iter(|| glob_match(black_box(b"*00*"), black_box(b"user:1000:name"), false));
    });
}

fn compression(c: &mut Criterion) {
    let mut group = c.benchmark_group("lzf");
    for len in [100usize, 8000] {
        let text: Vec<u8> = (0..len).map(|i| b"user:1000:name=value;"[i * 7 / 5 % 21]).collect();
        group.throughput(Throughput::Bytes(len as u64));
        let mut compressor = lzf::Compressor::new();
        let mut out = Vec::new();
        group.bench_function(format!("compress {len} bytes"), |b| {
            b.iter(|| {
                out.clear();
                compressor.compress(black_box(&text), len - 4, &mut out)
            });
        });
        out.clear();
        compressor.compress(&text, len - 4, &mut out);
        group.bench_function(format!("decompress {len} bytes"), |b| {
            b.iter(|| lzf::decompress(black_box(&out), len));
        });
    }
    group.finish();
}

fn intset(c: &mut Criterion) {
    let set: IntSet = (0..512).map(|i| i * 37).collect();
    c.bench_function("intset/contains of 512", |b| b.iter(|| set.contains(black_box(7_400))));
    let mut changing = set.clone();
    c.bench_function("intset/insert and remove in the middle of 512", |b| {
        b.iter(|| changing.insert(black_box(7_401)) && changing.remove(7_401));
    });
    c.bench_function("intset/insert 512 ascending", |b| b.iter(|| (0..512).collect::<IntSet>()));
    c.bench_function("intset/iterate 512", |b| b.iter(|| black_box(&set).iter().sum::<i64>()));
}

criterion_group!(benches, compression, intset, listpack, numbers, glob);
criterion_main!(benches);
