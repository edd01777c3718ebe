//! A server on loopback that follows a script, so that what it does wrong is under control.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread::JoinHandle;

use carnelian_client::{ConnectOptions, Protocol};
use carnelian_resp::{Limits, RequestParser, Status, encode_command};

/// What the server does next.
pub(crate) enum Step {
    /// Read exactly this request, words apart by spaces.
    Expect(&'static str),
    /// Write these bytes.
    Send(&'static [u8]),
    /// Write these bytes in as many pieces.
    SendBytewise(&'static [u8]),
    /// Read this many requests, and reply to each with its last argument.
    Echo(usize),
    /// Read until the client closes the connection.
    UntilClosed,
}

pub(crate) use Step::*;

/// A running server.
pub(crate) struct Server {
    pub(crate) port: u16,
    thread: JoinHandle<()>,
}

impl Server {
    /// Serve one connection after the other, each by a script; a connection is closed at the end of its script.
    pub(crate) fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            for script in scripts {
                let (stream, _) = listener.accept().unwrap();
                stream.set_nodelay(true).unwrap();
                play(stream, script);
            }
        });
        Self { port, thread }
    }

    /// The same on a Unix socket, for one connection.
    #[allow(dead_code, reason = "not every test binary uses it")]
    pub(crate) fn start_unix(path: &Path, script: Vec<Step>) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let thread = std::thread::spawn(move || play(listener.accept().unwrap().0, script));
        Self { port: 0, thread }
    }

    /// Options for a connection without handshake.
    pub(crate) fn plain(&self) -> ConnectOptions {
        ConnectOptions { protocol: Protocol::Resp2, ..ConnectOptions::tcp("127.0.0.1", self.port) }
    }

    /// Wait for the end of the last script; fails the test if one of them met what it did not expect.
    pub(crate) fn join(self) {
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

fn play(mut stream: impl Read + Write, script: Vec<Step>) {
    for step in script {
        match step {
            Expect(words) => {
                let mut expected = Vec::new();
                encode_command(&mut expected, &words.split(' ').collect::<Vec<_>>());
                let mut got = vec![0; expected.len()];
                stream.read_exact(&mut got).unwrap();
                assert_eq!(got.escape_ascii().to_string(), expected.escape_ascii().to_string());
            }
            Send(bytes) => stream.write_all(bytes).unwrap(),
            SendBytewise(bytes) => {
                for byte in bytes {
                    stream.write_all(&[*byte]).unwrap();
                }
            }
            Echo(count) => echo(&mut stream, count),
            UntilClosed => {
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).unwrap();
            }
        }
    }
}

fn echo(stream: &mut (impl Read + Write), count: usize) {
    let mut parser = RequestParser::new(Limits::default());
    let (mut input, mut chunk, mut done) = (Vec::new(), vec![0; 4096], 0);
    while done < count {
        let mut replies = Vec::new();
        while let Status::Complete { len } = parser.parse(&input).unwrap() {
            let args = parser.args(&input);
            let last = &args[args.len() - 1];
            replies.extend_from_slice(format!("${}\r\n", last.len()).as_bytes());
            replies.extend_from_slice(last);
            replies.extend_from_slice(b"\r\n");
            input.drain(..len);
            done += 1;
        }
        stream.write_all(&replies).unwrap();
        if done < count {
            let read = stream.read(&mut chunk).unwrap();
            assert_ne!(read, 0, "closed after {done} of {count} requests");
            input.extend_from_slice(&chunk[..read]);
        }
    }
    assert!(input.is_empty(), "more requests than expected");
}
