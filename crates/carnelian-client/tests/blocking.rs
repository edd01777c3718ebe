//! The client that blocks, against a server that follows a script.

mod support;

use std::time::Duration;

use carnelian_client::{ConnectOptions, Connection, Error, Incoming, Pipeline, Reply};
use carnelian_resp::DecodeError;
use support::*;

const SOON: Option<Duration> = Some(Duration::from_millis(20));

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

#[test]
fn resp3_handshake_and_split_replies() {
    let server = Server::start(vec![vec![
        Expect("HELLO 3 AUTH ann secret SETNAME tester"),
        Expect("SELECT 3"),
        SendBytewise(b"%1\r\n+proto\r\n:3\r\n+OK\r\n"),
        Expect("HGETALL h"),
        SendBytewise(b"%1\r\n$1\r\nf\r\n$4\r\nv\r\nw\r\n"),
        UntilClosed,
    ]]);
    let options = ConnectOptions {
        client_name: Some("tester".into()),
        ..ConnectOptions::from_url(&format!("redis://ann:secret@127.0.0.1:{}/3", server.port)).unwrap()
    };
    let mut connection = Connection::connect(&options).unwrap();
    let reply = connection.command(&["HGETALL", "h"]).unwrap();
    assert_eq!(reply, Reply::Map(vec![(bulk("f"), bulk("v\r\nw"))]));
    drop(connection);
    server.join();
}

#[test]
fn resp2_handshake_and_reconnect() {
    let handshake = || vec![Expect("AUTH secret"), Expect("SELECT 1"), Send(b"+OK\r\n+OK\r\n"), Echo(1)];
    let server = Server::start(vec![handshake(), handshake()]);
    let options = ConnectOptions { password: Some("secret".into()), database: 1, ..server.plain() };
    let mut connection = Connection::connect(&options).unwrap();
    assert_eq!(connection.command(&["ECHO", "a"]).unwrap(), bulk("a"));
    assert!(matches!(connection.command(&["ECHO", "b"]), Err(Error::Closed | Error::Io(_))));
    assert!(matches!(connection.command(&["ECHO", "b"]), Err(Error::Unusable)));
    connection.reconnect().unwrap();
    assert_eq!(connection.command(&["ECHO", "b"]).unwrap(), bulk("b"));
    server.join();
}

#[test]
fn a_refused_handshake_names_the_step() {
    let server = Server::start(vec![
        vec![Expect("HELLO 3 AUTH default bad"), Send(b"-WRONGPASS no\r\n"), UntilClosed],
        vec![Expect("SELECT 99"), Send(b"-ERR DB index is out of range\r\n"), UntilClosed],
    ]);
    let options =
        ConnectOptions { password: Some("bad".into()), ..ConnectOptions::tcp("127.0.0.1", server.port) };
    let error = Connection::connect(&options).unwrap_err();
    assert_eq!(error.to_string(), "HELLO was refused: WRONGPASS no");
    let error = Connection::connect(&ConnectOptions { database: 99, ..server.plain() }).unwrap_err();
    assert!(matches!(error, Error::Refused("SELECT", _)));
    server.join();
}

#[test]
fn long_pipelines_do_not_deadlock() {
    // Together far more than sockets buffer, in both directions, against a server that does not read while it writes.
    let count = 400;
    let server = Server::start(vec![vec![Echo(count)]]);
    let mut connection = Connection::connect(&server.plain()).unwrap();
    let mut pipeline = Pipeline::new();
    let values: Vec<_> = (0..count).map(|i| vec![b'0' + (i % 10) as u8; 40_000 * (i % 3) + i]).collect();
    for value in &values {
        pipeline.command(&[b"ECHO", &value[..]]);
    }
    let replies = connection.pipeline(&pipeline).unwrap();
    assert!(replies.into_iter().eq(values.into_iter().map(Reply::Bulk)));
    server.join();
}

#[test]
fn an_error_reply_is_a_reply() {
    let server = Server::start(vec![vec![Expect("INCR s"), Send(b"-WRONGTYPE x\r\n"), Echo(1)]]);
    let mut connection = Connection::connect(&server.plain()).unwrap();
    let reply = connection.command(&["INCR", "s"]).unwrap();
    assert_eq!(carnelian_client::check(reply).unwrap_err().to_string(), "WRONGTYPE x");
    assert_eq!(connection.command(&["ECHO", "fine"]).unwrap(), bulk("fine"));
    server.join();
}

#[test]
fn messages_are_kept_apart_from_replies() {
    let server = Server::start(vec![vec![
        Expect("SUBSCRIBE a b"),
        Send(b">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"),
        Expect("GET k"),
        Send(b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nm\r\n$1\r\nv\r\n>2\r\n+invalidate\r\n_\r\n"),
    ]]);
    let mut connection = Connection::connect(&server.plain()).unwrap();
    let confirmation = connection.command(&["SUBSCRIBE", "a", "b"]).unwrap();
    assert_eq!(confirmation.as_slice().unwrap()[2], Reply::Integer(2));
    assert_eq!(connection.command(&["GET", "k"]).unwrap(), bulk("v"));
    let kinds = ["subscribe", "subscribe", "message", "invalidate"];
    for kind in kinds {
        let push = connection.next_push().unwrap();
        assert_eq!(push.as_slice().unwrap()[0].as_str(), Some(kind));
    }
    assert!(matches!(connection.next_push(), Err(Error::Closed)));
    server.join();
}

#[test]
fn messages_nobody_fetches_are_bounded() {
    let server =
        Server::start(vec![vec![Expect("PING"), Send(b">1\r\n:1\r\n>1\r\n:2\r\n+PONG\r\n"), UntilClosed]]);
    let mut connection = Connection::connect(&ConnectOptions { max_pushes: 1, ..server.plain() }).unwrap();
    assert!(matches!(connection.command(&["PING"]), Err(Error::TooManyPushes)));
    drop(connection);
    server.join();
}

#[test]
fn a_late_reply_is_given_to_nobody() {
    let server = Server::start(vec![vec![Expect("GET a"), UntilClosed], vec![Echo(1)]]);
    let options = ConnectOptions { response_timeout: SOON, ..server.plain() };
    let mut connection = Connection::connect(&options).unwrap();
    assert!(matches!(connection.command(&["GET", "a"]), Err(Error::Timeout)));
    assert!(matches!(connection.command(&["GET", "b"]), Err(Error::Unusable)));
    assert!(matches!(connection.receive(), Err(Error::Unusable)));
    connection.set_read_timeout(None).unwrap();
    connection.reconnect().unwrap();
    connection.set_read_timeout(None).unwrap();
    assert_eq!(connection.command(&["GET", "b"]).unwrap(), bulk("b"));
    server.join();
}

#[test]
fn receiving_goes_on_after_a_timeout() {
    let server = Server::start(vec![vec![
        Expect("GET a"),
        Send(b"$5\r\nhal"),
        Expect("GET b"),
        Send(b"ve\r\n$1\r\nb\r\n"),
        UntilClosed,
    ]]);
    let mut connection = Connection::connect(&server.plain()).unwrap();
    connection.send(&["GET", "a"]).unwrap();
    connection.set_read_timeout(SOON).unwrap();
    assert!(matches!(connection.receive(), Err(Error::Timeout)));
    connection.set_read_timeout(None).unwrap();
    connection.send(&["GET", "b"]).unwrap();
    assert_eq!(connection.receive().unwrap(), Incoming::Reply(bulk("halve")));
    assert_eq!(connection.receive().unwrap().into_reply(), bulk("b"));
    drop(connection);
    server.join();
}

#[test]
fn a_stream_of_replies_after_one_request() {
    let server = Server::start(vec![vec![
        Expect("MONITOR"),
        Send(b"+OK\r\n+1.0 [0 x] \"a\"\r\n+1.1 [0 x] \"b\"\r\n"),
    ]]);
    let mut connection = Connection::connect(&server.plain()).unwrap();
    connection.send(&["MONITOR"]).unwrap();
    for text in ["OK", "1.0 [0 x] \"a\"", "1.1 [0 x] \"b\""] {
        assert_eq!(connection.receive().unwrap().into_reply().as_str(), Some(text));
    }
    assert!(matches!(connection.receive(), Err(Error::Closed)));
    server.join();
}

#[test]
fn bytes_behind_a_reply_are_not_lost() {
    let server = Server::start(vec![vec![Expect("PSYNC ? -1"), Send(b"+FULLRESYNC x 0\r\n$5\r\nhello")]]);
    let mut connection = Connection::connect(&server.plain()).unwrap();
    assert_eq!(connection.command(&["PSYNC", "?", "-1"]).unwrap().as_str(), Some("FULLRESYNC x 0"));
    let (mut payload, mut chunk) = (Vec::new(), [0; 3]);
    loop {
        match connection.read_raw(&mut chunk).unwrap() {
            0 => break,
            read => payload.extend_from_slice(&chunk[..read]),
        }
    }
    assert_eq!(payload, b"$5\r\nhello");
    server.join();
}

#[test]
fn hostile_servers() {
    let check = |bytes: &'static [u8], expected: fn(&Error) -> bool| {
        let server = Server::start(vec![vec![Expect("PING"), Send(bytes)]]);
        let mut connection = Connection::connect(&server.plain()).unwrap();
        let error = connection.command(&["PING"]).unwrap_err();
        assert!(expected(&error), "{}: {error}", bytes.escape_ascii());
        assert!(matches!(connection.command(&["PING"]), Err(Error::Unusable)));
        server.join();
    };
    check(b"*2147483647\r\n", |error| matches!(error, Error::Protocol(DecodeError::TooManyElements(_))));
    check(b"$2147483647\r\n", |error| matches!(error, Error::Protocol(DecodeError::BulkTooLong(_))));
    check(b"*134217728\r\n:1\r\n", |error| matches!(error, Error::Closed));
    check(b"HTTP/1.1 200 OK\r\n", |error| matches!(error, Error::Protocol(DecodeError::UnknownType(b'H'))));
    check(b"$3\r\nfoobar", |error| matches!(error, Error::Protocol(DecodeError::BulkEnd)));
    check(b"", |error| matches!(error, Error::Closed));
}

#[test]
fn requests_without_a_name_are_not_sent() {
    let server = Server::start(vec![vec![Echo(1)]]);
    let mut connection = Connection::connect(&server.plain()).unwrap();
    let nothing: [&str; 0] = [];
    assert!(matches!(connection.command(&nothing), Err(Error::EmptyCommand)));
    assert!(matches!(connection.send(&nothing), Err(Error::EmptyCommand)));
    assert_eq!(connection.command(&["ECHO", "x"]).unwrap(), bulk("x"));
    server.join();
}

#[test]
fn unix_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b.sock");
    let server = Server::start_unix(&path, vec![Send(b""), Expect("HELLO 3"), Send(b"%0\r\n"), Echo(1)]);
    let url = format!("unix://{}", path.display().to_string().replace(' ', "%20"));
    let mut connection = Connection::connect(&ConnectOptions::from_url(&url).unwrap()).unwrap();
    assert_eq!(connection.command(&["ECHO", "x"]).unwrap(), bulk("x"));
    server.join();
}

#[test]
fn nobody_listens() {
    let server = Server::start(vec![]);
    let options = server.plain();
    server.join();
    assert!(matches!(Connection::connect(&options), Err(Error::Io(_))));
}
