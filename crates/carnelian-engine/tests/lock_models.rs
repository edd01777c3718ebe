//! Models of the lock: its own source, on memory and threads that run through every order the memory model allows
//! (loom). They fail for a torn or stale value, for a reader and a writer of the value at the same time, and for threads
//! that wait for ever.

#[path = "../src/lock.rs"]
#[allow(unreachable_pub, dead_code, reason = "in the crate it is public, and all of it is used")]
mod lock;

/// In the place of the crate's own: see there.
mod sync {
    use loom::cell::{ConstPtr, MutPtr, UnsafeCell};
    pub(crate) use loom::hint::spin_loop;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};
    pub(crate) use loom::thread::yield_now;

    // As few as there can be: each makes many times more orders.
    pub(crate) const SEATS: usize = 2;
    pub(crate) const SPINS_BEFORE_SLEEP: u32 = 0;
    pub(crate) const SPINS_FOR_READERS: u32 = 0;

    pub(crate) fn in_one_order() {
        loom::sync::atomic::fence(loom::sync::atomic::Ordering::SeqCst);
    }

    pub(crate) struct Shared<T>(UnsafeCell<T>);

    impl<T> Shared<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(UnsafeCell::new(value))
        }

        pub(crate) fn get(&self) -> ConstPtr<T> {
            self.0.get()
        }

        pub(crate) fn get_mut(&self) -> MutPtr<T> {
            self.0.get_mut()
        }
    }

    pub(crate) type Reading<T> = ConstPtr<T>;
    pub(crate) type Writing<T> = MutPtr<T>;

    /// With the interface of `parking_lot`.
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);
    pub(crate) struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);
    pub(crate) struct Condvar(loom::sync::Condvar);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().unwrap()))
        }
    }

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self(loom::sync::Condvar::new())
        }

        pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            guard.0 = guard.0.take().map(|guard| self.0.wait(guard).unwrap());
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

use lock::{Readers, Seat, ShardLock};
use loom::thread;
use std::sync::Arc;

/// Two halves that every writer changes together.
type Pair = (u32, u32);

struct Model {
    readers: Readers,
    lock: Arc<ShardLock<Pair>>,
}

impl Model {
    /// A closed lock.
    fn new() -> Self {
        let readers = Readers::new();
        let lock = Arc::new(ShardLock::new(70, &readers, (0, 0)));
        Self { readers, lock }
    }

    /// A lock that is open to a reader, and its seat.
    fn open() -> (Self, Seat) {
        let model = Self::new();
        let seat = model.readers.seat().unwrap();
        model.lock.lock().only_read();
        (model, seat)
    }

    fn spawn<R: 'static>(&self, run: impl FnOnce(&ShardLock<Pair>) -> R + 'static) -> thread::JoinHandle<R> {
        let lock = Arc::clone(&self.lock);
        thread::spawn(move || run(&lock))
    }
}

fn write(lock: &ShardLock<Pair>) {
    add_one(&mut lock.lock());
}

fn add_one(pair: &mut Pair) {
    pair.0 += 1;
    thread::yield_now();
    pair.1 += 1;
}

/// What a seated reader sees, if it gets in.
fn read(lock: &ShardLock<Pair>, seat: &Seat) -> Option<u32> {
    let pair = lock.read(seat)?;
    let first = pair.0;
    thread::yield_now();
    assert_eq!(first, pair.1, "a torn value");
    Some(first)
}

/// As the shards are read: without the lock if possible, else with it.
fn read_somehow(lock: &ShardLock<Pair>, seat: &Seat) -> u32 {
    read(lock, seat).unwrap_or_else(|| {
        let mut pair = lock.lock();
        pair.only_read();
        assert_eq!(pair.0, pair.1, "a torn value");
        pair.0
    })
}

fn join<R>(thread: thread::JoinHandle<R>) -> R {
    thread.join().unwrap()
}

#[test]
fn two_writers() {
    loom::model(|| {
        let model = Model::new();
        let other = model.spawn(write);
        write(&model.lock);
        join(other);
        assert_eq!(*model.lock.lock(), (2, 2));
    });
}

#[test]
fn a_reader_and_a_writer() {
    loom::model(|| {
        let (model, seat) = Model::open();
        let reader = model.spawn(move |lock| read(lock, &seat));
        write(&model.lock);
        assert!(join(reader).is_none_or(|seen| seen <= 1));
        assert_eq!(*model.lock.lock(), (1, 1));
    });
}

#[test]
fn a_reader_reads_twice_and_does_not_see_time_go_back() {
    loom::model(|| {
        let (model, seat) = Model::open();
        let reader = model.spawn(move |lock| (read_somehow(lock, &seat), read_somehow(lock, &seat)));
        write(&model.lock);
        let (first, second) = join(reader);
        assert!(first <= second && second <= 1);
    });
}

#[test]
fn two_readers_and_a_writer() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| {
        let (model, seat) = Model::open();
        let other_seat = model.readers.seat().unwrap();
        let readers =
            [model.spawn(move |lock| read(lock, &seat)), model.spawn(move |lock| read(lock, &other_seat))];
        write(&model.lock);
        for reader in readers {
            assert!(join(reader).is_none_or(|seen| seen <= 1));
        }
    });
}

#[test]
fn readers_do_not_exclude_each_other() {
    loom::model(|| {
        let (model, seat) = Model::open();
        let reader = model.spawn(move |lock| read(lock, &seat));
        let seat = model.readers.seat().unwrap();
        assert_eq!(read(&model.lock, &seat), Some(0));
        assert_eq!(join(reader), Some(0));
    });
}

#[test]
fn a_reader_that_finds_it_closed_takes_the_lock_and_opens_it() {
    loom::model(|| {
        let model = Model::new();
        let seat = model.readers.seat().unwrap();
        let other = model.spawn(write);
        let seen = read_somehow(&model.lock, &seat);
        join(other);
        assert!(seen <= 1);
        assert_eq!(read_somehow(&model.lock, &seat), 1);
        assert_eq!(read(&model.lock, &seat), Some(1), "nobody wrote since it was read");
    });
}

#[test]
fn who_is_let_in_sees_what_was_written_before() {
    loom::model(|| {
        // The reader may find it open before the write and look again after it.
        let (model, seat) = Model::open();
        let other = model.spawn(|lock| {
            write(lock);
            lock.lock().only_read();
        });
        assert!(read(&model.lock, &seat).is_none_or(|seen| seen <= 1));
        join(other);
    });
}

#[test]
fn a_reader_and_who_tries_to_write() {
    loom::model(|| {
        let (model, seat) = Model::open();
        let writer = model.spawn(|lock| lock.try_lock().map(|mut pair| add_one(&mut pair)).is_some());
        let seen = read(&model.lock, &seat);
        let written = join(writer);
        // Each may have kept the other one out.
        assert!(seen.is_none_or(|seen| seen <= u32::from(written)));
        assert_eq!(model.lock.lock().0, u32::from(written));
    });
}

#[test]
fn trying_never_waits_for_who_has_it() {
    loom::model(|| {
        let model = Model::new();
        let guard = model.lock.lock();
        let other = model.spawn(|lock| lock.try_lock().is_none() && lock.lock_soon(&mut 1).is_none());
        assert!(join(other));
        drop(guard);
        assert!(model.lock.try_lock().is_some());
    });
}

#[test]
fn trying_fails_for_as_long_as_somebody_reads_and_others_wait() {
    loom::model(|| {
        let (model, seat) = Model::open();
        let guard = model.lock.read(&seat).unwrap();
        assert!(model.lock.try_lock().is_none());
        let other = model.spawn(write);
        assert_eq!(*guard, (0, 0));
        drop(guard);
        join(other);
    });
}

#[test]
fn unlocking_wakes_who_sleeps() {
    loom::model(|| {
        let model = Model::new();
        let guard = model.lock.lock();
        let other = model.spawn(write);
        drop(guard);
        join(other);
        assert_eq!(model.lock.lock().0, 1);
    });
}

#[test]
fn all_who_sleep_get_their_turn() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| {
        let model = Model::new();
        let others = [model.spawn(write), model.spawn(write)];
        write(&model.lock);
        for other in others {
            join(other);
        }
        assert_eq!(model.lock.lock().0, 3);
    });
}

#[test]
fn who_takes_a_seat_while_somebody_locks_is_seen() {
    loom::model(|| {
        let (model, seat) = Model::open();
        let readers = model.readers.clone();
        let reader = model.spawn(move |lock| read(lock, &readers.seat().unwrap()));
        write(&model.lock);
        assert!(join(reader).is_none_or(|seen| seen <= 1));
        drop(seat);
    });
}

#[test]
fn a_seat_changes_hands() {
    loom::model(|| {
        let (model, seat) = Model::open();
        let reader = model.spawn(move |lock| read(lock, &seat));
        let readers = model.readers.clone();
        let other = model.spawn(move |lock| read(lock, &readers.seat().unwrap()));
        assert_eq!((join(reader), join(other)), (Some(0), Some(0)));
        write(&model.lock);
    });
}

#[test]
fn a_look_that_does_not_count_leaves_an_open_lock_open() {
    loom::model(|| {
        let (model, seat) = Model::open();
        let reader = model.spawn(move |lock| read(lock, &seat));
        model.lock.lock().keep();
        assert!(join(reader).is_none_or(|seen| seen == 0));
        let seat = model.readers.seat().unwrap();
        assert_eq!(read(&model.lock, &seat), Some(0));
    });
}

#[test]
fn a_writer_that_leaves_it_open_is_seen_by_the_readers_that_follow() {
    loom::model(|| {
        let (model, seat) = Model::open();
        write(&model.lock);
        model.lock.lock().only_read();
        let reader = model.spawn(move |lock| (read(lock, &seat), read(lock, &seat)));
        write(&model.lock);
        let (first, second) = join(reader);
        assert!(first.is_none_or(|seen| (1..=2).contains(&seen)));
        assert!(second.is_none_or(|seen| (first.unwrap_or(1)..=2).contains(&seen)));
        assert_eq!(model.lock.lock().0, 2);
    });
}
