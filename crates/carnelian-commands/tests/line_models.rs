//! Models of the line of clients that found a shard held: its own source, on memory and threads that run through every
//! order the memory model allows (loom). A client that is not told of a release waits for ever, which loom finds; the real
//! ones would try again by themselves after a while.

#[path = "../src/line.rs"]
mod line;

/// In the place of the crate's own: what the line needs of them.
mod session {
    use std::sync::Arc;

    pub(crate) trait Client: Send + Sync {
        fn retry(&self);
    }

    pub(crate) struct Session {
        pub(crate) id: u64,
        pub(crate) in_line: bool,
        pub(crate) client: Arc<dyn Client>,
    }
}

/// In the place of the crate's own: see there.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU64, AtomicUsize};

    // The first try in vain makes a client the first.
    pub(crate) const PATIENCE: u32 = 0;

    /// With the interface of `parking_lot`.
    #[derive(Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }
}

use carnelian_engine::ShardSet;
use line::Line;
use loom::sync::atomic::{AtomicBool, Ordering::SeqCst};
use loom::sync::{Condvar, Mutex};
use loom::thread;
use session::{Client, Session};
use std::sync::Arc;

/// Where a connection is told to try again.
#[derive(Default)]
struct Mail {
    retry: Mutex<bool>,
    came: Condvar,
}

impl Client for Mail {
    fn retry(&self) {
        *self.retry.lock().unwrap() = true;
        self.came.notify_one();
    }
}

impl Mail {
    fn wait(&self) {
        let mut retry = self.retry.lock().unwrap();
        while !*retry {
            retry = self.came.wait(retry).unwrap();
        }
        *retry = false;
    }
}

/// The line, and shards that are locked or not.
#[derive(Default)]
struct Model {
    line: Line,
    shards: [AtomicBool; 2],
}

impl Model {
    /// Locks shards in ascending order, or none.
    fn lock(&self, shards: &[usize]) -> Result<(), usize> {
        for (place, &shard) in shards.iter().enumerate() {
            if self.shards[shard].swap(true, SeqCst) {
                self.unlock(&shards[..place]);
                return Err(shard);
            }
        }
        Ok(())
    }

    fn unlock(&self, shards: &[usize]) {
        for &shard in shards {
            self.shards[shard].swap(false, SeqCst);
        }
    }

    /// What a connection does with a command on these shards. It ends before the command has run if that does not succeed
    /// in `tries`.
    fn run(&self, id: u64, shards: &[usize], tries: usize) {
        let mail = Arc::new(Mail::default());
        let mut session = Session { id, in_line: false, client: Arc::<Mail>::clone(&mail) };
        let mut set = ShardSet::EMPTY;
        for shard in shards {
            set.insert(*shard);
        }
        let mut tried = 0;
        while self.line.attempt(&mut session, set, || self.lock(shards)).is_none() {
            tried += 1;
            if tried == tries {
                self.line.leave(&mut session);
                return;
            }
            mail.wait();
        }
        self.line.leave(&mut session);
        self.unlock(shards);
        self.line.released();
    }
}

/// For ever.
const PATIENT: usize = usize::MAX;

/// Runs commands on these shards, each by a client of its own that tries so many times, at the same time, and sees that
/// all of them end.
fn check(preemptions: Option<usize>, commands: &'static [(&'static [usize], usize)]) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(move || {
        let model = Arc::new(Model::default());
        let (here, elsewhere) = commands.split_first().unwrap();
        let threads: Vec<_> = elsewhere
            .iter()
            .zip(2..)
            .map(|(&(shards, tries), id)| {
                let model = Arc::clone(&model);
                thread::spawn(move || model.run(id, shards, tries))
            })
            .collect();
        model.run(1, here.0, here.1);
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(!model.line.has_first());
        assert_eq!(model.lock(&[0, 1]), Ok(()), "everything is released");
    });
}

#[test]
fn two_clients_want_one_shard() {
    check(None, &[(&[0], PATIENT), (&[0], PATIENT)]);
}

#[test]
fn three_clients_want_one_shard() {
    check(Some(4), &[(&[0], PATIENT), (&[0], PATIENT), (&[0], PATIENT)]);
}

#[test]
fn a_shard_is_held_by_a_client_that_waits_for_another_one() {
    check(Some(4), &[(&[0], PATIENT), (&[0, 1], PATIENT), (&[1], PATIENT)]);
}

#[test]
fn clients_on_other_shards_are_not_held_up() {
    check(Some(4), &[(&[0, 1], PATIENT), (&[0], PATIENT), (&[1], PATIENT)]);
}

#[test]
fn the_first_client_ends_while_another_one_waits_for_it() {
    check(Some(3), &[(&[0], PATIENT), (&[0], PATIENT), (&[0], 1)]);
}
