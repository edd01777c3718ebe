//! The lock of a shard from outside, and under load on real threads. `lock_models.rs` tries out orders that these do not
//! meet.

use carnelian_engine::lock::{Readers, Seat, ShardLock};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;

/// Opens a lock to those on the seats, of which there are `seats`.
fn open<T>(lock: &ShardLock<T>, seats: usize) {
    for _ in 0..seats {
        lock.lock().only_read();
    }
}

#[test]
fn it_opens_after_as_many_reads_as_there_are_seats_and_closes_at_a_write() {
    let readers = Readers::new();
    let lock = ShardLock::new(0, &readers, ());
    lock.lock().only_read();
    let seats: Vec<Seat> = (0..3).map(|_| readers.seat().unwrap()).collect();
    let is_open = || seats.iter().all(|seat| lock.read(seat).is_some());
    for _ in 0..3 {
        assert!(!is_open());
        lock.lock().only_read();
    }
    assert!(is_open());
    lock.try_lock().unwrap().only_read();
    assert!(is_open(), "a locked read changes nothing");
    drop(lock.lock());
    assert!(!is_open());
    // A write begins the count anew.
    lock.lock().only_read();
    lock.lock().only_read();
    drop(lock.lock());
    lock.lock().only_read();
    assert!(!is_open());
}

#[test]
fn one_seat_reads_several_locks_but_each_once() {
    let readers = Readers::new();
    let seat = readers.seat().unwrap();
    let locks: Vec<_> = [0, 1, 63, 64, 255].map(|number| ShardLock::new(number, &readers, number)).into();
    for lock in &locks {
        open(lock, 1);
    }
    let guards: Vec<_> = locks.iter().map(|lock| lock.read(&seat).unwrap()).collect();
    for (lock, guard) in locks.iter().zip(guards) {
        assert!(lock.read(&seat).is_none());
        assert!(lock.try_lock().is_none());
        drop(guard);
        assert!(lock.read(&seat).is_some());
    }
    assert!(locks.iter().all(|lock| lock.try_lock().is_some()));
}

#[test]
fn locks_with_one_number_only_hold_each_other_up() {
    let readers = Readers::new();
    let (seat, other_seat) = (readers.seat().unwrap(), readers.seat().unwrap());
    let (one, other) = (ShardLock::new(1, &readers, 'a'), ShardLock::new(257, &readers, 'b'));
    open(&one, 2);
    open(&other, 2);
    let guard = one.read(&seat).unwrap();
    assert!(other.read(&seat).is_none());
    assert!(other.read(&other_seat).is_some());
    assert!(other.try_lock().is_none());
    assert_eq!(*guard, 'a');
}

#[test]
fn a_seat_is_for_the_locks_of_its_readers() {
    let (readers, others) = (Readers::new(), Readers::new());
    let (seat, others_seat) = (readers.seat().unwrap(), others.seat().unwrap());
    let lock = ShardLock::new(0, &readers, ());
    open(&lock, 1);
    assert!(lock.read(&others_seat).is_none());
    assert!(lock.read(&seat).is_some());
}

#[test]
fn seats_run_out_and_are_given_back() {
    let readers = Readers::new();
    let mut seats = Vec::new();
    while let Some(seat) = readers.seat() {
        seats.push(seat);
    }
    assert!(seats.len() >= 64);
    seats.swap_remove(10);
    assert!(readers.seat().is_some());
}

#[test]
fn a_panic_unlocks() {
    let readers = Readers::new();
    let seat = readers.seat().unwrap();
    let lock = ShardLock::new(0, &readers, 1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = lock.lock();
        *guard = 2;
        panic!("while it is locked");
    }));
    assert!(panicked.is_err());
    assert_eq!(lock.try_lock().map(|guard| *guard), Some(2));
    open(&lock, 1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let guard = lock.read(&seat).unwrap();
        panic!("while {} is read", *guard);
    }));
    assert!(panicked.is_err());
    assert!(lock.try_lock().is_some());
}

#[test]
fn a_forgotten_guard_holds_up_writers_until_its_seat_is_given_back() {
    let readers = Readers::new();
    let seat = readers.seat().unwrap();
    let lock = ShardLock::new(0, &readers, ());
    open(&lock, 1);
    std::mem::forget(lock.read(&seat));
    assert!(lock.try_lock().is_none());
    drop(seat);
    assert!(lock.try_lock().is_some());
}

#[test]
fn who_waits_for_a_lock_or_for_its_reader_gets_it() {
    let readers = Readers::new();
    let lock = ShardLock::new(0, &readers, 0);
    let seat = readers.seat().unwrap();
    thread::scope(|scope| {
        let guard = lock.lock();
        for _ in 0..2 {
            scope.spawn(|| *lock.lock() += 1);
        }
        drop(guard);
    });
    open(&lock, 1);
    thread::scope(|scope| {
        let guard = lock.read(&seat).unwrap();
        let waiting = scope.spawn(|| *lock.lock() += 1);
        assert_eq!(*guard, 2);
        drop(guard);
        waiting.join().unwrap();
    });
    assert_eq!(*lock.lock(), 3);
}

/// Long enough that a reader and a writer at the same time would see it half written.
type Wide = [u64; 24];

/// Reads without the lock if possible, or with it. Returns the value, which must be whole, and whether it needed no lock.
fn read(lock: &ShardLock<Wide>, seat: &Seat) -> (u64, bool) {
    let whole = |value: &Wide| {
        assert!(value.iter().all(|part| *part == value[0]), "a torn value: {value:?}");
        value[0]
    };
    if let Some(guard) = lock.read(seat) {
        return (whole(&guard), true);
    }
    let mut guard = lock.lock();
    guard.only_read();
    (whole(&guard), false)
}

/// Adds one to all parts, taking the lock in one of the three ways.
fn write(lock: &ShardLock<Wide>, way: u64) -> bool {
    let guard = match way % 3 {
        0 => Some(lock.lock()),
        1 => lock.try_lock(),
        _ => lock.lock_soon(&mut 20),
    };
    guard.is_some_and(|mut guard| {
        guard.iter_mut().for_each(|part| *part += 1);
        true
    })
}

/// How many operations each thread of the load runs: fewer under a checker of memory errors, which says so by asking for
/// fewer cases of property tests.
fn rounds() -> u64 {
    if std::env::var_os("PROPTEST_CASES").is_some() { 2_000 } else { 100_000 }
}

#[test]
fn readers_and_writers_on_many_threads() {
    const LOCKS: usize = 3;
    let readers = Readers::new();
    let locks: [ShardLock<Wide>; LOCKS] =
        std::array::from_fn(|number| ShardLock::new(number, &readers, Wide::default()));
    let begin = Barrier::new(5);
    let (locks, begin, readers) = (&locks, &begin, &readers);
    let (written, free_reads) = thread::scope(|scope| {
        // One changes little, so that locks open; the other one changes much.
        let writers = [16, 2].map(|rarely| {
            scope.spawn(move || {
                let seat = readers.seat().unwrap();
                let mut written = [0; LOCKS];
                begin.wait();
                for round in 0..rounds() {
                    let number = (round % LOCKS as u64) as usize;
                    if round % rarely == 0 {
                        written[number] += u64::from(write(&locks[number], round / 7));
                    } else {
                        read(&locks[number], &seat);
                    }
                }
                written
            })
        });
        let only_readers = [(); 3].map(|()| {
            scope.spawn(move || {
                let mut seat = readers.seat().unwrap();
                let (mut seen, mut free) = ([0; LOCKS], 0u64);
                begin.wait();
                for round in 0..rounds() {
                    let number = (round / 5 % LOCKS as u64) as usize;
                    let (value, is_free) = read(&locks[number], &seat);
                    assert!(value >= seen[number], "time went back");
                    seen[number] = value;
                    free += u64::from(is_free);
                    if round % 1000 == 0 {
                        drop(seat);
                        seat = readers.seat().unwrap();
                    }
                }
                free
            })
        });
        let written: Vec<_> = writers.into_iter().map(|thread| thread.join().unwrap()).collect();
        let free: u64 = only_readers.into_iter().map(|thread| thread.join().unwrap()).sum();
        (written, free)
    });
    for (number, lock) in locks.iter().enumerate() {
        let sum: u64 = written.iter().map(|written| written[number]).sum();
        assert_eq!(*lock.lock(), [sum; 24]);
    }
    assert!(free_reads > 0);
}

#[test]
fn a_lock_that_readers_open_again_and_again_stays_open_for_some_writers() {
    let readers = Readers::new();
    let (lock, seat) = (ShardLock::new(0, &readers, 0), readers.seat().unwrap());
    let is_open = || lock.read(&seat).is_some();
    let write = || *lock.lock() += 1;
    let open = || lock.lock().only_read();
    open();
    for writers in [0, 1, 3, 7, 15, 15] {
        for _ in 0..writers {
            write();
            assert!(is_open());
        }
        write();
        assert!(!is_open());
        open();
        assert!(is_open());
    }
    // Nobody reads any more: that is forgotten.
    for _ in 0..17 {
        write();
    }
    assert!(!is_open());
    open();
    write();
    assert!(!is_open());
}
