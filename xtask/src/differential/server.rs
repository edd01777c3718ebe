//! The two servers, and connections to them.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::reply::{Reply, ReplyReader};

/// How long a server may take to listen, and a reply to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server of this run's own, ended when dropped.
pub(crate) struct Server {
    program: PathBuf,
    options: Vec<String>,
    dir: PathBuf,
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts a server on a free loopback port, without persistence, in a directory of its own.
    ///
    /// The multi-call binary is told which program to be; anything else is taken to be a server by itself.
    pub(crate) fn start(program: &Path, options: &[String], dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let (child, address) = launch(program, options, dir)?;
        Ok(Self { program: program.into(), options: options.into(), dir: dir.into(), child, address })
    }

    /// Ends the server, if it still runs, and starts it anew.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.end();
        (self.child, self.address) = launch(&self.program, &self.options, &self.dir)?;
        Ok(())
    }

    /// How the process ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| format!("the server ended: {status}"))
    }

    pub(crate) fn connect(&self) -> Result<Connection> {
        Connection::open(self.address)
            .with_context(|| format!("cannot connect to {}", self.program.display()))
    }

    fn end(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn launch(program: &Path, options: &[String], dir: &Path) -> Result<(Child, SocketAddr)> {
    // The port is free now; another process could take it first, which the wait below would report.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut command = Command::new(program);
    if program.file_stem().is_some_and(|stem| stem == "carnelian") {
        command.arg("server");
    }
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning"]);
    command.args(options).arg("--dir").arg(dir);
    let log = std::fs::File::create(dir.join("server.log"))?;
    // Sorting by text follows the locale; the order of bytes is the same everywhere.
    command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let mut child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Ok(mut connection) = Connection::open(address)
            && connection.ask(&[b"PING"]).is_ok_and(|reply| reply.text == b"PONG")
        {
            return Ok((child, address));
        }
        let ended = child.try_wait()?;
        if ended.is_some() || Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            let log = std::fs::read_to_string(dir.join("server.log")).unwrap_or_default();
            let what = ended.map_or("did not answer in time".into(), |status| format!("ended: {status}"));
            bail!("{} {what}\n{log}", program.display());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A connection that sends commands in batches.
pub(crate) struct Connection {
    stream: TcpStream,
    replies: ReplyReader<TcpStream>,
}

impl Connection {
    fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { replies: ReplyReader::new(stream.try_clone()?), stream })
    }

    /// Sends commands together.
    pub(crate) fn send<'a, A: AsRef<[u8]> + 'a>(
        &mut self,
        commands: impl IntoIterator<Item = &'a [A]>,
    ) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(4096);
        for args in commands {
            write!(bytes, "*{}\r\n", args.len())?;
            for arg in args {
                write!(bytes, "${}\r\n", arg.as_ref().len())?;
                bytes.extend_from_slice(arg.as_ref());
                bytes.extend_from_slice(b"\r\n");
            }
        }
        self.stream.write_all(&bytes)
    }

    pub(crate) fn read(&mut self) -> io::Result<Reply> {
        self.replies.read()
    }

    /// Sends one command and reads its reply.
    pub(crate) fn ask<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Reply> {
        self.send([args])?;
        self.read()
    }
}
