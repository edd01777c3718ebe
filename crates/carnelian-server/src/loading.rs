//! Loading the dataset at start-up, while clients are connected already.
//!
//! Until it is there clients get an error, but for the commands that say that they work without it. The file is read by the
//! thread that starts the server; each entry is stored under the lock of its shard, so that nobody waits for the load.

use crate::config::id;
use crate::listen::error_text;
use crate::server::Server;
use carnelian_commands::Node;
use carnelian_commands::load::{LoadEvent, load_shared};
use carnelian_commands::rdb::LoadReport;
use std::fs::File;
use std::io::{self, BufReader};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Bytes of the file in one read.
const READ_BYTES: usize = 1 << 18;
/// The longest pause without a look at whether the load is to be given up.
const NAP: Duration = Duration::from_millis(50);

/// How far the load is.
#[derive(Debug, Default)]
pub(crate) struct Loading {
    active: AtomicBool,
    /// The server ends: what has been loaded will not be used.
    given_up: AtomicBool,
    /// Second since 1970 in which it began.
    pub(crate) start_s: AtomicU64,
    /// Size of the file.
    pub(crate) total_bytes: AtomicU64,
    /// Bytes of it that have been read.
    pub(crate) loaded_bytes: AtomicU64,
    /// Memory in use when the file was written, as it says.
    pub(crate) file_used_memory: AtomicU64,
    /// `key-load-delay`.
    pub(crate) key_delay: AtomicI64,
}

impl Loading {
    /// Whether the dataset is not there yet.
    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Relaxed)
    }

    /// Ends the load early, if there is one.
    pub(crate) fn give_up(&self) {
        self.given_up.store(true, Relaxed);
    }

    /// Seconds that the rest will take if it goes on like this.
    pub(crate) fn eta_s(&self, now_s: u64) -> u64 {
        let loaded = self.loaded_bytes.load(Relaxed);
        let rest = self.total_bytes.load(Relaxed).saturating_sub(loaded);
        match now_s.saturating_sub(self.start_s.load(Relaxed)) {
            // Nothing is known in the first second.
            0 => 1,
            elapsed_s => elapsed_s.saturating_mul(rest) / (loaded + 1),
        }
    }

    /// The pause behind entry number `entry`: that many microseconds, or one microsecond each so many entries when negative.
    fn pause(&self, entry: u64) {
        let delay = self.key_delay.load(Relaxed);
        let mut rest = match delay {
            0 => return,
            1.. => Duration::from_micros(delay.unsigned_abs()),
            _ if entry.is_multiple_of(delay.unsigned_abs()) => Duration::from_micros(1),
            _ => return,
        };
        while !rest.is_zero() && !self.given_up.load(Relaxed) {
            let nap = rest.min(NAP);
            std::thread::sleep(nap);
            rest -= nap;
        }
    }
}

/// Says that the dataset is not there yet, if there is a file to load: before the first client is accepted.
pub(crate) fn announce(server: &Server, node: &Node, path: &Path) -> bool {
    // A file that cannot be looked at is tried all the same: then it is known what is wrong with it.
    let missing = std::fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    if !missing {
        server.loading.start_s.store(server.clock.unix_ms() / 1000, Relaxed);
        set_active(server, node, true);
    }
    !missing
}

fn set_active(server: &Server, node: &Node, active: bool) {
    node.engine().settings().set_loading(active);
    server.loading.active.store(active, Relaxed);
    server.refresh_gate();
}

/// Loads the file that was announced. False when it was given up because the server ends.
pub(crate) fn run(server: &Server, node: &Node, path: &Path) -> Result<bool, String> {
    let begin_ms = server.clock.unix_ms();
    let Some(report) = load(server, node, path, begin_ms)? else { return Ok(false) };
    set_active(server, node, false);
    count(server, report);
    server.log.notice(format_args!(
        "Done loading RDB, keys loaded: {}, keys expired: {}.",
        report.keys, report.expired
    ));
    let took_ms = server.clock.unix_ms().saturating_sub(begin_ms);
    server.log.notice(format_args!("DB loaded from disk: {:.3} seconds", took_ms as f64 / 1000.0));
    Ok(true)
}

fn count(server: &Server, report: LoadReport) {
    server.persistence.loaded_keys.store(report.keys, Relaxed);
    server.persistence.loaded_expired.store(report.expired, Relaxed);
}

fn load(server: &Server, node: &Node, path: &Path, begin_ms: u64) -> Result<Option<LoadReport>, String> {
    let loading = &server.loading;
    let file = File::open(path).map_err(|error| {
        format!("Fatal error: can't open the RDB file {} for reading: {}", path.display(), error_text(&error))
    })?;
    loading.total_bytes.store(file.metadata().map_or(0, |metadata| metadata.len()), Relaxed);
    let verify = server.config.read().bool(id::RDBCHECKSUM);
    let watch = |event: LoadEvent<'_>| {
        match event {
            LoadEvent::Aux { name, value } => log_aux(server, name, value),
            LoadEvent::Entry { offset, report } => {
                loading.loaded_bytes.store(offset, Relaxed);
                count(server, report);
                loading.pause(report.keys + report.expired);
            }
        }
        if loading.given_up.load(Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    load_shared(BufReader::with_capacity(READ_BYTES, file), node.engine(), begin_ms, verify, watch).map_err(
        |error| {
            format!("Fatal error loading the DB, check server logs. Exiting. {}: {error}", path.display())
        },
    )
}

/// What a file says about itself, in the log.
fn log_aux(server: &Server, name: &[u8], value: &[u8]) {
    let text = String::from_utf8_lossy(value);
    match name {
        b"redis-ver" => server.log.notice(format_args!("Loading RDB produced by version {text}")),
        b"ctime" => {
            let now_s = server.clock.unix_ms() / 1000;
            let age_s = now_s.saturating_sub(text.parse().unwrap_or(0));
            server.log.notice(format_args!("RDB age {age_s} seconds"));
        }
        b"used-mem" => {
            let bytes: u64 = text.parse().unwrap_or(0);
            server.loading.file_used_memory.store(bytes, Relaxed);
            let megabytes = bytes as f64 / (1024.0 * 1024.0);
            server.log.notice(format_args!("RDB memory usage when created {megabytes:.2} Mb"));
        }
        _ => {}
    }
}
