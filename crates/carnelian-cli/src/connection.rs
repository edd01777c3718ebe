//! One blocking connection: a TCP or unix socket, commands out, replies in.
//!
//! The prompt needs more of a connection than a client library gives: to cut it from another thread when Ctrl-C ends
//! a message stream, to see pushes in the order in which they came, and to read the raw bytes that follow SYNC.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use carnelian_resp::{DecodeError, Reply, ReplyDecoder};
use socket2::{SockRef, TcpKeepalive};

use crate::console::io_error_text;
use crate::options::Address;

/// How long a silent connection goes without a probe, so that a vanished server is noticed under a long command.
const KEEPALIVE: Duration = Duration::from_secs(15);
const READ_BYTES: usize = 16 * 1024;

/// Why a connection is of no more use.
#[derive(Debug)]
pub(crate) enum LinkError {
    /// The other side closed it.
    Closed,
    Io(io::Error),
    /// What arrived is not a reply.
    Protocol(DecodeError),
}

impl LinkError {
    /// A read that ended because the time set with [`Connection::set_read_timeout`] was over.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, Self::Io(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
    }

    /// Whether the peer going away explains it, so that connecting again makes sense.
    pub(crate) fn is_disconnect(&self) -> bool {
        match self {
            Self::Closed => true,
            Self::Io(error) => {
                matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
            }
            Self::Protocol(_) => false,
        }
    }
}

impl std::fmt::Display for LinkError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("Server closed the connection"),
            Self::Io(error) => f.write_str(&io_error_text(error)),
            Self::Protocol(error) => write!(f, "Protocol error, {error}"),
        }
    }
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(socket) => Self::Tcp(socket.try_clone()?),
            Self::Unix(socket) => Self::Unix(socket.try_clone()?),
        })
    }

    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self {
                Self::Tcp(socket) => socket.read(buf),
                Self::Unix(socket) => socket.read(buf),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.write_all(bytes),
            Self::Unix(socket) => socket.write_all(bytes),
        }
    }
}

/// A handle that ends a connection from another thread.
pub(crate) struct Cut(Socket);

impl Cut {
    /// Both directions end; a reader that waits returns at once.
    pub(crate) fn cut(&self) {
        // Fails only when the connection is gone already, which is what we want.
        let _ = match &self.0 {
            Socket::Tcp(socket) => socket.shutdown(Shutdown::Both),
            Socket::Unix(socket) => socket.shutdown(Shutdown::Both),
        };
    }
}

/// The sending half of a connection, for a thread of its own.
pub(crate) struct Sender(Socket);

impl Sender {
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}

/// An open connection.
pub(crate) struct Connection {
    socket: Socket,
    decoder: ReplyDecoder,
    /// Received and not yet decoded: `received[start..]`.
    received: Vec<u8>,
    start: usize,
    request: Vec<u8>,
}

impl Connection {
    /// Connect; nothing is sent yet.
    pub(crate) fn open(address: &Address) -> io::Result<Self> {
        let socket = if let Some(path) = &address.socket {
            Socket::Unix(UnixStream::connect(path)?)
        } else {
            let socket = TcpStream::connect((address.host.as_str(), address.port))?;
            // Both only make the connection nicer to use.
            let _ = socket.set_nodelay(true);
            let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
            let _ = SockRef::from(&socket).set_tcp_keepalive(&keepalive);
            Socket::Tcp(socket)
        };
        Ok(Self {
            socket,
            decoder: ReplyDecoder::default(),
            received: Vec::new(),
            start: 0,
            request: Vec::new(),
        })
    }

    /// Send one command.
    pub(crate) fn send(&mut self, args: &[impl AsRef<[u8]>]) -> Result<(), LinkError> {
        self.queue(args);
        self.send_queued()
    }

    /// Put a command in line; [`Connection::send_queued`] sends the line.
    pub(crate) fn queue(&mut self, args: &[impl AsRef<[u8]>]) {
        carnelian_resp::encode_command(&mut self.request, args);
    }

    pub(crate) fn send_queued(&mut self) -> Result<(), LinkError> {
        let sent = self.socket.write_all(&self.request);
        self.request.clear();
        Ok(sent?)
    }

    /// Send one command and wait for its reply; pushes that come before it are dropped.
    pub(crate) fn call(&mut self, args: &[impl AsRef<[u8]>]) -> Result<Reply, LinkError> {
        self.send(args)?;
        loop {
            match self.read_reply()? {
                Reply::Push(_) => {}
                reply => return Ok(reply),
            }
        }
    }

    /// The next reply or push.
    pub(crate) fn read_reply(&mut self) -> Result<Reply, LinkError> {
        loop {
            let decoded = self.decoder.decode(&self.received[self.start..]).map_err(LinkError::Protocol)?;
            self.start += decoded.consumed;
            if let Some(reply) = decoded.reply {
                return Ok(reply);
            }
            self.receive()?;
        }
    }

    /// Wait for more bytes, all earlier ones having been decoded.
    fn receive(&mut self) -> Result<(), LinkError> {
        self.start = 0;
        self.received.resize(READ_BYTES, 0);
        let read = self.socket.read(&mut self.received);
        self.received.truncate(*read.as_ref().unwrap_or(&0));
        if read? == 0 { Err(LinkError::Closed) } else { Ok(()) }
    }

    /// Bytes as they come, at most `buf.len()`; at least one.
    pub(crate) fn read_raw(&mut self, buf: &mut [u8]) -> Result<usize, LinkError> {
        let held = &self.received[self.start..];
        if !held.is_empty() {
            let taken = held.len().min(buf.len());
            buf[..taken].copy_from_slice(&held[..taken]);
            self.start += taken;
            return Ok(taken);
        }
        match self.socket.read(buf)? {
            0 => Err(LinkError::Closed),
            read => Ok(read),
        }
    }

    pub(crate) fn send_raw(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        Ok(self.socket.write_all(bytes)?)
    }

    /// Let reads fail with a timeout after this long; [`LinkError::is_timeout`] tells them.
    pub(crate) fn set_read_timeout(&mut self, timeout: Duration) -> io::Result<()> {
        match &self.socket {
            Socket::Tcp(socket) => socket.set_read_timeout(Some(timeout)),
            Socket::Unix(socket) => socket.set_read_timeout(Some(timeout)),
        }
    }

    /// A handle to end this connection from elsewhere; `None` when the process has no file descriptor left.
    pub(crate) fn cut(&self) -> Option<Cut> {
        self.socket.try_clone().ok().map(Cut)
    }

    /// A handle to send from another thread while this one reads.
    pub(crate) fn sender(&self) -> io::Result<Sender> {
        self.socket.try_clone().map(Sender)
    }
}
