//! A server with a memory limit: the limit holds, keys give way or writes are refused, and all of it is told.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Server {
    child: Child,
    port: u16,
    // The server's directory.
    _directory: tempfile::TempDir,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let child = spawn(directory.path(), port, args);
        Self { child, port, _directory: directory }
    }

    fn connect(&mut self) -> Client {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)) {
                return Client(BufReader::new(stream));
            }
            assert!(self.child.try_wait().unwrap().is_none(), "the server has ended");
            assert!(Instant::now() < deadline, "the server does not listen");
            std::thread::yield_now();
        }
    }
}

impl Server {
    fn resident_pages(&self) -> u64 {
        let figures = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        figures.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(directory: &Path, port: u16, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_carnelian"))
        .args(["server", "--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(args)
        .current_dir(directory)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn send(&mut self, requests: &str) {
        self.0.get_mut().write_all(requests.as_bytes()).unwrap();
    }

    /// One reply that is a line or a bulk string.
    fn reply(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let line = line.trim_end().to_owned();
        let Some(len) = line.strip_prefix('$').and_then(|len| len.parse::<usize>().ok()) else { return line };
        let mut bulk = vec![0; len + 2];
        self.0.read_exact(&mut bulk).unwrap();
        String::from_utf8(bulk[..len].to_vec()).unwrap()
    }

    fn ask(&mut self, request: &str) -> String {
        self.send(&format!("{request}\r\n"));
        self.reply()
    }

    fn info(&mut self, section: &str, field: &str) -> u64 {
        let text = self.ask(&format!("INFO {section}"));
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{field} is missing: {text}"))
    }

    /// Waits for what is freed in the background.
    fn wait_until_freed(&mut self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while self.info("memory", "lazyfree_pending_objects") > 0 {
            assert!(Instant::now() < deadline, "it is never freed");
        }
    }

    /// Sets keys from `first` on to 1 KiB each, 50 in a pipeline; returns how many were refused.
    fn load(&mut self, first: usize, count: usize) -> usize {
        let value = "x".repeat(1024);
        let mut refused = 0;
        for batch in (first..first + count).step_by(50) {
            let mut requests = String::new();
            for key in batch..batch + 50 {
                write!(requests, "SET key:{key} {value}\r\n").unwrap();
            }
            self.send(&requests);
            for _ in 0..50 {
                let reply = self.reply();
                refused += usize::from(reply != "+OK");
                assert!(
                    reply == "+OK" || reply == "-OOM command not allowed when used memory > 'maxmemory'.",
                    "{reply}"
                );
            }
        }
        refused
    }
}

const LIMIT: u64 = 16 * 1024 * 1024;

#[test]
fn the_limit_holds_within_two_percent() {
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-lrm", "allkeys-random"] {
        let limit = LIMIT.to_string();
        let mut server =
            Server::start(&["--maxmemory", &limit, "--maxmemory-policy", policy, "--io-threads", "2"]);
        let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
        std::thread::scope(|scope| {
            for (number, client) in clients.iter_mut().enumerate() {
                scope.spawn(move || assert_eq!(client.load(number * 10_000, 10_000), 0));
            }
        });
        let client = &mut clients[0];
        let used = client.info("memory", "used_memory");
        assert!(used * 100 <= LIMIT * 102, "{policy}: {used} bytes are used");
        assert!(used * 100 >= LIMIT * 90, "{policy}: only {used} bytes are used");
        let peak = client.info("memory", "used_memory_peak");
        assert!(peak * 100 <= LIMIT * 102, "{policy}: {peak} bytes were used");
        let evicted = client.info("stats", "evicted_keys");
        let left: u64 = client.ask("DBSIZE")[1..].parse().unwrap();
        // The replies to these very questions may have cost a key.
        assert!((evicted + left).abs_diff(40_000) < 20, "{policy}: {evicted} were evicted, {left} are left");
    }
}

#[test]
fn without_eviction_writes_are_refused() {
    let mut server = Server::start(&["--maxmemory", &LIMIT.to_string(), "--io-threads", "2"]);
    let mut client = server.connect();
    let refused = client.load(0, 20_000);
    assert!(refused > 1000, "{refused} writes were refused");
    assert_eq!(client.info("stats", "evicted_keys"), 0);
    assert_eq!(client.info("memory", "used_memory") * 100 / LIMIT, 100);
    // What frees memory, or only reads, goes on; so does the queue of nobody.
    assert_eq!(client.ask("GET missing"), "$-1");
    assert_eq!(client.ask("DEL key:0"), ":1");
    assert_eq!(client.ask("CONFIG SET maxmemory 1"), "+OK");
    assert_eq!(client.ask("MULTI"), "+OK");
    assert!(client.ask("GET key:1").starts_with("-OOM"));
    assert_eq!(client.ask("EXEC"), "-EXECABORT Transaction discarded because of previous errors.");
    assert_eq!(client.ask("CONFIG SET maxmemory 0"), "+OK");
    assert_eq!(client.ask("SET key:0 1"), "+OK");
    // There is room as soon as the dataset is gone, while its memory is still being freed.
    assert_eq!(client.ask(&format!("CONFIG SET maxmemory {LIMIT}")), "+OK");
    assert_eq!(client.ask("FLUSHALL ASYNC"), "+OK");
    assert_eq!(client.ask("SET key:0 1"), "+OK");
}

#[test]
fn a_lowered_limit_takes_effect_at_once() {
    let mut server = Server::start(&["--maxmemory-policy", "volatile-ttl", "--io-threads", "2"]);
    let mut client = server.connect();
    client.load(0, 5000);
    for key in 0..1000 {
        assert_eq!(client.ask(&format!("EXPIRE key:{key} {}", 1000 + key)), ":1");
    }
    let used = client.info("memory", "used_memory");
    assert_eq!(client.ask("CONFIG SET maxmemory-eviction-tenacity 100"), "+OK");
    assert_eq!(client.ask(&format!("CONFIG SET maxmemory {}", used - 500 * 1024)), "+OK");
    // The next command, whatever it is, finds the limit kept.
    let evicted = client.info("stats", "evicted_keys");
    assert!((400..600).contains(&evicted), "{evicted} keys were evicted");
    // Those that would have expired first are the ones that are gone.
    let left = (0..250).filter(|key| client.ask(&format!("EXISTS key:{key}")) == ":1").count();
    assert!(left <= 25, "{left} of the first to expire are left");
    // When nothing is left that may give way, writes are refused.
    assert_eq!(client.ask("CONFIG SET maxmemory 1mb"), "+OK");
    assert!(client.ask("SET a b").starts_with("-OOM"));
    assert_eq!(client.info("stats", "evicted_keys"), 1000);
    assert_eq!(client.ask("DBSIZE"), ":4000");
}

#[test]
fn memory_is_given_back_to_the_figure() {
    let mut server = Server::start(&["--io-threads", "2"]);
    let mut client = server.connect();
    client.load(0, 100);
    assert_eq!(client.ask("FLUSHALL"), "+OK");
    let before = client.info("memory", "used_memory");
    client.load(0, 10_000);
    let full = client.info("memory", "used_memory");
    let per_key = (full - before) / 10_000;
    assert!((1040..1140).contains(&per_key), "{per_key} bytes a key");
    // All of it at once, and to the system too.
    let resident = server.resident_pages();
    assert_eq!(client.ask("FLUSHALL"), "+OK");
    let after = client.info("memory", "used_memory");
    assert!(after.abs_diff(before) < 256 * 1024, "{before} bytes before, {after} after");
    let resident_after = server.resident_pages();
    assert!(resident_after + 2000 < resident, "{resident} pages before, {resident_after} after");
    // Or in the background.
    client.load(0, 10_000);
    assert_eq!(client.ask("FLUSHALL ASYNC"), "+OK");
    client.wait_until_freed();
    let after = client.info("memory", "used_memory");
    assert!(after.abs_diff(before) < 256 * 1024, "{before} bytes before, {after} after");
    assert_eq!(client.info("memory", "lazyfreed_objects"), 10_000);
}

#[test]
fn room_that_removed_keys_leave_goes_back() {
    const KEYS: usize = 20_000;
    let mut server = Server::start(&["--active-defrag-ignore-bytes", "1", "--active-defrag-cycle-max", "99"]);
    let mut client = server.connect();
    assert_eq!(client.load(0, KEYS), 0);
    for key in (0..KEYS).filter(|key| !key.is_multiple_of(10)) {
        client.send(&format!("DEL key:{key}\r\n"));
        assert_eq!(client.reply(), ":1");
    }
    let unused = |client: &mut Client| {
        client.info("memory", "allocator_allocated").saturating_sub(client.info("memory", "used_memory"))
    };
    let before = unused(&mut client);
    assert!(before > 10 << 20, "{before} bytes are unused");
    assert_eq!(client.info("stats", "active_defrag_hits"), 0);
    assert_eq!(client.ask("CONFIG SET activedefrag yes"), "+OK");
    let deadline = Instant::now() + Duration::from_mins(1);
    while unused(&mut client) * 4 > before {
        assert!(Instant::now() < deadline, "{} of {before} bytes stay unused", unused(&mut client));
    }
    assert!(client.info("stats", "active_defrag_hits") > 0);
    assert!(client.info("stats", "active_defrag_key_hits") > 0);
    assert_eq!(client.ask("DBSIZE"), format!(":{}", KEYS / 10));
    assert_eq!(client.ask("STRLEN key:100"), ":1024");
}

#[test]
fn the_allocator_tells_its_own_statistics() {
    let mut server = Server::start(&["--io-threads", "1"]);
    let mut client = server.connect();
    let text = client.ask("MEMORY MALLOC-STATS");
    assert!(text.starts_with("___ Begin jemalloc statistics ___"), "{text}");
    assert!(text.contains("Allocated: ") && text.contains("--- End jemalloc statistics ---"), "{text}");
    assert_eq!(client.ask("MEMORY PURGE"), "+OK");
}
