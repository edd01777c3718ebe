//! The client on tokio, against a server that follows a script.

mod support;

use std::time::Duration;

use carnelian_client::{Client, ConnectOptions, Error, Pipeline, Reply};
use carnelian_resp::DecodeError;
use support::*;

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

#[tokio::test]
async fn handshake_and_split_replies() {
    let server = Server::start(vec![vec![
        Expect("HELLO 3 AUTH ann secret"),
        Expect("SELECT 3"),
        SendBytewise(b"%1\r\n+proto\r\n:3\r\n+OK\r\n"),
        Expect("GET k"),
        SendBytewise(b"$4\r\nv\r\nw\r\n"),
        UntilClosed,
    ]]);
    let url = format!("redis://ann:secret@127.0.0.1:{}/3", server.port);
    let (client, pushes) = Client::connect(&ConnectOptions::from_url(&url).unwrap()).await.unwrap();
    assert_eq!(client.command(&["GET", "k"]).await.unwrap(), bulk("v\r\nw"));
    // The task of the connection ends with its last user; the server notices.
    drop((client, pushes));
    tokio::task::spawn_blocking(|| server.join()).await.unwrap();
}

#[tokio::test]
async fn a_refused_handshake() {
    let server = Server::start(vec![vec![Expect("AUTH bad"), Send(b"-WRONGPASS no\r\n"), UntilClosed]]);
    let options = ConnectOptions { password: Some("bad".into()), ..server.plain() };
    let error = Client::connect(&options).await.unwrap_err();
    assert!(matches!(error, Error::Refused("AUTH", _)));
    tokio::task::spawn_blocking(|| server.join()).await.unwrap();
}

#[tokio::test]
async fn many_tasks_share_a_connection() {
    let (tasks, rounds) = (50, 20);
    let server = Server::start(vec![vec![Echo(tasks * rounds * 3)]]);
    // A small limit, so that it is reached.
    let (client, _) = Client::connect(&ConnectOptions { max_in_flight: 7, ..server.plain() }).await.unwrap();
    let tasks: Vec<_> = (0..tasks)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                for round in 0..rounds {
                    let text = format!("{task}:{round}");
                    assert_eq!(client.command(&["ECHO", &text]).await.unwrap(), bulk(&text));
                    let mut pipeline = Pipeline::new();
                    pipeline.command(&["ECHO", "first"]).command(&["ECHO", &text]);
                    assert_eq!(client.pipeline(pipeline).await.unwrap(), [bulk("first"), bulk(&text)]);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    server.join();
}

#[tokio::test]
async fn pipelines_larger_than_every_buffer() {
    let count = 300;
    let server = Server::start(vec![vec![Echo(count)]]);
    let (client, _) = Client::connect(&server.plain()).await.unwrap();
    let values: Vec<_> = (0..count).map(|i| vec![b'x'; 40_000 * (i % 3) + i]).collect();
    let mut pipeline = Pipeline::new();
    for value in &values {
        pipeline.command(&[b"ECHO", &value[..]]);
    }
    let replies = client.pipeline(pipeline).await.unwrap();
    assert!(replies.into_iter().eq(values.into_iter().map(Reply::Bulk)));
    server.join();
}

#[tokio::test]
async fn messages_are_apart_from_replies() {
    let server = Server::start(vec![vec![
        Expect("SUBSCRIBE a"),
        Send(b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nm\r\n"),
        Expect("PING"),
        Send(b"*2\r\n$4\r\npong\r\n$0\r\n\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nn\r\n"),
    ]]);
    let (client, mut pushes) = Client::connect(&server.plain()).await.unwrap();
    client.command(&["SUBSCRIBE", "a"]).await.unwrap();
    assert_eq!(client.command(&["PING"]).await.unwrap(), Reply::Array(vec![bulk("pong"), bulk("")]));
    for last in [Reply::Integer(1), bulk("m"), bulk("n")] {
        assert_eq!(pushes.recv().await.unwrap().as_slice().unwrap()[2], last);
    }
    assert_eq!(pushes.recv().await, None, "the server has closed the connection");
    assert!(client.is_closed());
    server.join();
}

#[tokio::test]
async fn messages_nobody_fetches_are_bounded() {
    let server =
        Server::start(vec![vec![Expect("PING"), Send(b">1\r\n:1\r\n>1\r\n:2\r\n+PONG\r\n"), UntilClosed]]);
    let options = ConnectOptions { max_pushes: 1, ..server.plain() };
    let (client, mut pushes) = Client::connect(&options).await.unwrap();
    assert!(matches!(client.command(&["PING"]).await, Err(Error::TooManyPushes)));
    assert!(matches!(client.command(&["PING"]).await, Err(Error::TooManyPushes)), "later requests learn why");
    assert_eq!(pushes.try_recv(), Some(Reply::Push(vec![Reply::Integer(1)])));
    tokio::task::spawn_blocking(|| server.join()).await.unwrap();
}

#[tokio::test]
async fn messages_nobody_wants_do_no_harm() {
    let server = Server::start(vec![vec![Expect("PING"), Send(b">1\r\n:1\r\n>1\r\n:2\r\n+PONG\r\n")]]);
    let (client, pushes) =
        Client::connect(&ConnectOptions { max_pushes: 1, ..server.plain() }).await.unwrap();
    drop(pushes);
    assert_eq!(client.command(&["PING"]).await.unwrap(), Reply::Simple(b"PONG".to_vec()));
    server.join();
}

#[tokio::test]
async fn a_late_reply_is_given_to_nobody() {
    let server = Server::start(vec![vec![
        Expect("GET a"),
        Expect("GET b"),
        Send(b"$1\r\na\r\n$1\r\nb\r\n"),
        UntilClosed,
    ]]);
    let options = ConnectOptions { response_timeout: Some(Duration::from_mins(1)), ..server.plain() };
    let (client, pushes) = Client::connect(&options).await.unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(20), client.command(&["GET", "a"])).await;
    assert!(given_up.is_err());
    assert_eq!(client.command(&["GET", "b"]).await.unwrap(), bulk("b"));
    drop((client, pushes));
    tokio::task::spawn_blocking(|| server.join()).await.unwrap();
}

#[tokio::test]
async fn no_answer_in_time() {
    let server = Server::start(vec![vec![UntilClosed]]);
    let options = ConnectOptions { response_timeout: Some(Duration::from_millis(20)), ..server.plain() };
    let (client, pushes) = Client::connect(&options).await.unwrap();
    assert!(matches!(client.command(&["GET", "a"]).await, Err(Error::Timeout)));
    assert!(!client.is_closed());
    drop((client, pushes));
    // A reply that is still owed does not keep the connection open.
    tokio::task::spawn_blocking(|| server.join()).await.unwrap();
}

#[tokio::test]
async fn everybody_learns_why_a_connection_failed() {
    let server =
        Server::start(vec![vec![Expect("GET a"), Expect("GET b"), Send(b"*2147483647\r\n"), UntilClosed]]);
    let (client, _) = Client::connect(&server.plain()).await.unwrap();
    let (a, b) = tokio::join!(client.command(&["GET", "a"]), client.command(&["GET", "b"]));
    for outcome in [a, b, client.command(&["GET", "c"]).await] {
        assert!(matches!(outcome, Err(Error::Protocol(DecodeError::TooManyElements(_)))), "{outcome:?}");
    }
    tokio::task::spawn_blocking(|| server.join()).await.unwrap();
}

#[tokio::test]
async fn a_reply_to_no_request_ends_the_connection() {
    let server = Server::start(vec![vec![Send(b"+surprise\r\n"), UntilClosed]]);
    let (client, mut pushes) = Client::connect(&server.plain()).await.unwrap();
    assert_eq!(pushes.recv().await, None);
    assert!(matches!(client.command(&["PING"]).await, Err(Error::Unrequested)));
    tokio::task::spawn_blocking(|| server.join()).await.unwrap();
}

#[tokio::test]
async fn the_server_goes_away() {
    let server = Server::start(vec![vec![Expect("GET a"), Send(b"$5\r\nhal")]]);
    let (client, _) = Client::connect(&server.plain()).await.unwrap();
    assert!(matches!(client.command(&["GET", "a"]).await, Err(Error::Closed)));
    server.join();
}
