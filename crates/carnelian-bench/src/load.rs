//! The load itself: clients that send one buffer over and over and count the replies.

use std::convert::Infallible;
use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, Interest};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::latency::Latencies;
use crate::options::{Options, Target};
use crate::rng::SplitMix64;
use crate::skip::ReplySkipper;
use crate::stream::Stream;
use crate::template::{Template, encode};

/// How often the progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// How many connections a thread opens at once: a server's listen backlog is short.
const CONNECTING_MAX: usize = 64;
/// Room for the replies of one read.
const READ_BYTES: usize = 16 * 1024;

/// Why a run ended before its time.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// The server does not accept connections.
    Connect(Target, io::Error),
    /// A connection broke.
    Io(io::Error),
    /// The server closed a connection.
    Closed,
    /// The server does not speak RESP.
    Protocol(crate::skip::SkipError),
    /// The server answered with this error.
    Server(String),
    /// The command times the pipeline does not fit in memory.
    TooBig,
    /// This machine has no more threads.
    Thread(io::Error),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(target, error) => {
                write!(f, "Could not connect to Redis at {target}: {}", plain(error))
            }
            Self::Io(error) => write!(f, "Error: {}", plain(error)),
            Self::Closed => f.write_str("Error: Server closed the connection"),
            Self::Protocol(error) => write!(f, "Error: {error}"),
            Self::Server(message) => write!(f, "Error from server: {message}"),
            Self::TooBig => f.write_str("Error: the command times the pipeline is more than 2 GiB"),
            Self::Thread(error) => write!(f, "Error: cannot start a thread: {}", plain(error)),
        }
    }
}

/// The text of an error without the number that Rust puts behind it.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// What has happened so far, four times a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    pub(crate) interval_rps: f64,
    pub(crate) overall_rps: f64,
    pub(crate) interval_mean_ms: f64,
    pub(crate) overall_mean_ms: f64,
}

/// What a test came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Requests answered; the last pipeline may take this beyond what was asked for.
    pub(crate) finished: u64,
    pub(crate) elapsed: Duration,
    pub(crate) latencies: Latencies,
}

/// What the clients of all threads share.
struct Shared {
    options: Options,
    /// What a new connection sends first, and how many replies that brings.
    prologue: Vec<u8>,
    prologue_replies: u64,
    issued: AtomicU64,
    finished: AtomicU64,
    /// Sum over finished requests, for the progress.
    latency_us: AtomicU64,
    seed: u64,
    error: Mutex<Option<LoadError>>,
    /// Set once there is an error: everyone stops.
    stop: watch::Sender<bool>,
    failed: AtomicBool,
}

impl Shared {
    fn new(options: &Options) -> Arc<Self> {
        let (prologue, prologue_replies) = prologue(options);
        Arc::new(Self {
            options: options.clone(),
            prologue,
            prologue_replies,
            issued: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            latency_us: AtomicU64::new(0),
            seed: options.seed.unwrap_or_else(SplitMix64::entropy),
            error: Mutex::new(None),
            stop: watch::Sender::new(false),
            failed: AtomicBool::new(false),
        })
    }

    /// Keeps the first error, which is the cause; those that follow from it are noise.
    fn fail(&self, error: LoadError) {
        lock(&self.error).get_or_insert(error);
        self.failed.store(true, Ordering::Release);
        self.stop.send_replace(true);
    }

    fn threads(&self) -> u32 {
        self.options.threads.max(1)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A histogram or an error is whole after every statement, also in a thread that panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// AUTH, CLIENT TRACKING, SELECT and HELLO, as asked for.
fn prologue(options: &Options) -> (Vec<u8>, u64) {
    let mut commands: Vec<Vec<u8>> = Vec::new();
    if let Some(auth) = auth(options) {
        commands.push(auth);
    }
    if options.tracking && !options.resp3 {
        commands.push(encode(&["CLIENT", "TRACKING", "on"]));
    }
    if options.database != 0 {
        commands.push(encode(&["SELECT", options.database.to_string().as_str()]));
    }
    if options.resp3 {
        commands.push(encode(&["HELLO", "3"]));
        // The reference asks before HELLO, which a server refuses or forgets: after it is what is meant.
        if options.tracking {
            commands.push(encode(&["CLIENT", "TRACKING", "on"]));
        }
    }
    (commands.concat(), commands.len() as u64)
}

/// The AUTH command, if there is a password.
pub(crate) fn auth(options: &Options) -> Option<Vec<u8>> {
    let password = options.password.as_deref()?;
    Some(match options.user.as_deref() {
        Some(user) => encode(&[&b"AUTH"[..], user, password]),
        None => encode(&[&b"AUTH"[..], password]),
    })
}

/// One connection and what it sends.
struct Client {
    stream: Stream,
    skipper: ReplySkipper,
    buffer: Vec<u8>,
    /// Nothing has been sent on this connection.
    fresh: bool,
}

impl Client {
    async fn connect(shared: &Shared) -> Result<Self, LoadError> {
        let target = &shared.options.target;
        let stream =
            Stream::connect(target).await.map_err(|error| LoadError::Connect(target.clone(), error))?;
        Ok(Self { stream, skipper: ReplySkipper::default(), buffer: vec![0; READ_BYTES], fresh: true })
    }

    /// Sends `bytes` and waits for `replies` replies; the time until the first of them were there.
    async fn exchange(&mut self, bytes: &[u8], mut replies: u64) -> Result<Duration, LoadError> {
        let start = Instant::now();
        let mut written = self.try_write(bytes)?;
        let mut latency = None;
        while written < bytes.len() || replies > 0 {
            let read = if written == bytes.len() {
                // Clears the readiness itself after a short read, which saves a system call a round.
                self.stream.read(&mut self.buffer).await
            } else {
                // A server may stop reading until someone takes its replies, so read while there is more to send.
                let ready = self
                    .stream
                    .ready(Interest::READABLE | Interest::WRITABLE)
                    .await
                    .map_err(LoadError::Io)?;
                if ready.is_writable() {
                    written += self.try_write(&bytes[written..])?;
                }
                match ready.is_readable().then(|| self.stream.try_read(&mut self.buffer)) {
                    None => continue,
                    Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => continue,
                    Some(read) => read,
                }
            };
            let read = read.map_err(LoadError::Io)?;
            if read == 0 {
                return Err(LoadError::Closed);
            }
            latency.get_or_insert_with(|| start.elapsed());
            let skipped = self.skipper.feed(&self.buffer[..read]).map_err(LoadError::Protocol)?;
            if skipped.errors > 0 {
                let message = self.skipper.first_error().unwrap_or_default();
                return Err(LoadError::Server(String::from_utf8_lossy(message).into_owned()));
            }
            // More replies than requests would make every later count wrong.
            replies = replies.checked_sub(skipped.replies).ok_or_else(|| {
                LoadError::Io(io::Error::new(io::ErrorKind::InvalidData, "more replies than requests"))
            })?;
        }
        Ok(latency.unwrap_or_else(|| start.elapsed()))
    }

    fn try_write(&self, bytes: &[u8]) -> Result<usize, LoadError> {
        match self.stream.try_write(bytes) {
            Ok(written) => Ok(written),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(LoadError::Io(error)),
        }
    }
}

/// One client's life: its share of the requests, until all are issued.
async fn drive(
    shared: &Shared,
    mut client: Client,
    mut template: Template,
    mut rng: SplitMix64,
    latencies: &Mutex<Latencies>,
) -> Result<(), LoadError> {
    let options = &shared.options;
    let pipeline = u64::from(options.pipeline);
    loop {
        let issued = shared.issued.fetch_add(pipeline, Ordering::Relaxed);
        if issued >= options.requests {
            return Ok(());
        }
        if let Some(limit) = options.random_keys {
            template.randomize(&mut rng, limit);
        }
        let latency = if std::mem::take(&mut client.fresh) && shared.prologue_replies > 0 {
            let first = [&shared.prologue, template.bytes()].concat();
            client.exchange(&first, pipeline + shared.prologue_replies).await?
        } else {
            client.exchange(template.bytes(), pipeline).await?
        };
        // What goes beyond the number asked for, in the last pipeline, is answered but not counted as a latency.
        let counted = pipeline.min(options.requests - issued);
        lock(latencies).record(latency, counted);
        shared.latency_us.fetch_add(latency.as_micros() as u64 * pipeline, Ordering::Relaxed);
        shared.finished.fetch_add(pipeline, Ordering::Relaxed);
        if !options.keep_alive {
            client = Client::connect(shared).await?;
        }
    }
}

/// How many of `clients` the thread `index` of `threads` has.
fn share(clients: u32, threads: u32, index: u32) -> u32 {
    clients / threads + u32::from(index < clients % threads)
}

/// Opens the connections of one thread, a few at a time.
async fn connect_all(shared: &Arc<Shared>, count: u32) -> Result<Vec<Client>, LoadError> {
    let gate = Arc::new(Semaphore::new(CONNECTING_MAX));
    let mut connecting = JoinSet::new();
    for _ in 0..count {
        let (shared, gate) = (shared.clone(), gate.clone());
        connecting.spawn(async move {
            let _permit = gate.acquire().await;
            Client::connect(&shared).await
        });
    }
    let mut clients = Vec::with_capacity(count as usize);
    while let Some(joined) = connecting.join_next().await {
        clients.push(joined.map_err(|error| LoadError::Io(error.into()))??);
    }
    Ok(clients)
}

/// Lets the clients of one thread run until all are done or someone failed.
async fn drive_all(
    shared: &Arc<Shared>,
    clients: Vec<Client>,
    template: &Template,
    latencies: &Arc<Mutex<Latencies>>,
    index: u32,
) -> Result<(), LoadError> {
    let mut stop = shared.stop.subscribe();
    let mut running = JoinSet::new();
    for (number, client) in clients.into_iter().enumerate() {
        let (shared, template, latencies) = (shared.clone(), template.clone(), latencies.clone());
        let rng =
            SplitMix64::new(shared.seed ^ SplitMix64::new(u64::from(index) << 32 | number as u64).next_u64());
        running.spawn(async move { drive(&shared, client, template, rng, &latencies).await });
    }
    loop {
        tokio::select! {
            joined = running.join_next() => match joined {
                None => return Ok(()),
                Some(joined) => joined.map_err(|error| LoadError::Io(error.into()))??,
            },
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, LoadError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LoadError::Thread)
}

/// One thread: connect, wait for the others, drive.
fn work(
    shared: &Arc<Shared>,
    template: &Template,
    latencies: &Arc<Mutex<Latencies>>,
    start: &Barrier,
    index: u32,
) -> Result<(), LoadError> {
    let count = share(shared.options.clients, shared.threads(), index);
    let prepared = runtime().and_then(|runtime| {
        let clients = runtime.block_on(connect_all(shared, count))?;
        Ok((runtime, clients))
    });
    if prepared.is_err() {
        // Before the barrier, so that no thread starts into a run that has failed.
        shared.failed.store(true, Ordering::Release);
    }
    start.wait();
    let (runtime, clients) = prepared?;
    if shared.failed.load(Ordering::Acquire) {
        return Ok(());
    }
    runtime.block_on(drive_all(shared, clients, template, latencies, index))
}

/// Runs one test and tells its progress to `progress` four times a second.
pub(crate) fn measure(
    options: &Options,
    template: &Template,
    progress: &mut dyn FnMut(Progress) -> io::Result<()>,
) -> Result<Outcome, LoadError> {
    let shared = Shared::new(options);
    let threads = shared.threads();
    let histograms: Vec<_> =
        (0..threads).map(|_| Arc::new(Mutex::new(Latencies::new(options.precision)))).collect();
    let barrier = Arc::new(Barrier::new(threads as usize + 1));
    let (done_sender, done) = mpsc::channel();
    let mut handles = Vec::new();
    for (index, latencies) in histograms.iter().enumerate() {
        let (shared, template, latencies) = (shared.clone(), template.clone(), latencies.clone());
        let (barrier, done) = (barrier.clone(), done_sender.clone());
        let thread = std::thread::Builder::new().name(format!("load {index}")).spawn(move || {
            if let Err(error) = work(&shared, &template, &latencies, &barrier, index as u32) {
                shared.fail(error);
            }
            // Whoever waits for this has gone only when the process ends.
            let _ = done.send(Instant::now());
        });
        // Threads that wait at the barrier are left behind: the program ends with this error.
        handles.push(thread.map_err(LoadError::Thread)?);
    }
    drop(done_sender);
    barrier.wait();
    let start = Instant::now();
    let end = watch_progress(&shared, start, &done, progress);
    for handle in handles {
        // A thread that panicked has said so itself, and has recorded nothing.
        if handle.join().is_err() {
            shared.fail(LoadError::Thread(io::Error::other("it panicked")));
        }
    }
    if let Some(error) = lock(&shared.error).take() {
        return Err(error);
    }
    let mut latencies = Latencies::new(options.precision);
    for histogram in &histograms {
        latencies.add(&lock(histogram));
    }
    let finished = shared.finished.load(Ordering::Relaxed);
    Ok(Outcome { finished, elapsed: end.duration_since(start), latencies })
}

/// Waits for all threads, telling the progress meanwhile; the moment the last one was done.
fn watch_progress(
    shared: &Shared,
    start: Instant,
    done: &mpsc::Receiver<Instant>,
    progress: &mut dyn FnMut(Progress) -> io::Result<()>,
) -> Instant {
    let mut end = start;
    let (mut told, mut told_finished, mut told_us) = (start, 0, 0);
    loop {
        match done.recv_timeout(PROGRESS_INTERVAL.saturating_sub(told.elapsed())) {
            Ok(at) => end = end.max(at),
            Err(mpsc::RecvTimeoutError::Disconnected) => return end,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let now = Instant::now();
                let finished = shared.finished.load(Ordering::Relaxed);
                let latency_us = shared.latency_us.load(Ordering::Relaxed);
                let mean_ms = |us: u64, count: u64| us as f64 / count.max(1) as f64 / 1000.0;
                let told_now = progress(Progress {
                    interval_rps: (finished - told_finished) as f64 / (now - told).as_secs_f64(),
                    overall_rps: finished as f64 / (now - start).as_secs_f64(),
                    interval_mean_ms: mean_ms(latency_us.saturating_sub(told_us), finished - told_finished),
                    overall_mean_ms: mean_ms(latency_us, finished),
                });
                if told_now.is_err() {
                    // A terminal that has gone away reads no report either.
                    shared.fail(LoadError::Io(io::ErrorKind::BrokenPipe.into()));
                }
                (told, told_finished, told_us) = (now, finished, latency_us);
            }
        }
    }
}

/// Opens the connections and holds them until one breaks or the user has had enough.
pub(crate) fn idle(options: &Options, terminal: bool, out: &mut dyn Write) -> Result<Infallible, LoadError> {
    let shared = Shared::new(options);
    let clients = options.clients;
    writeln!(out, "Creating {clients} idle connections and waiting forever (Ctrl+C when done)")
        .map_err(LoadError::Io)?;
    runtime()?.block_on(async {
        let connected = connect_all(&shared, clients).await?;
        if terminal {
            write!(out, "clients: {}\r", connected.len())
                .and_then(|()| out.flush())
                .map_err(LoadError::Io)?;
        }
        let mut waiting = JoinSet::new();
        for mut client in connected {
            waiting.spawn(async move {
                loop {
                    match client.stream.read(&mut client.buffer).await {
                        Ok(0) => return LoadError::Closed,
                        Ok(_) => {}
                        Err(error) => return LoadError::Io(error),
                    }
                }
            });
        }
        match waiting.join_next().await {
            Some(Ok(error)) => Err(error),
            Some(Err(error)) => Err(LoadError::Io(error.into())),
            None => Err(LoadError::Closed),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_shared_out_evenly() {
        for (clients, threads) in [(50, 1), (50, 3), (2, 5), (1, 1)] {
            let shares: Vec<u32> = (0..threads).map(|index| share(clients, threads, index)).collect();
            assert_eq!(shares.iter().sum::<u32>(), clients);
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }

    #[test]
    fn the_prologue_logs_in_before_anything_else() {
        let options = Options {
            password: Some(b"pw".to_vec()),
            user: Some(b"joe".to_vec()),
            database: 3,
            resp3: true,
            tracking: true,
            ..Options::default()
        };
        let (bytes, replies) = prologue(&options);
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(replies, 4);
        assert!(
            text.starts_with(
                "*3\r\n$4\r\nAUTH\r\n$3\r\njoe\r\n$2\r\npw\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
            )
        );
        assert!(text.find("HELLO") < text.find("TRACKING"));
        assert_eq!(prologue(&Options::default()), (Vec::new(), 0));
    }

    #[test]
    fn errors_read_as_the_reference_writes_them() {
        let refused = io::Error::from_raw_os_error(111);
        let target = Target::Tcp("127.0.0.1".into(), 18709);
        assert_eq!(
            LoadError::Connect(target, refused).to_string(),
            "Could not connect to Redis at 127.0.0.1:18709: Connection refused"
        );
        assert_eq!(LoadError::Server("ERR no".into()).to_string(), "Error from server: ERR no");
    }
}
