//! Taking and giving back a lock that nobody else wants, against the mutex of `parking_lot`.

use carnelian_engine::lock::{Readers, ShardLock};
use criterion::{Criterion, criterion_group, criterion_main};
use parking_lot::Mutex;
use std::hint::black_box;

fn uncontended(criterion: &mut Criterion) {
    let readers = Readers::new();
    let (mutex, lock) = (Mutex::new(0u64), ShardLock::new(0, &readers, 0u64));
    let mut group = criterion.benchmark_group("uncontended");
    group.bench_function("parking_lot: lock", |bencher| bencher.iter(|| *black_box(&mutex).lock() += 1));
    group.bench_function("shard: lock", |bencher| bencher.iter(|| *black_box(&lock).lock() += 1));
    group.bench_function("parking_lot: try_lock", |bencher| {
        bencher.iter(|| black_box(&mutex).try_lock().map(|mut value| *value += 1));
    });
    group.bench_function("shard: try_lock", |bencher| {
        bencher.iter(|| black_box(&lock).try_lock().map(|mut value| *value += 1));
    });
    let seat = readers.seat();
    lock.lock().only_read();
    group.bench_function("shard: read", |bencher| {
        bencher.iter(|| black_box(&lock).read(seat.as_ref()?).map(|value| black_box(*value)));
    });
    group.finish();
}

criterion_group!(benches, uncontended);
criterion_main!(benches);
