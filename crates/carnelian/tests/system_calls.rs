//! What a request asks of the kernel, as `strace` sees it.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Requests that are counted.
const REQUESTS: usize = 500;

/// A server with one worker under `strace`; both end with the value.
struct Traced(Child);

impl Traced {
    fn start(directory: &Path, port: u16) -> Self {
        let child = Command::new("strace")
            .args(["-f", "-qq", "-s", "64", "-o", "trace"])
            .arg(env!("CARGO_BIN_EXE_carnelian"))
            .args(["server", "--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--io-threads", "1"])
            .current_dir(directory)
            .stdout(Stdio::null())
            .spawn()
            .expect("strace is installed: `cargo xtask setup` does it");
        Self(child)
    }

    fn connect(&mut self, port: u16) -> TcpStream {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
                return stream;
            }
            let ended = self.0.try_wait().unwrap();
            assert!(ended.is_none(), "the server has ended: {ended:?}");
            assert!(Instant::now() < deadline, "the server does not listen");
            std::thread::yield_now();
        }
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // It has ended by itself unless the test failed; what it runs ends with it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(stream: &mut TcpStream, request: &str, reply: &str) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut got = vec![0; reply.len()];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(got.escape_ascii().to_string(), reply.as_bytes().escape_ascii().to_string());
}

#[test]
fn an_unpipelined_request_takes_two_system_calls_beside_the_wait() {
    let directory = tempfile::tempdir().unwrap();
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut server = Traced::start(directory.path(), port);
    let mut stream = server.connect(port);
    ask(&mut stream, "SET key value\r\n", "+OK\r\n");
    ask(&mut stream, "ECHO begin\r\n", "$5\r\nbegin\r\n");
    for _ in 0..REQUESTS / 2 {
        ask(&mut stream, "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n", "$5\r\nvalue\r\n");
        ask(&mut stream, "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n", "+OK\r\n");
    }
    ask(&mut stream, "ECHO end\r\n", "$3\r\nend\r\n");
    stream.write_all(b"SHUTDOWN NOSAVE\r\n").unwrap();
    assert!(server.0.wait().unwrap().success());

    // Each line begins with the thread: the worker's is the one that reads what this test sent.
    let trace = std::fs::read_to_string(directory.path().join("trace")).unwrap();
    let position = |word: &str| {
        trace.lines().position(|line| line.contains("recvfrom(") && line.contains(word)).expect("it was read")
    };
    let (begin, end) = (position("ECHO begin"), position("ECHO end"));
    let thread = trace.lines().nth(begin).and_then(|line| line.split(' ').next()).unwrap();
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    for line in trace.lines().skip(begin).take(end - begin) {
        // A call that was interrupted by one of another thread has two lines; the second has no such name.
        if let Some(rest) = line.strip_prefix(thread)
            && let Some((name, _)) = rest.trim_start().split_once('(')
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        {
            *calls.entry(name).or_default() += 1;
        }
    }
    let waits = calls.remove("epoll_wait").or_else(|| calls.remove("epoll_pwait")).unwrap_or(0);
    assert!(waits > 0, "the worker waits: {calls:?}");
    // The reading of ECHO is among them, and the answer to it.
    assert_eq!(calls.remove("recvfrom"), Some(REQUESTS + 1), "one read for each request");
    assert_eq!(calls.remove("sendto"), Some(REQUESTS + 1), "one write for each request");
    // Whatever else there is, such as memory that goes back to the system, is seldom.
    assert!(calls.values().sum::<usize>() <= REQUESTS / 50, "and nothing else: {calls:?}");
}
