//! `--lru-test`: load the server like a cache and watch the hit rate.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use carnelian_resp::Reply;

use crate::connection::LinkError;
use crate::console::{Exit, err, out};
use crate::session::Session;

const ROUND: Duration = Duration::from_secs(1);
const BATCH: usize = 250;
/// With this exponent, 80 % of the requests go to 20 % of the keys.
const EXPONENT: f64 = 6.2;

/// Run until stopped, a line a second.
pub(crate) fn run(session: &mut Session<'_>, keys: u64) -> Result<(), Exit> {
    session.require_connection()?;
    let mut random = Random(RandomState::new().build_hasher().finish() | 1);
    loop {
        let start = Instant::now();
        let (mut hits, mut misses) = (0_u64, 0_u64);
        while start.elapsed() < ROUND {
            let writes = batch(session, |_| {
                let value: Vec<u8> = (0..5).map(|_| b'A' + (random.next() % 57) as u8).collect();
                vec![b"SET".to_vec(), random.key(keys), value]
            })?;
            let reads = batch(session, |_| vec![b"GET".to_vec(), random.key(keys)])?;
            for error in writes.iter().chain(&reads).filter_map(Reply::error) {
                err!(session.console, "{}\n", String::from_utf8_lossy(error));
            }
            for reply in reads.iter().filter(|reply| reply.error().is_none()) {
                *(if reply.is_null() { &mut misses } else { &mut hits }) += 1;
            }
        }
        let all = hits + misses;
        let share = |part: u64| if all == 0 { 0.0 } else { part as f64 / all as f64 * 100.0 };
        let (hit_share, miss_share) = (share(hits), share(misses));
        out!(
            session.console,
            "{all} Gets/sec | Hits: {hits} ({hit_share:.2}%) | Misses: {misses} ({miss_share:.2}%)\n"
        );
        session.console.flush()?;
    }
}

fn batch(session: &mut Session<'_>, command: impl FnMut(usize) -> Vec<Vec<u8>>) -> Result<Vec<Reply>, Exit> {
    let link = session.link()?;
    (0..BATCH).map(command).for_each(|args| link.queue(&args));
    let mut exchange = || -> Result<Vec<Reply>, LinkError> {
        link.send_queued()?;
        (0..BATCH).map(|_| link.read_reply()).collect()
    };
    exchange().map_err(|error| {
        err!(session.console, "I/O error during LRU test: {error}\n");
        Exit::FAILURE
    })
}

/// Xorshift: good enough to choose keys, and quick.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A key out of `keys`, the low numbers far more often than the high ones.
    fn key(&mut self, keys: u64) -> Vec<u8> {
        let uniform = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let end = (keys.max(1) + 1) as f64;
        let power = EXPONENT + 1.0;
        let chosen = ((end.powf(power) - 1.0) * uniform + 1.0).powf(1.0 / power);
        let number = (end - chosen) as u64 + 1;
        format!("lru:{number}").into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_of_five_requests_go_to_a_fifth_of_the_keys() {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let low = (0..10_000)
            .filter(|_| {
                let key = String::from_utf8(random.key(1000)).unwrap();
                let number: u64 = key.strip_prefix("lru:").unwrap().parse().unwrap();
                assert!((1..=1000).contains(&number), "{number}");
                number <= 200
            })
            .count();
        assert!((7_500..8_500).contains(&low), "{low}");
    }
}
