//! What clients see while the dataset is loaded at start-up.

use crate::support::{Client, TestServer, free_port, options};
use carnelian_client::{ConnectOptions, Connection, Protocol};
use carnelian_server::{RunningServer, StartError, start};
use std::path::Path;
use std::thread::JoinHandle;
use tempfile::TempDir;

const LOADING: &str = "-LOADING Redis is loading the dataset in memory";
const KEYS: usize = 200;

/// A directory with a snapshot of `KEYS` keys.
fn directory_with_snapshot() -> TempDir {
    let server = TestServer::start("");
    let mut client = server.connect();
    for key in 0..KEYS {
        assert_eq!(client.text(&format!("set key:{key} value")), "OK");
    }
    assert_eq!(client.text("save"), "OK");
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(server.dir.path().join("dump.rdb"), dir.path().join("dump.rdb")).unwrap();
    dir
}

/// Starts a server that takes long to load the snapshot in `dir`, and connects to it.
fn start_slowly(dir: &Path, lines: &str) -> (JoinHandle<Result<RunningServer, StartError>>, Client) {
    let port = free_port();
    let options = options(dir, port, &format!("key-load-delay 100000\n{lines}"));
    let server = std::thread::spawn(move || start(options));
    let address = ConnectOptions { protocol: Protocol::Resp2, ..ConnectOptions::tcp("127.0.0.1", port) };
    loop {
        if let Ok(connection) = Connection::connect(&address) {
            return (server, Client(connection));
        }
        assert!(!server.is_finished(), "the server has ended before it listened");
        std::thread::yield_now();
    }
}

#[test]
fn commands_that_need_the_data_are_refused_until_it_is_there() {
    let dir = directory_with_snapshot();
    let (server, mut client) = start_slowly(dir.path(), "enable-protected-configs yes");
    for refused in ["ping", "get key:1", "set a b", "dbsize", "save", "bgsave", "flushall"] {
        assert_eq!(client.text(refused), LOADING, "{refused}");
    }
    assert_eq!(client.text("get"), "-ERR wrong number of arguments for 'get' command");
    assert_eq!(client.text("multi"), "OK");
    assert_eq!(client.text("set a b"), LOADING);
    assert_eq!(client.text("exec"), "-EXECABORT Transaction discarded because of previous errors.");
    assert_eq!(client.text("select 1"), "OK");
    assert_eq!(client.text("select 0"), "OK");

    let size = std::fs::metadata(dir.path().join("dump.rdb")).unwrap().len();
    assert_eq!(client.info("persistence", "loading").as_deref(), Some("1"));
    assert_eq!(client.info("persistence", "async_loading").as_deref(), Some("0"));
    assert_eq!(client.info("persistence", "loading_total_bytes"), Some(size.to_string()));
    let number = |client: &mut Client, field| {
        client.info("persistence", field).unwrap_or_default().parse::<f64>().unwrap()
    };
    assert!(number(&mut client, "loading_start_time") > 1e9);
    assert!(number(&mut client, "loading_rdb_used_mem") >= 0.0);
    assert!((0.0..=size as f64).contains(&number(&mut client, "loading_loaded_bytes")));
    assert!((0.0..=100.0).contains(&number(&mut client, "loading_loaded_perc")));
    assert!(number(&mut client, "loading_eta_seconds") >= 0.0);
    assert!((0.0..KEYS as f64).contains(&number(&mut client, "rdb_last_load_keys_loaded")));

    assert_eq!(client.text("config set loglevel verbose"), "OK");
    assert_eq!(client.text("config set dir /"), LOADING);
    assert_eq!(client.text("config set key-load-delay 0"), "OK");
    let server = server.join().unwrap().unwrap();
    assert_eq!(client.text("ping"), "PONG");
    assert_eq!(client.text("get key:1"), "value");
    assert_eq!(client.text("dbsize"), KEYS.to_string());
    assert_eq!(client.info("persistence", "loading").as_deref(), Some("0"));
    assert_eq!(client.info("persistence", "loading_start_time"), None);
    assert_eq!(client.info("persistence", "rdb_last_load_keys_loaded"), Some(KEYS.to_string()));
    server.stop();
}

#[test]
fn shutdown_while_loading_leaves_the_file_alone() {
    for shutdown in ["shutdown", "shutdown save", "shutdown nosave"] {
        let dir = directory_with_snapshot();
        let file = dir.path().join("dump.rdb");
        let before = std::fs::read(&file).unwrap();
        let (server, mut client) = start_slowly(dir.path(), "save 1 1");
        let words: Vec<&str> = shutdown.split(' ').collect();
        // No reply: the connection closes.
        assert!(client.0.command(&words).is_err());
        server.join().unwrap().unwrap().wait();
        assert_eq!(std::fs::read(&file).unwrap(), before, "{shutdown}");
    }
}

#[test]
fn a_damaged_file_ends_the_start_with_its_name() {
    let dir = directory_with_snapshot();
    let file = dir.path().join("dump.rdb");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.truncate(bytes.len() - 12);
    std::fs::write(&file, &bytes).unwrap();
    let port = free_port();
    let Err(error) = start(options(dir.path(), port, "")) else { panic!("it started") };
    assert!(error.to_string().contains("dump.rdb"), "{error}");
    // Nothing of it is left.
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}
