//! A whole run of the client in process, against a server that follows a script.

// Each test file uses its own part of this.
#![allow(dead_code)]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use carnelian_cli::{CommandDoc, Console};
use carnelian_resp::{Limits, RequestParser, Status};

/// What a run printed, and its exit code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }
}

/// Output that the test can read after the run.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A run of the client, being prepared.
#[derive(Default)]
pub(crate) struct Cli<'a> {
    pub(crate) input: &'static [u8],
    pub(crate) variables: &'a [(&'a str, &'a str)],
    pub(crate) docs: &'a [CommandDoc],
}

impl Cli<'_> {
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let (out, err) = (Captured::default(), Captured::default());
        let console = Console::detached(self.input, out.clone(), err.clone(), self.variables);
        let code = carnelian_cli::run_on(console, "redis-cli", args, self.docs);
        let take = |captured: Captured| std::mem::take(&mut *captured.0.lock().unwrap());
        Ran { code, out: take(out), err: String::from_utf8(take(err)).unwrap() }
    }

    /// Run against a server that follows `script`, one list of steps for each connection, and check that the client
    /// went through all of it.
    pub(crate) fn run_with(&self, args: &[&str], script: Vec<Vec<Step>>) -> Ran {
        let server = Server::start(script);
        let port = server.port.to_string();
        let ran = self.run(&[&["-p", &port], args].concat());
        server.finish();
        ran
    }
}

/// One exchange of a script.
pub(crate) enum Step {
    /// Expect this command, its arguments joined by blanks, and send these bytes.
    Say(&'static str, Vec<u8>),
    /// Expect a command whose first word is this and send its last argument back as a string.
    Echo(&'static str),
    /// Send bytes unasked.
    Push(&'static [u8]),
}

/// The usual step.
pub(crate) fn say(command: &'static str, reply: impl Into<Vec<u8>>) -> Step {
    Step::Say(command, reply.into())
}

/// A scripted server on a free loopback port. At the end of each connection's steps it closes that connection.
pub(crate) struct Server {
    pub(crate) port: u16,
    thread: JoinHandle<()>,
}

impl Server {
    pub(crate) fn start(script: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            for steps in script {
                serve(listener.accept().unwrap().0, steps);
            }
        });
        Self { port, thread }
    }

    /// Fails the test if a command was not the expected one, or was missing.
    pub(crate) fn finish(self) {
        self.thread.join().expect("the script was followed");
    }
}

fn serve(mut socket: TcpStream, steps: Vec<Step>) {
    let mut parser = RequestParser::new(Limits::default());
    let mut input = Vec::new();
    for step in steps {
        if let Step::Push(bytes) = &step {
            socket.write_all(bytes).unwrap();
            continue;
        }
        let Some(command) = read_command(&mut socket, &mut parser, &mut input) else {
            panic!("the connection ended before the script did");
        };
        match step {
            Step::Say(expected, reply) => {
                let shown = command.join(&b' ');
                assert_eq!(String::from_utf8_lossy(&shown), expected);
                socket.write_all(&reply).unwrap();
            }
            Step::Echo(expected) => {
                assert!(command[0].eq_ignore_ascii_case(expected.as_bytes()), "{command:?}");
                let last = command.last().unwrap();
                socket.write_all(format!("${}\r\n", last.len()).as_bytes()).unwrap();
                socket.write_all(last).unwrap();
                socket.write_all(b"\r\n").unwrap();
            }
            Step::Push(_) => {}
        }
    }
}

fn read_command(
    socket: &mut TcpStream,
    parser: &mut RequestParser,
    input: &mut Vec<u8>,
) -> Option<Vec<Vec<u8>>> {
    loop {
        if let Status::Complete { len } = parser.parse(input).unwrap() {
            let command: Vec<Vec<u8>> = parser.args(input).iter().map(<[u8]>::to_vec).collect();
            input.drain(..len);
            if command.is_empty() {
                continue;
            }
            return Some(command);
        }
        let mut chunk = [0; 4096];
        match socket.read(&mut chunk).unwrap() {
            0 => return None,
            read => input.extend_from_slice(&chunk[..read]),
        }
    }
}
