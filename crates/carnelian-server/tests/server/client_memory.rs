//! Memory of clients: what CLIENT LIST and INFO tell of it, and who is disconnected when it is too much.

use crate::support::{Client, TestServer};
use std::io::{Read, Write};
use std::net::TcpStream;

/// A connection of its own that sends requests without waiting for replies.
struct Raw(TcpStream);

impl Raw {
    fn connect(server: &TestServer, name: &str) -> Self {
        let mut raw = Self(TcpStream::connect(("127.0.0.1", server.port)).unwrap());
        raw.send(&format!("CLIENT SETNAME {name}\r\n"));
        let mut reply = [0; 5];
        raw.0.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"+OK\r\n");
        raw
    }

    /// Whoever is disconnected meanwhile cannot send everything.
    fn send(&mut self, text: &str) {
        let _ = self.0.write_all(text.as_bytes());
    }

    /// Returns when the server has closed the connection.
    fn wait_for_end(mut self) {
        // Closed in the middle of what it sent, the other end resets.
        let _ = self.0.read_to_end(&mut Vec::new());
    }
}

/// A field of a client's line in CLIENT LIST; `None` when there is no such client.
fn field(control: &mut Client, name: &str, field: &str) -> Option<u64> {
    let list = control.text("client list");
    let line = list.lines().find(|line| line.contains(&format!(" name={name} ")))?;
    let value = line.split(' ').find_map(|part| part.strip_prefix(&format!("{field}=")))?;
    Some(value.parse().unwrap())
}

fn wait_for(mut done: impl FnMut() -> bool) {
    while !done() {
        std::thread::yield_now();
    }
}

/// A client that has sent so many bytes of a longer argument.
fn sends_half(server: &TestServer, control: &mut Client, name: &str, bytes: usize) -> Raw {
    let mut raw = Raw::connect(server, name);
    raw.send(&format!("*2\r\n$3\r\nGET\r\n${}\r\n{}", bytes * 2, "x".repeat(bytes)));
    wait_for(|| field(control, name, "qbuf") == Some(bytes as u64));
    raw
}

#[test]
fn the_memory_of_a_client_is_what_it_holds() {
    let server = TestServer::start("");
    let mut control = server.connect();
    let idle = Raw::connect(&server, "idle");
    let bare = field(&mut control, "idle", "tot-mem").unwrap();
    assert!((256..4096).contains(&bare), "{bare}");
    // What a client takes is told after its reply has gone.
    let settles = |control: &mut Client, name: &str, bytes: std::ops::Range<u64>| {
        wait_for(|| bytes.contains(&field(control, name, "tot-mem").unwrap().saturating_sub(bare)));
    };
    let _sender = sends_half(&server, &mut control, "sender", 300_000);
    settles(&mut control, "sender", 300_000..602_000);
    assert_eq!(field(&mut control, "sender", "argv-mem"), Some(22));
    let normal: u64 = control.info("memory", "mem_clients_normal").unwrap().parse().unwrap();
    assert!((300_000 + 2 * bare..602_000 + 5 * bare).contains(&normal), "{normal}");
    // A queue, watched keys and subscriptions count.
    let mut queueing = server.connect();
    queueing.text("client setname queueing");
    for key in 0..100 {
        queueing.text(&format!("watch {key}"));
    }
    settles(&mut control, "queueing", 2_000..30_000);
    queueing.text("multi");
    queueing.text(&format!("set k {}", "x".repeat(50_000)));
    settles(&mut control, "queueing", 52_000..90_000);
    queueing.text("discard");
    settles(&mut control, "queueing", 0..200);
    queueing.text("psubscribe a* b* c*");
    settles(&mut control, "queueing", 250..600);
    drop(idle);
}

#[test]
fn the_largest_go_first_until_it_is_enough() {
    let server = TestServer::start("");
    let mut control = server.connect();
    assert_eq!(control.text("client no-evict on"), "OK");
    let small = sends_half(&server, &mut control, "small", 200_000);
    let large = sends_half(&server, &mut control, "large", 900_000);
    let larger = sends_half(&server, &mut control, "larger", 1_500_000);
    let of = |control: &mut Client, name| field(control, name, "tot-mem").unwrap();
    let (few, more) = (of(&mut control, "small"), of(&mut control, "large"));
    // Nobody has to go as long as there is no limit, or it is kept.
    assert_eq!(control.text("config set maxmemory-clients 100mb"), "OK");
    assert_eq!(control.text("ping"), "PONG");
    assert_eq!(control.info("stats", "evicted_clients").as_deref(), Some("0"));
    assert_eq!(control.text(&format!("config set maxmemory-clients {}", few + more + 100_000)), "OK");
    larger.wait_for_end();
    assert_eq!(control.info("stats", "evicted_clients").as_deref(), Some("1"));
    assert!(field(&mut control, "larger", "id").is_none());
    assert!(field(&mut control, "large", "id").is_some());
    // A percentage of `maxmemory`, which is no limit without one.
    assert_eq!(control.text("config set maxmemory-clients 10%"), "OK");
    assert_eq!(control.text("ping"), "PONG");
    assert_eq!(control.info("stats", "evicted_clients").as_deref(), Some("1"));
    assert_eq!(control.text(&format!("config set maxmemory {}", (few + 100_000) * 10)), "OK");
    large.wait_for_end();
    assert!(field(&mut control, "small", "id").is_some());
    // The least limit leaves room for a few clients.
    assert_eq!(control.text("config set maxmemory-clients 1"), "OK");
    small.wait_for_end();
    assert_eq!(control.text("ping"), "PONG");
    let _another = Raw::connect(&server, "another");
    assert_eq!(control.info("stats", "evicted_clients").as_deref(), Some("3"));
    assert_eq!(control.text("config resetstat"), "OK");
    assert_eq!(control.info("stats", "evicted_clients").as_deref(), Some("0"));
}

#[test]
fn whoever_exceeds_the_limit_is_disconnected() {
    let server = TestServer::start("maxmemory-clients 2mb");
    let mut control = server.connect();
    assert_eq!(control.text("client no-evict on"), "OK");
    control.text(&format!("set value {}", "x".repeat(100_000)));
    // By a request, whole or not; by a queue; by replies that it does not read; by messages.
    let mut raw = Raw::connect(&server, "whole");
    raw.send(&format!("*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$2200000\r\n{}\r\n", "x".repeat(2_200_000)));
    raw.wait_for_end();
    assert_eq!(control.text("exists big"), "0");
    let mut raw = Raw::connect(&server, "half");
    raw.send(&format!("*2\r\n$3\r\nGET\r\n$9000000\r\n{}", "x".repeat(2_200_000)));
    raw.wait_for_end();
    let mut raw = Raw::connect(&server, "queue");
    raw.send("MULTI\r\n");
    raw.send(&format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000\r\n{}\r\n", "x".repeat(500_000)).repeat(5));
    raw.wait_for_end();
    let mut raw = Raw::connect(&server, "replies");
    raw.send(&"GET value\r\n".repeat(1000));
    wait_for(|| field(&mut control, "replies", "id").is_none());
    let mut raw = Raw::connect(&server, "messages");
    raw.send("SUBSCRIBE news\r\n");
    wait_for(|| field(&mut control, "messages", "sub") == Some(1));
    let news = format!("publish news {}", "x".repeat(100_000));
    wait_for(|| control.text(&news) == "0");
    assert_eq!(control.info("stats", "evicted_clients").as_deref(), Some("5"));
    // Unless it asked to be spared, for as long as it does.
    let mut raw = Raw::connect(&server, "spared");
    raw.send("CLIENT NO-EVICT ON\r\n");
    raw.send(&"GET value\r\n".repeat(1000));
    raw.send("CLIENT SETNAME unread\r\n");
    wait_for(|| field(&mut control, "unread", "tot-mem").is_some_and(|bytes| bytes > 4_000_000));
    raw.send("CLIENT NO-EVICT OFF\r\n");
    wait_for(|| field(&mut control, "unread", "id").is_none());
    assert_eq!(control.info("stats", "evicted_clients").as_deref(), Some("6"));
}
