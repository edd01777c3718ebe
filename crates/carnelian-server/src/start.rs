//! Starting and stopping a server, in a process of its own or inside another program.

use crate::apply;
use crate::config::{Config, id};
use crate::cron;
use crate::host::ServerHost;
use crate::listen::{Listeners, OpenListeners};
use crate::loading;
use crate::log::Log;
use crate::memory::{Ledger, MemorySource};
use crate::server::Server;
use crate::worker::WorkerHandle;
use carnelian_commands::Node;
use carnelian_engine::{Engine, EngineOptions};
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// Shards when `shards` is 0: of one worker, and for each of several, which would wait for each other with fewer. Each takes
/// some tens of kilobytes once it has keys.
const SHARDS_ALONE: usize = 16;
const SHARDS_PER_WORKER: usize = 32;

/// How to start a server.
pub struct Options {
    /// The configuration.
    pub config: Config,
    /// Where messages go.
    pub log: Arc<Log>,
    /// How the process' memory is measured.
    pub memory: MemorySource,
    /// End on SIGTERM and SIGINT, as a server in its own process does.
    pub handle_signals: bool,
}

/// Why a server could not start. The text is the log line that says so.
#[derive(Debug)]
pub struct StartError {
    text: String,
    pub(crate) log: Arc<Log>,
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for StartError {}

/// A server that has started.
pub struct RunningServer {
    server: Arc<Server>,
    thread: JoinHandle<()>,
    unix_path: Option<PathBuf>,
}

/// Random bytes of the operating system, as numbers.
fn random_u64() -> u64 {
    let mut bytes = [0; 8];
    // The seed of a hash is all that depends on it; the address of a stack variable and the time are the last resort.
    if rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).is_err() {
        let here = std::ptr::from_ref(&bytes).addr() as u64;
        return here ^ crate::clock::Clock::new().unix_us().rotate_left(32);
    }
    u64::from_ne_bytes(bytes)
}

/// 40 random hexadecimal digits.
pub(crate) fn run_id() -> String {
    (0..5).fold(String::with_capacity(40), |mut id, _| {
        // Writing to a string does not fail.
        let _ = write!(id, "{:08x}", random_u64() as u32);
        id
    })
}

fn shard_count(config: &Config, workers: usize) -> usize {
    match config.uint(id::SHARDS) as usize {
        0 if workers <= 1 => SHARDS_ALONE,
        0 => (workers * SHARDS_PER_WORKER).min(carnelian_engine::MAX_SHARDS),
        shards => shards,
    }
}

/// Starts a server: binds its sockets, serves clients from threads of its own, and loads its dataset. Returns when that is
/// there; until then clients can see how far it is, or end the server.
pub fn start(options: Options) -> Result<RunningServer, StartError> {
    start_and_announce(options, say_mode)
}

/// As [`start`], with something to do once the sockets are bound to this port: what waits for a sign of the server may connect
/// from then on, and it is certain that no other server has its place.
pub(crate) fn start_and_announce(
    options: Options,
    announce: impl FnOnce(&Log, u16),
) -> Result<RunningServer, StartError> {
    let log = Arc::clone(&options.log);
    begin(options, announce).map_err(|text| StartError { text, log })
}

/// Logs what a server is that shows no logo.
pub(crate) fn say_mode(log: &Log, port: u16) {
    log.notice(format_args!("Running mode=standalone, port={port}."));
}

fn begin(options: Options, announce: impl FnOnce(&Log, u16)) -> Result<RunningServer, String> {
    let Options { mut config, log, memory, handle_signals } = options;
    apply::fit_max_clients(&mut config, &log)?;
    let ledger = Ledger::open(memory);
    let _seated = ledger.seat();
    let workers = (config.uint(id::IO_THREADS) as usize).max(1);
    let engine = Arc::new(Engine::new(EngineOptions {
        shards: shard_count(&config, workers),
        databases: config.uint(id::DATABASES) as usize,
        seed: random_u64(),
    }));
    let (exit_sender, exit_receiver) = mpsc::unbounded_channel();
    let server = Arc::new(Server::new(
        config,
        log,
        Arc::clone(&ledger),
        Arc::clone(&engine),
        exit_sender,
        run_id(),
        run_id(),
    ));
    let mut node = Node::new(engine, Arc::new(ServerHost(Arc::clone(&server))));
    for (from, to) in &server.config.read().extras().renamed_commands {
        node.table_mut().rename(from, to).map_err(|error| error.to_string())?;
    }
    let node = Arc::new(node);
    server.set_node(&node);
    let listeners = Listeners::bind(&server.config.read(), &server.log)?;
    let unix_path = listeners.unix_path().map(Into::into);
    let listeners = listeners.open(&server).map_err(|error| format!("Cannot listen: {error}"))?;
    announce(&server.log, server.tcp_sockets.port().unwrap_or(0));
    // What is refused only now is so because Redis finds it out only now: whoever started the server has had its sign.
    {
        let config = server.config.read();
        apply::all(&server, &node, &config)?;
    }
    server.refresh_gate();
    server.log.warning("Server initialized");
    let rdb_path = crate::snapshot::rdb_path(&server.config.read());
    let has_dataset = loading::announce(&server, &node, &rdb_path);
    // What is to happen by the clock, in any thread, this runtime sees to: that of the acceptor.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("Cannot listen: {error}"))?;
    let timers = runtime.handle();
    let handles: io::Result<Vec<_>> =
        (0..workers).map(|index| WorkerHandle::start(&server, &node, timers, index, workers)).collect();
    *server.workers.write() =
        handles.map_err(|error| format!("Fatal: Can't initialize IO thread: {error}"))?;
    server.totals.startup_memory.store(server.used_memory(), Relaxed);
    let thread = std::thread::Builder::new()
        .name("acceptor".into())
        .spawn({
            let (server, node) = (Arc::clone(&server), Arc::clone(&node));
            move || {
                let _seated = server.memory.seat();
                run(&server, node, runtime, listeners, exit_receiver, handle_signals);
            }
        })
        .map_err(|error| format!("Cannot start a thread: {error}"))?;
    let running = RunningServer { server, thread, unix_path };
    if has_dataset {
        match loading::run(&running.server, &node, &rdb_path) {
            Ok(true) => {}
            // A client or a signal has ended the server: whoever waits for the end will see it.
            Ok(false) => return Ok(running),
            Err(text) => {
                drop(node);
                running.stop();
                return Err(text);
            }
        }
    }
    running.server.log.notice("Ready to accept connections");
    Ok(running)
}

impl RunningServer {
    /// The TCP port it listens on now: CONFIG SET can change it.
    pub fn port(&self) -> Option<u16> {
        self.server.tcp_sockets.port()
    }

    /// The commands and the data behind the sockets, for use in this process. Who locks shards here makes the clients that
    /// need them wait. `None` when the server has ended.
    pub fn node(&self) -> Option<Arc<Node>> {
        self.server.node()
    }

    /// The log.
    pub(crate) fn log(&self) -> Arc<Log> {
        Arc::clone(&self.server.log)
    }

    /// Blocks until the server ends by itself: SHUTDOWN or a signal.
    pub fn wait(self) {
        // A panic of the thread has been reported by the thread.
        drop(self.thread.join());
        if let Some(path) = self.unix_path {
            drop(std::fs::remove_file(path));
        }
    }

    /// Ends the server without saving and waits until all its threads have ended.
    pub fn stop(self) {
        self.server.request_exit();
        self.wait();
    }
}

fn run(
    server: &Arc<Server>,
    node: Arc<Node>,
    runtime: Runtime,
    listeners: OpenListeners,
    exit: mpsc::UnboundedReceiver<()>,
    handle_signals: bool,
) {
    runtime.block_on(async {
        if let Err(error) = listeners.accept(server) {
            server.log.warning(format_args!("Cannot accept connections: {error}"));
            return;
        }
        tokio::spawn(cron::keep_running(Arc::clone(server), Arc::clone(&node)));
        wait_for_end(server, &node, exit, handle_signals).await;
    });
    server.loading.give_up();
    // Not locked while they end: their last commands may want to look at the list.
    let workers = std::mem::take(&mut *server.workers.write());
    for worker in workers {
        worker.stop();
    }
    drop(runtime);
    crate::snapshot::wait_for_background_save(server);
}

/// Returns when the server is to end; what had to be saved is saved.
async fn wait_for_end(
    server: &Arc<Server>,
    node: &Arc<Node>,
    mut exit: mpsc::UnboundedReceiver<()>,
    handle_signals: bool,
) {
    use tokio::signal::unix::{SignalKind, signal};
    if !handle_signals {
        exit.recv().await;
        return;
    }
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        server.log.warning("Signals cannot be handled");
        exit.recv().await;
        return;
    };
    // A terminal that goes away must not end the server.
    let hangup = signal(SignalKind::hangup());
    loop {
        let name = tokio::select! {
            _ = exit.recv() => return,
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        if server.loading.is_active() {
            server.log.warning("Received shutdown signal during loading, scheduling shutdown.");
        } else {
            server.log.warning(format_args!("Received {name} scheduling shutdown..."));
        }
        if crate::snapshot::prepare_shutdown(server, node, crate::snapshot::SaveWish::IfConfigured, false) {
            break;
        }
        server.log.warning(format_args!(
            "{name} received but errors trying to shut down the server, check the logs for more information"
        ));
    }
    drop(hangup);
}
