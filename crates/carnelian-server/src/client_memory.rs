//! The memory of all clients together: above `maxmemory-clients` the largest ones are disconnected.
//!
//! Each connection counts what its client takes after each batch of commands, and only while there is a limit.

use crate::client::ClientHandle;
use crate::config::{Config, id};
use crate::inbox::Mail;
use crate::log::Level;
use crate::server::Server;
use parking_lot::Mutex;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};

/// A lower limit would leave nobody who could raise it.
const LIMIT_MIN: u64 = 128 * 1024;

/// Sizes that DEBUG CLIENT-EVICTION tells apart: the first is below 32 KiB, the last from 4 GiB on.
const SIZES: usize = 19;
/// The second of them begins at this power of two.
const SMALLEST_LOG2: usize = 15;

/// What the clients take, as far as it has been counted.
#[derive(Debug, Default)]
pub(crate) struct ClientMemory {
    /// Bytes that all clients together have to stay below; 0 without a limit.
    limit: AtomicUsize,
    /// The sum of what the clients count for.
    total: AtomicUsize,
    /// Of clients that have been disconnected and are still to let go of it.
    leaving: AtomicUsize,
    /// Held by the one who chooses.
    choosing: Mutex<()>,
    /// Nobody is left to disconnect although they take too much.
    exhausted: AtomicBool,
}

impl ClientMemory {
    /// Has a client count for so many bytes.
    fn count(&self, client: &ClientHandle, bytes: usize) {
        let before = client.counted_bytes.swap(bytes, SeqCst);
        if before != bytes {
            // Both wrap around alike.
            self.total.fetch_add(bytes.wrapping_sub(before), SeqCst);
        }
    }

    /// Counts a client, unless it is on its way out.
    fn update(&self, client: &ClientHandle) {
        self.count(client, client.memory_bytes());
        // Whoever disconnects it says so before taking it off: one of the two sees what the other did.
        if client.closing.load(SeqCst) {
            self.count(client, 0);
        }
    }

    /// A client is gone.
    pub(crate) fn forget(&self, client: &ClientHandle) {
        client.closing.store(true, SeqCst);
        self.count(client, 0);
        self.leaving.fetch_sub(client.leaving_bytes.swap(0, SeqCst), SeqCst);
    }

    /// A client is to go; until it has gone its memory is on its way back.
    fn dismiss(&self, client: &ClientHandle) {
        let bytes = client.counted_bytes.load(SeqCst);
        client.closing.store(true, SeqCst);
        self.count(client, 0);
        client.leaving_bytes.store(bytes, SeqCst);
        self.leaving.fetch_add(bytes, SeqCst);
    }

    /// Bytes that disconnected clients are about to let go of: keys need not give way for them.
    pub(crate) fn leaving(&self) -> u64 {
        self.leaving.load(Relaxed) as u64
    }
}

/// The limit that a configuration sets: bytes, or a percentage of `maxmemory`.
fn limit(config: &Config) -> usize {
    let setting = config.int(id::MAXMEMORY_CLIENTS);
    let bytes = match setting {
        0 => return 0,
        1.. => setting.unsigned_abs(),
        _ => {
            let whole = u128::from(config.uint(id::MAXMEMORY));
            if whole == 0 {
                return 0;
            }
            u64::try_from(whole * u128::from(setting.unsigned_abs()) / 100).unwrap_or(u64::MAX)
        }
    };
    usize::try_from(bytes.max(LIMIT_MIN)).unwrap_or(usize::MAX)
}

impl Server {
    /// Takes over `maxmemory-clients`. The limit holds from the end of the next batch on that any client sends.
    pub(crate) fn set_client_limit(&self, config: &Config) {
        let memory = &self.client_memory;
        let limit = limit(config);
        if memory.limit.swap(limit, SeqCst) == 0 && limit != 0 {
            // Nobody has counted until now.
            self.clients.lock().values().for_each(|client| memory.update(client));
        }
    }

    /// Counts what a client takes, and disconnects the largest ones while they all take too much.
    #[inline]
    pub(crate) fn account(&self, client: &ClientHandle) {
        let limit = self.client_memory.limit.load(Relaxed);
        if limit != 0 {
            self.client_memory.update(client);
            if self.client_memory.total.load(SeqCst) >= limit {
                self.disconnect_largest(limit);
            } else if self.client_memory.exhausted.load(Relaxed) {
                self.client_memory.exhausted.store(false, Relaxed);
            }
        }
    }

    #[cold]
    fn disconnect_largest(&self, limit: usize) {
        let memory = &self.client_memory;
        let _choosing = memory.choosing.lock();
        while memory.total.load(SeqCst) >= limit {
            let Some(client) = self.largest_client() else {
                if !memory.exhausted.swap(true, Relaxed) {
                    self.log.warning("Over client maxmemory after evicting all evictable clients");
                }
                return;
            };
            self.log.write(
                Level::Notice,
                format_args!(
                    "Evicting client: id={} addr={} name={} tot-mem={}",
                    client.id,
                    client.address,
                    client.details.lock().name.escape_ascii(),
                    client.memory_bytes()
                ),
            );
            {
                let mut connected = self.clients.lock();
                // Whoever has left the register has no more to let go of.
                if connected.remove(&client.id).is_none() {
                    continue;
                }
                memory.dismiss(&client);
            }
            client.inbox.send(Mail::Kill);
            self.totals.evicted_clients.fetch_add(1, Relaxed);
        }
    }

    /// How many clients count for how much, by powers of two (DEBUG CLIENT-EVICTION); `None` without a limit.
    pub(crate) fn client_sizes(&self) -> Option<String> {
        if self.client_memory.limit.load(Relaxed) == 0 {
            return None;
        }
        let mut sizes = [(0, 0); SIZES];
        for client in self.clients.lock().values().filter(|client| !client.no_evict.load(Relaxed)) {
            let bytes = client.counted_bytes.load(SeqCst);
            let size = (usize::BITS - (bytes >> SMALLEST_LOG2).leading_zeros()) as usize;
            let (sum, count) = &mut sizes[size.min(SIZES - 1)];
            *sum += bytes;
            *count += 1;
        }
        let mut text = String::new();
        for (size, (sum, count)) in sizes.into_iter().enumerate() {
            let from = if size == 0 { 0 } else { 1usize << (SMALLEST_LOG2 + size - 1) };
            let range = if size == SIZES - 1 {
                format!("{from:>10}+            ")
            } else {
                format!("{from:>10} - {:>10}", (1usize << (SMALLEST_LOG2 + size)) - 1)
            };
            // Writing to a string does not fail.
            let _ = writeln!(text, "bucket {range}: tot-mem: {sum:>10}, clients: {count}");
        }
        Some(text)
    }

    /// The client that counts for most, of those that may be disconnected.
    fn largest_client(&self) -> Option<Arc<ClientHandle>> {
        let mut largest: Option<(usize, &Arc<ClientHandle>)> = None;
        let connected = self.clients.lock();
        for client in connected.values() {
            let bytes = client.counted_bytes.load(SeqCst);
            if !client.no_evict.load(Relaxed)
                && !client.closing.load(SeqCst)
                && largest.is_none_or(|(most, _)| bytes > most)
            {
                largest = Some((bytes, client));
            }
        }
        largest.map(|(_, client)| Arc::clone(client))
    }
}
