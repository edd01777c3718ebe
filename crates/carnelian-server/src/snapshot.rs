//! Snapshots: writing one on demand, by the clock, and at the end, and reading it back.
//!
//! A snapshot is written to a temporary file, synced, and renamed over the old one, and the directory is synced: the old
//! file is whole until the new one is.

use crate::config::{Config, id};
use crate::listen::error_text;
use crate::persistence::RETRY_S;
use crate::server::Server;
use carnelian_commands::Node;
use carnelian_commands::load::load;
use carnelian_commands::rdb::{AccessInfo, LoadReport, RdbEntryEncoder};
use carnelian_engine::{Engine, EntryEncoder, Keyspace, Shards};
use carnelian_rdb::{FileWriter, WriteOptions};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::time::Duration;

/// Bytes of a shard that are encoded in one hold of its lock.
const STEP_BYTES: usize = 64 * 1024;
/// Bytes written between two syncs, so that the last sync has little left (`rdb-save-incremental-fsync`).
const SYNC_BYTES: u64 = 4 * 1024 * 1024;

/// Whether the end of the server is to be preceded by a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SaveWish {
    /// In any case.
    Always,
    /// In no case.
    Never,
    /// If there are save points.
    IfConfigured,
}

/// How and where to write.
struct Plan {
    directory: PathBuf,
    path: PathBuf,
    temporary: PathBuf,
    options: WriteOptions,
    access: AccessInfo,
    sync_on_the_way: bool,
    now_ms: u64,
    used_memory: u64,
}

impl Plan {
    fn new(server: &Server, config: &Config) -> Self {
        let directory = config.dir().to_path_buf();
        let policy = config.word(id::MAXMEMORY_POLICY);
        let access = if policy.ends_with("lfu") {
            AccessInfo::Frequency
        } else if policy.ends_with("lru") || policy.ends_with("lrm") {
            AccessInfo::Idle
        } else {
            AccessInfo::None
        };
        Self {
            path: rdb_path(config),
            // A background snapshot that is being given up may still have its file.
            temporary: directory.join(match server.persistence.files.fetch_add(1, Relaxed) {
                0 => format!("temp-{}.rdb", std::process::id()),
                number => format!("temp-{}-{number}.rdb", std::process::id()),
            }),
            directory,
            options: WriteOptions {
                version: config.uint(id::RDB_VERSION) as u32,
                compress: config.bool(id::RDBCOMPRESSION),
                checksum: config.bool(id::RDBCHECKSUM),
            },
            access,
            sync_on_the_way: config.bool(id::RDB_SAVE_INCREMENTAL_FSYNC),
            now_ms: server.clock.unix_ms(),
            used_memory: server.used_memory(),
        }
    }

    fn encoder(&self, engine: &Arc<Engine>) -> Box<dyn EntryEncoder> {
        Box::new(RdbEntryEncoder::new(
            engine,
            self.options.version,
            self.options.compress,
            self.access,
            self.now_ms,
        ))
    }

    /// Writes the file; `write_entries` is given the place for them. `commit` is asked to put it in its place, by calling
    /// what it is given.
    fn write(
        &self,
        write_entries: impl FnOnce(&mut Target) -> io::Result<()>,
        commit: impl FnOnce(&dyn Fn() -> io::Result<()>) -> io::Result<()>,
    ) -> io::Result<()> {
        let written = self.write_temporary(write_entries).and_then(|()| {
            commit(&|| std::fs::rename(&self.temporary, &self.path))?;
            File::open(&self.directory)?.sync_all()
        });
        if written.is_err() {
            // Whatever is there of it is of no use; that it may not be there is no matter.
            let _ = std::fs::remove_file(&self.temporary);
        }
        written
    }

    fn write_temporary(&self, write_entries: impl FnOnce(&mut Target) -> io::Result<()>) -> io::Result<()> {
        let file = File::create(&self.temporary)?;
        let mut writer = FileWriter::new(BufWriter::with_capacity(STEP_BYTES, file), self.options)?;
        writer.aux(b"redis-ver", crate::REDIS_VERSION.as_bytes())?;
        writer.aux(b"redis-bits", b"64")?;
        writer.aux(b"ctime", (self.now_ms / 1000).to_string().as_bytes())?;
        writer.aux(b"used-mem", self.used_memory.to_string().as_bytes())?;
        writer.aux(b"aof-base", b"0")?;
        let mut target = Target { writer, synced_bytes: 0, sync_on_the_way: self.sync_on_the_way };
        write_entries(&mut target)?;
        let file = target.writer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()
    }
}

/// The file being written.
struct Target {
    writer: FileWriter<BufWriter<File>>,
    synced_bytes: u64,
    sync_on_the_way: bool,
}

impl Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_raw(bytes)?;
        if self.sync_on_the_way && self.writer.bytes_written() - self.synced_bytes >= SYNC_BYTES {
            self.synced_bytes = self.writer.bytes_written();
            self.writer.get_mut().flush()?;
            self.writer.get_mut().get_ref().sync_data()?;
        }
        Ok(())
    }
}

/// The snapshot file.
pub(crate) fn rdb_path(config: &Config) -> PathBuf {
    config.dir().join(config.path(id::DBFILENAME).unwrap_or_else(|| PathBuf::from("dump.rdb")))
}

fn load_file(server: &Server, keys: &mut Keyspace<'_>, path: &Path) -> Result<LoadReport, String> {
    let file = File::open(path).map_err(|error| {
        format!("Fatal error: can't open the RDB file {} for reading: {}", path.display(), error_text(&error))
    })?;
    let verify = server.config.read().bool(id::RDBCHECKSUM);
    load(BufReader::with_capacity(1 << 18, file), keys, verify).map_err(|error| {
        format!("Fatal error loading the DB, check server logs. Exiting. {}: {error}", path.display())
    })
}

/// Writes a snapshot while the locks of all shards are held.
pub(crate) fn save(server: &Server, engine: &Arc<Engine>, shards: &mut Shards<'_>) -> io::Result<()> {
    let plan = Plan::new(server, &server.config.read());
    let changes = server.total_changes();
    engine.begin_snapshot(shards, || plan.encoder(engine));
    let written = plan.write(
        |target| {
            let mut failure = None;
            engine.snapshot_rest(shards, |bytes| match target.write(bytes) {
                Ok(()) => true,
                Err(error) => {
                    failure = Some(error);
                    false
                }
            });
            failure.map_or(Ok(()), Err)
        },
        |rename| rename(),
    );
    engine.abort_snapshot(shards);
    match &written {
        Ok(()) => {
            server.log.notice("DB saved on disk");
            saved(server, changes, server.clock.unix_ms());
        }
        Err(error) => {
            server.log.warning(format_args!(
                "Error saving DB on disk: {}: {}",
                plan.path.display(),
                error_text(error)
            ));
        }
    }
    written
}

fn saved(server: &Server, changes: u64, now_ms: u64) {
    let state = &server.persistence;
    state.last_save_s.store(now_ms / 1000, Relaxed);
    state.saved_changes.store(changes, Relaxed);
    state.failed.store(false, Relaxed);
    state.saves.fetch_add(1, Relaxed);
}

/// Begins a snapshot in the background; the locks of all shards are held for the cut. False when one is running already.
pub(crate) fn background_save(server: &Arc<Server>, node: &Arc<Node>, shards: &mut Shards<'_>) -> bool {
    let state = &server.persistence;
    if state.running.swap(true, AcqRel) {
        return false;
    }
    *state.abort.lock() = false;
    let plan = Plan::new(server, &server.config.read());
    state.last_try_s.store(plan.now_ms / 1000, Relaxed);
    state.running_since_s.store(plan.now_ms / 1000, Relaxed);
    let changes = server.total_changes();
    let engine = node.engine();
    engine.begin_snapshot(shards, || plan.encoder(engine));
    server.log.notice(format_args!("Background saving started by pid {}", std::process::id()));
    let spawned = std::thread::Builder::new().name("saver".into()).spawn({
        let (server, engine) = (Arc::clone(server), Arc::clone(engine));
        move || {
            let _seated = server.memory.seat();
            write_in_background(&server, &engine, &plan, changes);
        }
    });
    if let Err(error) = spawned {
        engine.abort_snapshot(shards);
        background_ended(server, Err(error), changes);
    }
    true
}

fn write_in_background(server: &Server, engine: &Engine, plan: &Plan, changes: u64) {
    let delay = Duration::from_micros(
        u64::try_from(server.config.read().int(id::RDB_KEY_SAVE_DELAY)).unwrap_or_default(),
    );
    let write = || write_shards(server, engine, plan, delay);
    // A bug that shows in one value must fail this snapshot, not end snapshots for good.
    let written = std::panic::catch_unwind(AssertUnwindSafe(write)).unwrap_or_else(|_| {
        drop(std::fs::remove_file(&plan.temporary));
        Err(io::Error::other("the saver panicked"))
    });
    // Whoever gave it up has freed what it held, and may hold the locks.
    if written.is_err() && !*server.persistence.abort.lock() {
        let mut shards = engine.lock(engine.all_shards());
        engine.abort_snapshot(&mut shards);
    }
    background_ended(server, written, changes);
}

/// Writes the file shard by shard, pausing for `delay` after each hold of a lock.
fn write_shards(server: &Server, engine: &Engine, plan: &Plan, delay: Duration) -> io::Result<()> {
    plan.write(
        |target| {
            let mut bytes = Vec::with_capacity(2 * STEP_BYTES);
            for shard in 0..engine.shard_count() {
                loop {
                    let done = engine.snapshot_step(shard, STEP_BYTES, &mut bytes);
                    target.write(&bytes)?;
                    bytes.clear();
                    if *server.persistence.abort.lock() {
                        return Err(given_up());
                    }
                    if !delay.is_zero() {
                        std::thread::sleep(delay);
                    }
                    if done {
                        break;
                    }
                }
            }
            Ok(())
        },
        |rename| {
            let abort = server.persistence.abort.lock();
            if *abort { Err(given_up()) } else { rename() }
        },
    )
}

fn given_up() -> io::Error {
    io::Error::other("given up")
}

/// Gives up a background snapshot; all locks are held.
pub(crate) fn abort_background(server: &Server, engine: &Engine, shards: &mut Shards<'_>) {
    if server.persistence.running.load(Relaxed) {
        server.log.warning("There is a child saving an .rdb. Killing it!");
        *server.persistence.abort.lock() = true;
        engine.abort_snapshot(shards);
    }
}

fn background_ended(server: &Server, written: io::Result<()>, changes: u64) {
    let state = &server.persistence;
    let now_ms = server.clock.unix_ms();
    let began_s = state.running_since_s.load(Relaxed);
    state.last_duration_s.store((now_ms / 1000).saturating_sub(began_s) as i64, Relaxed);
    match written {
        Ok(()) => {
            server.log.notice("DB saved on disk");
            server.log.notice("Background saving terminated with success");
            saved(server, changes, now_ms);
        }
        Err(_) if *state.abort.lock() => {
            server.log.warning("Background saving terminated by signal 10");
        }
        Err(error) => {
            server.log.warning(format_args!("Failed writing the RDB file: {}", error_text(&error)));
            server.log.warning("Background saving error");
            state.failed.store(true, Relaxed);
        }
    }
    state.running.store(false, Relaxed);
    server.refresh_gate();
}

/// Begins a snapshot if a save point has been reached, or one was asked for while another was running.
pub(crate) fn save_if_due(server: &Arc<Server>, node: &Arc<Node>, now_ms: u64) {
    let state = &server.persistence;
    if state.running.load(Relaxed) || server.loading.is_active() {
        return;
    }
    let scheduled = state.scheduled.swap(false, Relaxed);
    if !scheduled {
        let changes = server.total_changes().saturating_sub(state.saved_changes.load(Relaxed));
        let age_s = (now_ms / 1000).saturating_sub(state.last_save_s.load(Relaxed));
        let config = server.config.read();
        let due = config.save_points().iter().find(|point| changes >= point.changes && age_s > point.seconds);
        let may_try = !state.failed.load(Relaxed)
            || (now_ms / 1000).saturating_sub(state.last_try_s.load(Relaxed)) > RETRY_S;
        match due {
            Some(point) if may_try => server
                .log
                .notice(format_args!("{} changes in {} seconds. Saving...", point.changes, point.seconds)),
            _ => return,
        }
    }
    let engine = node.engine();
    let mut shards = engine.lock(engine.all_shards());
    background_save(server, node, &mut shards);
}

/// Returns when no snapshot is being written any more.
pub(crate) fn wait_for_background_save(server: &Server) {
    *server.persistence.abort.lock() = true;
    while server.persistence.running.load(Relaxed) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Empties the keyspace and loads the snapshot file again (DEBUG RELOAD); all shards are locked.
pub(crate) fn reload(server: &Server, keys: &mut Keyspace<'_>, flush: bool) -> Result<(), String> {
    let path = rdb_path(&server.config.read());
    let selected = keys.db();
    if flush {
        for db in 0..keys.engine().databases() {
            keys.select(db);
            keys.flush(false);
        }
        keys.select(selected);
    }
    keys.effects.rare().events.clear();
    let loaded = load_file(server, keys, &path);
    keys.effects.rare().events.clear();
    loaded.map(drop)
}

/// Saves what is to be saved before the end; false when that failed and the server must go on. `force` ends it all the
/// same. Takes all locks.
pub(crate) fn prepare_shutdown(server: &Arc<Server>, node: &Arc<Node>, wish: SaveWish, force: bool) -> bool {
    let engine = node.engine();
    let mut shards = engine.lock(engine.all_shards());
    prepare_shutdown_locked(server, node, &mut shards, wish, force)
}

/// As [`prepare_shutdown`], for a caller that holds all locks.
pub(crate) fn prepare_shutdown_locked(
    server: &Arc<Server>,
    node: &Arc<Node>,
    shards: &mut Shards<'_>,
    wish: SaveWish,
    force: bool,
) -> bool {
    server.log.warning("User requested shutdown...");
    abort_background(server, node.engine(), shards);
    let wanted = match wish {
        // Half a dataset must not replace the file that holds the whole one.
        _ if server.loading.is_active() => false,
        SaveWish::Always => true,
        SaveWish::Never => false,
        SaveWish::IfConfigured => !server.config.read().save_points().is_empty(),
    };
    if wanted {
        server.log.notice("Saving the final RDB snapshot before exiting.");
        if save(server, node.engine(), shards).is_err() {
            server.log.warning("Error trying to save the DB, can't exit.");
            return force;
        }
    }
    true
}
