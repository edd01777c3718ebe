//! Large values on their way to clients that do not read them yet.

use crate::support::{Client, TestServer};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

const MIB: usize = 1 << 20;

/// The reply to GET of `len` times this byte.
fn bulk(byte: u8, len: usize) -> Vec<u8> {
    [format!("${len}\r\n").as_bytes(), &vec![byte; len], b"\r\n"].concat()
}

#[track_caller]
fn expect(stream: &mut impl Read, expected: &[u8]) {
    // Pieces of all sizes, so that writes end anywhere.
    for (number, piece) in expected.chunks(77_777).enumerate() {
        let mut got = vec![0; piece.len()];
        stream.read_exact(&mut got).unwrap();
        assert!(got == piece, "piece {number}");
    }
}

/// The field `omem` of CLIENT LIST of the client with this name.
fn output_bytes(client: &mut Client, name: &str) -> usize {
    let list = client.text("client list");
    let line = list.lines().find(|line| line.contains(&format!(" name={name} "))).unwrap();
    let field = line.split(' ').find_map(|field| field.strip_prefix("omem=")).unwrap();
    field.parse().unwrap()
}

/// Sends requests without reading replies, and waits until they have run.
fn leave_unread(stream: &mut (impl Read + Write), other: &mut Client, requests: &str) {
    let runs = |other: &mut Client| other.info("commandstats", "cmdstat_echo").unwrap_or_default();
    let before = runs(other);
    stream.write_all(format!("{requests}echo done\r\n").as_bytes()).unwrap();
    while runs(other) == before {}
}

fn check_slow_reader(stream: &mut (impl Read + Write), other: &mut Client) {
    let values: [u8; 3] = [b'a', b'b', b'c'];
    let text = |byte: u8| char::from(byte).to_string().repeat(10 * MIB);
    for key in values {
        other.0.command(&["set", &char::from(key).to_string(), &text(key)]).unwrap();
    }
    leave_unread(stream, other, "get a\r\nget b\r\nmget c nothing a\r\ngetrange b 1 -1\r\nget a\r\n");
    // Other clients see their changes at once.
    other.run("append a x");
    other.run("setrange b 0 x");
    other.run("del c");
    assert_eq!(other.text("strlen a"), (10 * MIB + 1).to_string());
    assert_eq!(other.text("getrange b 0 1"), "xb");
    leave_unread(stream, other, "get a\r\nget c\r\ngetdel b\r\n");
    other.run("set a 1");
    expect(stream, &bulk(b'a', 10 * MIB));
    other.run("flushall");
    expect(stream, &bulk(b'b', 10 * MIB));
    expect(stream, b"*3\r\n");
    expect(stream, &bulk(b'c', 10 * MIB));
    expect(stream, b"$-1\r\n");
    expect(stream, &bulk(b'a', 10 * MIB));
    expect(stream, &bulk(b'b', 10 * MIB - 1));
    expect(stream, &bulk(b'a', 10 * MIB));
    expect(stream, b"$4\r\ndone\r\n");
    expect(
        stream,
        &[format!("${}\r\n", 10 * MIB + 1).as_bytes(), text(b'a').as_bytes(), b"x\r\n$-1\r\n"].concat(),
    );
    let changed = text(b'b').replacen('b', "x", 1);
    expect(stream, &[format!("${}\r\n{changed}\r\n", 10 * MIB).as_bytes(), b"$4\r\ndone\r\n"].concat());
}

#[test]
fn slow_readers_get_what_was_there() {
    let server = TestServer::start("unixsocket sock");
    let mut other = server.connect();
    check_slow_reader(&mut TcpStream::connect(("127.0.0.1", server.port)).unwrap(), &mut other);
    check_slow_reader(&mut UnixStream::connect(server.dir.path().join("sock")).unwrap(), &mut other);
}

#[test]
fn a_value_is_in_memory_once_however_many_replies_show_it() {
    const COUNT: usize = 10_000;
    let server = TestServer::start("");
    let mut other = server.connect();
    other.0.command(&["set", "k", &"v".repeat(10 * MIB)]).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.write_all(b"client setname slow\r\n").unwrap();
    expect(&mut stream, b"+OK\r\n");
    leave_unread(&mut stream, &mut other, &"get k\r\n".repeat(COUNT));
    // Nearly 100 GiB are owed to the client, which would not go into any memory.
    while output_bytes(&mut other, "slow") < (COUNT - 100) * 10 * MIB {}
    let clients: usize = other.info("memory", "mem_clients_normal").unwrap().parse().unwrap();
    assert!(clients < 10 * MIB, "{clients}");
    other.run("del k");
    expect(&mut stream, &bulk(b'v', 10 * MIB));
}

#[test]
fn what_replies_refer_to_counts_as_output() {
    let server = TestServer::start("client-output-buffer-limit normal 100mb 0 0");
    let mut other = server.connect();
    other.0.command(&["set", "k", &"v".repeat(10 * MIB)]).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.write_all("get k\r\n".repeat(30).as_bytes()).unwrap();
    let mut all = Vec::new();
    // The server closes the connection, perhaps with a reset.
    drop(stream.read_to_end(&mut all));
    assert!(all.len() < 300 * MIB, "{}", all.len());
    assert!(server.log().contains("overcoming of output buffer limits"));
    assert_eq!(other.text("strlen k"), (10 * MIB).to_string());
}
