//! Whole runs against servers made for the purpose: a good one, one that answers with errors, one that goes away.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;

/// What a server does with each command that it has read.
type Answer = fn(&[u8], &mut TcpStream) -> std::io::Result<()>;

/// Listens on a free port and answers every command of every connection.
fn serve(answer: Answer) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || converse(stream?, answer));
        }
    });
    port
}

/// Cuts the bytes that arrive into commands; each test's commands have no bulk strings with a `*` in them.
fn converse(mut stream: TcpStream, answer: Answer) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut pending = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        pending.extend_from_slice(&buffer[..read]);
        // Every command here ends in a bulk string; the client sends nothing after the last but the next `*`.
        while let Some(end) = command_end(&pending) {
            let command: Vec<u8> = pending.drain(..end).collect();
            answer(&command, &mut stream)?;
        }
    }
}

/// Where the first whole command of `bytes` ends.
fn command_end(bytes: &[u8]) -> Option<usize> {
    let line = |from: usize| bytes[from..].windows(2).position(|pair| pair == b"\r\n").map(|at| from + at);
    let number = |from: usize, to: usize| std::str::from_utf8(&bytes[from..to]).ok()?.parse::<usize>().ok();
    if bytes.first()? != &b'*' {
        return Some(line(0)? + 2);
    }
    let head = line(0)?;
    let mut at = head + 2;
    for _ in 0..number(1, head)? {
        let end = line(at)?;
        at = end + 2 + number(at + 1, end)? + 2;
        if at > bytes.len() {
            return None;
        }
    }
    Some(at)
}

/// Runs a command line; its success, standard output and standard error.
fn run(port: u16, line: &str) -> (bool, String, String) {
    let line = format!("-p {port} {line}");
    let args: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = carnelian_bench::run_with(&args, false, &mut &b"from stdin"[..], &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (code == ExitCode::SUCCESS, text(out), text(err))
}

fn good(command: &[u8], stream: &mut TcpStream) -> std::io::Result<()> {
    let is = |name: &[u8]| command.windows(name.len()).any(|window| window == name);
    match () {
        () if is(b"appendonly") => stream.write_all(b"*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n"),
        () if is(b"save") => stream.write_all(b"*2\r\n$4\r\nsave\r\n$7\r\n3600 1 \r\n"),
        () if is(b"LRANGE") => stream.write_all(b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
        // A push before the reply, which must not be taken for it.
        () if is(b"GET") => stream.write_all(b">2\r\n+invalidate\r\n*0\r\n$3\r\nabc\r\n"),
        () => stream.write_all(b"+OK\r\n"),
    }
}

#[test]
fn every_default_test_is_reported() {
    let (ok, out, err) = run(serve(good), "--csv -n 200 -c 5 -P 4");
    assert!(ok, "{err}");
    let titles: Vec<&str> = out.lines().skip(1).map(|row| row.split('"').nth(1).unwrap()).collect();
    assert_eq!(titles.len(), 20);
    assert_eq!((titles[0], titles[19]), ("PING_INLINE", "MSET (10 keys)"));
}

#[test]
fn requests_are_counted_in_whole_pipelines() {
    let (ok, out, err) = run(serve(good), "-n 100 -P 16 -c 3 --threads 2 -t set -r 10");
    assert!(ok, "{err}");
    assert!(out.contains("\n  112 requests completed in "), "{out}");
    assert!(out.contains("(cumulative count 100)\n"), "{out}");
    assert!(out.contains("  host configuration \"save\": 3600 1 \n"), "{out}");
    assert!(out.contains("  multi-thread: yes\n  threads: 2\n"), "{out}");
}

#[test]
fn a_new_connection_for_every_request() {
    let (ok, out, err) = run(serve(good), "-q -n 50 -k 0 -c 2 -a secret --dbnum 2 -t get");
    assert!(ok, "{err}");
    assert!(out.starts_with("GET: ") && out.ends_with(" msec\n\n"), "{out}");
    assert!(err.starts_with("WARNING: Keepalive disabled."), "{err}");
}

#[test]
fn a_command_of_ones_own_is_its_title() {
    let (ok, out, err) = run(serve(good), "-n 10 -x -d 5 lpush list __data__");
    assert!(ok, "{err}");
    assert!(out.starts_with("====== lpush list __data__ ======\n"), "{out}");
    assert!(out.contains("\n  53 bytes payload\n"), "{out}");
}

#[test]
fn no_requests_make_an_empty_report() {
    let (ok, out, err) = run(serve(good), "-n 0 -t set");
    assert!(ok, "{err}");
    assert!(out.contains("  0 requests completed in "), "{out}");
}

#[test]
fn the_first_error_reply_ends_the_run() {
    fn bad(_: &[u8], stream: &mut TcpStream) -> std::io::Result<()> {
        stream.write_all(b"-ERR no such thing\r\n")
    }
    let (ok, _, err) = run(serve(bad), "-q -t set");
    assert!(!ok);
    assert_eq!(err, "WARNING: Could not fetch server CONFIG\nError from server: ERR no such thing\n");
}

#[test]
fn a_login_that_fails_is_told_as_it_is() {
    fn locked(_: &[u8], stream: &mut TcpStream) -> std::io::Result<()> {
        stream.write_all(b"-NOAUTH Authentication required.\r\n")
    }
    let port = serve(locked);
    let (ok, _, err) = run(port, "-q -t set");
    assert!(!ok);
    assert_eq!(err, format!("Node 127.0.0.1:{port} replied with error:\nNOAUTH Authentication required.\n"));
}

#[test]
fn a_server_that_goes_away_ends_the_run() {
    fn leaving(command: &[u8], stream: &mut TcpStream) -> std::io::Result<()> {
        if command.windows(6).any(|window| window == b"CONFIG") {
            return good(command, stream);
        }
        stream.shutdown(std::net::Shutdown::Both)
    }
    let (ok, _, err) = run(serve(leaving), "-q -t set --threads 2");
    assert!(!ok);
    assert!(err.starts_with("Error: "), "{err}");
}

#[test]
fn a_server_that_speaks_something_else_ends_the_run() {
    fn web(_: &[u8], stream: &mut TcpStream) -> std::io::Result<()> {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    }
    let (ok, _, err) = run(serve(web), "-q -t set");
    assert!(!ok);
    assert!(err.ends_with("Error: Protocol error, got \"H\" as reply type byte\n"), "{err}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (ok, out, err) = run(port, "-q");
    assert!(!ok && out.is_empty());
    assert_eq!(err, format!("Could not connect to Redis at 127.0.0.1:{port}: Connection refused\n"));
}

#[test]
fn what_cannot_be_followed_is_answered_with_the_usage() {
    let (ok, out, _) = run(1, "-Z");
    assert!(!ok);
    assert!(out.starts_with("Invalid option \"-Z\" or option argument missing\n\nUsage: "), "{out}");
    let (ok, out, _) = run(1, "--version");
    assert!(ok && out.starts_with("carnelian-benchmark "), "{out}");
}
