//! How long small commands take beside a client whose commands are long.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use carnelian_client::{ConnectOptions, Connection, Pipeline};

use super::servers::{Contender, Server};

const MEMBERS: u64 = 1_000_000;
const KEYS: u64 = 1_000;
/// Members that one command of the loader adds, and commands that it sends at once.
const LOADED_TOGETHER: u64 = 1_000;
/// Connections that send GETs, opened after the hostile one: some become neighbours of it.
const CONNECTIONS: usize = 4;
/// Bytes of a read.
const READ_BYTES: usize = 64 * 1024;
const INTERVAL: Duration = Duration::from_millis(1);
/// How long the hostile client is at it before anything is measured, and how long that is done.
const WARM_UP: Duration = Duration::from_secs(3);
const WATCHED: Duration = Duration::from_secs(15);

/// One GET.
struct Timing {
    /// From when it was due, or from when it was sent if the client was late.
    took: Duration,
    /// From when it was sent, without what client and server have waited for a core since.
    running: Duration,
}

/// What a thread has waited for a core so far.
struct Waits(Vec<File>);

impl Waits {
    /// Of the threads of a server that serve clients.
    fn of_server(pid: u32) -> Result<Self> {
        let mut files = Vec::new();
        for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            let path = thread?.path();
            let name = std::fs::read_to_string(path.join("comm"))?;
            if name.starts_with("worker-") || path.ends_with(pid.to_string()) {
                files.push(File::open(path.join("schedstat"))?);
            }
        }
        Ok(Self(files))
    }

    fn of_this_thread() -> Result<Self> {
        Ok(Self(vec![File::open("/proc/thread-self/schedstat")?]))
    }

    fn read(&self) -> Result<Vec<Duration>> {
        self.0.iter().map(waited).collect()
    }

    /// The longest wait since then.
    fn longest_since(&self, before: &[Duration]) -> Result<Duration> {
        let now = self.read()?;
        Ok(now.iter().zip(before).map(|(now, before)| now.saturating_sub(*before)).max().unwrap_or_default())
    }
}

/// The second number of a `schedstat`.
fn waited(file: &File) -> Result<Duration> {
    let mut text = [0; 64];
    let length = file.read_at(&mut text, 0)?;
    let text = std::str::from_utf8(&text[..length])?;
    let waited = text.split(' ').nth(1).and_then(|number| number.parse().ok());
    Ok(Duration::from_nanos(waited.context("schedstat has no second number")?))
}

/// Prints for each server how long GETs of several connections take beside a client that runs KEYS and SMEMBERS of a million
/// members over and over.
pub(super) fn run(contenders: &[Contender], scratch: &Path) -> Result<()> {
    println!("GETs of {CONNECTIONS} connections, each one a millisecond, for {} s", WATCHED.as_secs());
    for contender in contenders {
        let cpus: Vec<usize> = (0..contender.threads).collect();
        let server = Server::start(contender, &cpus, scratch)?;
        load(&mut Connection::connect(&ConnectOptions::tcp("127.0.0.1", server.port()))?)?;
        let (over, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
        let begin = Instant::now() + WARM_UP;
        let mut hostile = connect(&server)?;
        let timings = std::thread::scope(|scope| {
            scope.spawn(|| {
                // It ends in the midst of a reply: with an error, or with the server.
                while !over.load(Relaxed)
                    && ask(&mut hostile, b"KEYS *\r\nSMEMBERS big\r\nPING\r\n", b"+PONG\r\n").is_ok()
                {
                    rounds.fetch_add(1, Relaxed);
                }
            });
            // The first round asks for its connection, so that it is older than the others.
            while rounds.load(Relaxed) == 0 && Instant::now() < begin {
                std::thread::sleep(INTERVAL);
            }
            let clients: Vec<_> =
                (0..CONNECTIONS).map(|_| scope.spawn(|| time_gets(&server, begin))).collect();
            let timings: Result<Vec<_>> = clients.into_iter().map(|client| joined(client.join())).collect();
            over.store(true, Relaxed);
            timings
        })?;
        println!("{}: {} rounds of KEYS and SMEMBERS", contender.name, rounds.load(Relaxed));
        for (number, timings) in timings.iter().enumerate() {
            let percentiles = |of: fn(&Timing) -> Duration| {
                let mut all: Vec<Duration> = timings.iter().map(of).collect();
                all.sort_unstable();
                let at =
                    |percent: usize| all.get((all.len() * percent / 100).min(all.len().saturating_sub(1)));
                [50, 99, 100].map(|percent| at(percent).map_or(0.0, |took| took.as_secs_f64() * 1000.0))
            };
            let ([p50, p99, longest], [_, own_p99, own_longest]) =
                (percentiles(|timing| timing.took), percentiles(|timing| timing.running));
            println!(
                "  connection {number}: {} GETs, p50 {p50:.3} ms, p99 {p99:.3} ms, longest {longest:.2} ms; without waiting for \
                 a core p99 {own_p99:.3} ms, longest {own_longest:.2} ms",
                timings.len(),
            );
        }
    }
    Ok(())
}

fn joined<T>(result: std::thread::Result<Result<T>>) -> Result<T> {
    result.unwrap_or_else(|_| bail!("a client panicked"))
}

fn connect(server: &Server) -> Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port()))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends requests and reads until the replies end so.
fn ask(stream: &mut TcpStream, requests: &[u8], end: &[u8]) -> Result<()> {
    stream.write_all(requests)?;
    let (mut buffer, mut kept) = (vec![0; READ_BYTES], 0);
    loop {
        let read = stream.read(&mut buffer[kept..])?;
        if read == 0 {
            bail!("the server has closed the connection");
        }
        let got = kept + read;
        if buffer[..got].ends_with(end) {
            return Ok(());
        }
        // The end may come in pieces.
        kept = got.min(end.len());
        buffer.copy_within(got - kept..got, 0);
    }
}

/// Sends a GET each interval from `begin` on. A GET that is due while another one is answered counts from when it was due.
fn time_gets(server: &Server, begin: Instant) -> Result<Vec<Timing>> {
    let (own, servers) = (Waits::of_this_thread()?, Waits::of_server(server.pid())?);
    let mut stream = connect(server)?;
    let (mut timings, mut due, mut free) = (Vec::new(), begin, begin);
    while free.max(due) < begin + WATCHED {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let (own_before, servers_before) = (own.read()?, servers.read()?);
        let sent = Instant::now();
        ask(&mut stream, b"*2\r\n$3\r\nGET\r\n$5\r\nkey:1\r\n", b"a short value\r\n")?;
        let done = Instant::now();
        let waited = own.longest_since(&own_before)? + servers.longest_since(&servers_before)?;
        let took = done - if free > due { due } else { sent };
        timings.push(Timing { took, running: (done - sent).saturating_sub(waited) });
        (due, free) = (due + INTERVAL, done);
    }
    Ok(timings)
}

fn load(connection: &mut Connection) -> Result<()> {
    let mut requests = Pipeline::new();
    for part in 0..MEMBERS / LOADED_TOGETHER {
        let members = (part * LOADED_TOGETHER..(part + 1) * LOADED_TOGETHER)
            .map(|member| format!("member:{member:013}"));
        let words: Vec<String> = ["SADD".into(), "big".into()].into_iter().chain(members).collect();
        requests.command(&words);
    }
    for key in 0..KEYS {
        requests.command(&["SET", &format!("key:{key}"), "a short value"]);
    }
    if let Some(error) = connection.pipeline(&requests)?.iter().find_map(|reply| reply.error()) {
        bail!("loading was answered with {}", String::from_utf8_lossy(error));
    }
    Ok(())
}
