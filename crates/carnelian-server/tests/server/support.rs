//! A server inside the test, and connections to it.

use carnelian_client::{ConnectOptions, Connection, Protocol, Reply};
use carnelian_commands::Node;
use carnelian_server::config::{Config, NoDirectives, StartArgs};
use carnelian_server::{Level, Log, MemorySource, Options, RunningServer, start};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// A running server with a directory of its own; both end with the value.
pub(crate) struct TestServer {
    server: Option<RunningServer>,
    pub(crate) dir: TempDir,
    pub(crate) port: u16,
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// How to start a server in a directory, with these lines in its configuration file.
pub(crate) fn options(dir: &Path, port: u16, lines: &str) -> Options {
    let file = dir.join("redis.conf");
    let threads = if lines.contains("io-threads") { "" } else { "io-threads 2\n" };
    std::fs::write(&file, format!("port {port}\nbind 127.0.0.1\nsave \"\"\n{threads}{lines}\n")).unwrap();
    let args: StartArgs = match carnelian_server::config::CommandLine::parse(&[file.into()], dir) {
        carnelian_server::config::CommandLine::Start(args) => args,
        _ => panic!("a configuration file starts a server"),
    };
    let mut config = Config::new(dir);
    config.load(&args, &mut std::io::empty(), &mut NoDirectives).unwrap();
    let log = Arc::new(Log::new());
    log.open(&dir.join("log")).unwrap();
    log.set_level(Level::Debug);
    Options { config, log, memory: MemorySource::default(), handle_signals: false }
}

impl TestServer {
    /// Starts a server with these lines in its configuration file.
    pub(crate) fn start(lines: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Another process may take the port in between.
        for _ in 0..20 {
            let port = free_port();
            let options = options(dir.path(), port, lines);
            if let Ok(server) = start(options) {
                return Self { server: Some(server), dir, port };
            }
        }
        panic!("no server could be started");
    }

    pub(crate) fn connect(&self) -> Client {
        Client(Connection::connect(&self.options(Protocol::Resp2)).unwrap())
    }

    pub(crate) fn connect_resp3(&self) -> Client {
        Client(Connection::connect(&self.options(Protocol::Resp3)).unwrap())
    }

    /// What is behind the sockets.
    pub(crate) fn node(&self) -> Arc<Node> {
        self.server.as_ref().and_then(RunningServer::node).unwrap()
    }

    fn options(&self, protocol: Protocol) -> ConnectOptions {
        ConnectOptions { protocol, ..ConnectOptions::tcp("127.0.0.1", self.port) }
    }

    /// Where the server says that it listens.
    pub(crate) fn port_now(&self) -> Option<u16> {
        self.server.as_ref().and_then(RunningServer::port)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }
}

/// A connection that takes commands as lines.
pub(crate) struct Client(pub(crate) Connection);

impl Client {
    /// The reply to a command whose words are separated by spaces; `''` is an empty word.
    pub(crate) fn run(&mut self, line: &str) -> Reply {
        let words: Vec<&str> = line.split(' ').map(|word| if word == "''" { "" } else { word }).collect();
        self.0.command(&words).unwrap()
    }

    /// As [`run`](Self::run), with the reply as text: collections in brackets, errors with a `-`.
    pub(crate) fn text(&mut self, line: &str) -> String {
        show(&self.run(line))
    }

    /// The value of one field of INFO.
    pub(crate) fn info(&mut self, section: &str, field: &str) -> Option<String> {
        let text = self.text(&format!("info {section}"));
        let prefix = format!("{field}:");
        text.lines().find_map(|line| line.strip_prefix(&prefix).map(str::to_owned))
    }
}

pub(crate) fn show(reply: &Reply) -> String {
    let list = |items: &[Reply]| items.iter().map(show).collect::<Vec<_>>().join(" ");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match reply {
        Reply::Error(error) => format!("-{}", text(error)),
        Reply::Integer(number) => number.to_string(),
        Reply::Null | Reply::NullArray => "nil".into(),
        Reply::Array(items) => format!("[{}]", list(items)),
        Reply::Set(items) => format!("~[{}]", list(items)),
        Reply::Push(items) => format!(">[{}]", list(items)),
        Reply::Map(pairs) => {
            let pairs: Vec<String> =
                pairs.iter().map(|(key, value)| format!("{}={}", show(key), show(value))).collect();
            format!("{{{}}}", pairs.join(" "))
        }
        Reply::Double(number) => number.to_string(),
        Reply::Boolean(value) => format!("#{value}"),
        Reply::BigNumber(digits) => digits.clone(),
        Reply::Attribute { attributes, reply, .. } => {
            let pairs: Vec<String> =
                attributes.iter().map(|(key, value)| format!("{}={}", show(key), show(value))).collect();
            format!("|{{{}}} {}", pairs.join(" "), show(reply))
        }
        other => text(other.as_bytes().unwrap_or_default()),
    }
}
