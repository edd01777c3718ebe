//! Giving memory back in the background.

use crate::server::Server;
use carnelian_engine::Garbage;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock, mpsc};

/// The thread that frees what nobody waits for, from the first time on that there is something. It ends with the server.
#[derive(Default)]
pub(crate) struct Reclaimer(OnceLock<Option<mpsc::Sender<Job>>>);

struct Job {
    server: Arc<Server>,
    garbage: Vec<Garbage>,
}

impl Job {
    fn run(self) {
        let Self { server, garbage } = self;
        let objects = count(&garbage);
        drop(garbage);
        // What this thread has freed is known before it says so.
        crate::memory::publish();
        server.totals.lazily_freeing.fetch_sub(objects, Relaxed);
        server.totals.lazily_freed.fetch_add(objects, Relaxed);
    }
}

impl Reclaimer {
    /// Has data freed. INFO counts it as pending until then.
    pub(crate) fn free(&self, server: &Arc<Server>, garbage: Vec<Garbage>) {
        server.totals.lazily_freeing.fetch_add(count(&garbage), Relaxed);
        let job = Job { server: Arc::clone(server), garbage };
        match self.0.get_or_init(start) {
            Some(thread) => {
                if let Err(mpsc::SendError(job)) = thread.send(job) {
                    job.run();
                }
            }
            // There is nobody to leave it to.
            None => job.run(),
        }
    }
}

fn start() -> Option<mpsc::Sender<Job>> {
    let (sender, jobs) = mpsc::channel::<Job>();
    let free = move || {
        for job in jobs {
            let _seated = job.server.memory.seat();
            job.run();
        }
    };
    std::thread::Builder::new().name("lazy-free".into()).spawn(free).ok().map(|_| sender)
}

fn count(garbage: &[Garbage]) -> u64 {
    garbage.iter().map(Garbage::objects).sum::<usize>() as u64
}
