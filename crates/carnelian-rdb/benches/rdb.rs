//! Writing and reading benches: `cargo bench -p carnelian-rdb`.
#![allow(missing_docs)]

use carnelian_rdb::{Encoder, Meta, Reader, WriteOptions, Writer};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn entries(c: &mut Criterion) {
    let mut group = c.benchmark_group("entries");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("encode 1000 short strings", |b| {
        let mut encoder = Encoder::default();
        let mut out = Vec::new();
        b.iter(|| {
            out.clear();
            for i in 0..1000u32 {
                encoder.meta(&mut out, &Meta::default());
                encoder.string(&mut out, Some(&i.to_le_bytes()), black_box(b"a short value"));
            }
            out.len()
        });
    });
    let mut writer = Writer::new(Vec::new(), WriteOptions::default()).expect("a vector takes everything");
    for i in 0..1000u32 {
        writer
            .entry(|encoder, out| encoder.string(out, Some(&i.to_le_bytes()), b"a short value"))
            .expect("a vector takes everything");
    }
    let file = writer.finish().expect("a vector takes everything");
    group.bench_function("read 1000 short strings", |b| {
        b.iter(|| {
            let mut reader = Reader::new(black_box(&file[..]));
            let mut count = 0;
            while let Ok(Some(_)) = reader.next_event() {
                count += 1;
            }
            count
        });
    });
    group.finish();
}

criterion_group!(benches, entries);
criterion_main!(benches);
