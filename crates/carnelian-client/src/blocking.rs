//! The client that blocks, on `std::net`.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use carnelian_resp::{Reply, ReplyDecoder};

use crate::error::Error;
use crate::exchange::{Exchange, Received};
use crate::handshake;
use crate::options::{Address, ConnectOptions};
use crate::pipeline::Pipeline;

/// Bytes of a pipeline sent before the replies to them are read. Less than what sockets buffer, so that neither side
/// waits for the other to read.
const CHUNK_BYTES: usize = 32 << 10;
/// Bytes read at once.
const READ_BYTES: usize = 16 << 10;

/// A value from the server, and whether it answers a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// A reply, also one that no request waits for, as after MONITOR.
    Reply(Reply),
    /// A message: pub/sub and its confirmations, an invalidation. [`Reply::Push`], or in RESP2 an array.
    Push(Reply),
}

impl Incoming {
    /// The value itself.
    pub fn into_reply(self) -> Reply {
        match self {
            Self::Reply(reply) | Self::Push(reply) => reply,
        }
    }
}

/// A connection that blocks.
///
/// Use it either as requests with their replies ([`command`](Self::command), [`pipeline`](Self::pipeline)), or as two
/// streams ([`send`](Self::send), [`receive`](Self::receive)), which is what tools need for MONITOR, pub/sub and
/// replication. Messages that arrive between replies are kept for [`receive`](Self::receive) and
/// [`next_push`](Self::next_push).
///
/// After `CLIENT REPLY OFF` or `SKIP` only the two streams make sense.
#[derive(Debug)]
pub struct Connection {
    options: ConnectOptions,
    link: Link,
    /// Messages that arrived while a reply was waited for.
    pushes: VecDeque<Reply>,
}

/// All of a connection that is made anew when it connects again.
#[derive(Debug)]
struct Link {
    stream: Stream,
    decoder: ReplyDecoder,
    exchange: Exchange,
    buffer: Box<[u8]>,
    /// What of the buffer has not been decoded.
    unread: std::ops::Range<usize>,
    read_timeout: Option<Duration>,
    unusable: bool,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Connection {
    /// Connect and do what the options ask for: HELLO or AUTH, name, database.
    pub fn connect(options: &ConnectOptions) -> Result<Self, Error> {
        let mut connection =
            Self { options: options.clone(), link: Link::open(options)?, pushes: VecDeque::new() };
        connection.handshake()?;
        Ok(connection)
    }

    /// Drop the connection, with everything sent and not received, and connect again with the same options.
    pub fn reconnect(&mut self) -> Result<(), Error> {
        self.pushes.clear();
        self.link.unusable = true;
        self.link = Link::open(&self.options)?;
        self.handshake()
    }

    fn handshake(&mut self) -> Result<(), Error> {
        self.link.set_read_timeout(self.options.connect_timeout)?;
        let (requests, names) = handshake::requests(&self.options);
        let judged = self.pipeline(&requests).and_then(|replies| handshake::judge(&names, &replies));
        self.link.set_read_timeout(self.options.response_timeout)?;
        self.link.unusable |= judged.is_err();
        judged
    }

    /// What this connection was made with.
    pub fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// How long to wait for a value from now on; `None` is forever. Reset by [`reconnect`](Self::reconnect).
    pub fn set_read_timeout(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        self.link.set_read_timeout(timeout)
    }

    /// Send a request and wait for its reply. An error reply is a reply, see [`check`](crate::check).
    ///
    /// The reply to SUBSCRIBE and its like is the confirmation of the last channel; all of them are also messages.
    /// If this fails the connection is unusable, because the reply may still arrive.
    pub fn command(&mut self, args: &[impl AsRef<[u8]>]) -> Result<Reply, Error> {
        let mut pipeline = Pipeline::new();
        pipeline.command(args);
        self.pipeline(&pipeline)?.pop().ok_or(Error::EmptyCommand)
    }

    /// Send requests and wait for all replies, which are in the order of the requests.
    ///
    /// Long pipelines go out in parts, each when the replies to the last one have arrived, so their length has no
    /// limit. If this fails the connection is unusable.
    pub fn pipeline(&mut self, pipeline: &Pipeline) -> Result<Vec<Reply>, Error> {
        if self.link.unusable {
            return Err(Error::Unusable);
        }
        let replies = self.exchange(pipeline);
        self.link.unusable = replies.is_err();
        replies
    }

    fn exchange(&mut self, pipeline: &Pipeline) -> Result<Vec<Reply>, Error> {
        // Replies to what `send` has sent belong to nobody who waits here.
        while self.link.exchange.waiting() > 0 {
            self.next_answer()?;
        }
        let mut replies = Vec::with_capacity(pipeline.len());
        let (mut start, mut requests) = (0, pipeline.requests.iter().peekable());
        while let Some(&(mut end, expect)) = requests.next() {
            self.link.exchange.sent(expect);
            while let Some(&(next, expect)) = requests.next_if(|(next, _)| next - start <= CHUNK_BYTES) {
                self.link.exchange.sent(expect);
                end = next;
            }
            self.link.stream.write_all(&pipeline.bytes[start..end])?;
            start = end;
            while self.link.exchange.waiting() > 0 {
                replies.push(self.next_answer()?);
            }
        }
        Ok(replies)
    }

    fn next_answer(&mut self) -> Result<Reply, Error> {
        loop {
            let push = match self.link.receive()? {
                Received::Answer(reply) => return Ok(reply),
                Received::Unrequested(_) => return Err(Error::Unrequested),
                Received::Confirmation(reply) => {
                    self.keep(reply.clone())?;
                    return Ok(reply);
                }
                Received::Push(reply) => reply,
            };
            self.keep(push)?;
        }
    }

    fn keep(&mut self, push: Reply) -> Result<(), Error> {
        if self.pushes.len() >= self.options.max_pushes {
            return Err(Error::TooManyPushes);
        }
        self.pushes.push_back(push);
        Ok(())
    }

    /// Send a request and do not wait.
    pub fn send(&mut self, args: &[impl AsRef<[u8]>]) -> Result<(), Error> {
        let mut pipeline = Pipeline::new();
        pipeline.command(args);
        if pipeline.is_empty() { Err(Error::EmptyCommand) } else { self.send_pipeline(&pipeline) }
    }

    /// Send requests and do not wait. Receive in between if their replies are more than sockets buffer.
    pub fn send_pipeline(&mut self, pipeline: &Pipeline) -> Result<(), Error> {
        if self.link.unusable {
            return Err(Error::Unusable);
        }
        for &(_, expect) in &pipeline.requests {
            self.link.exchange.sent(expect);
        }
        self.send_raw(&pipeline.bytes)
    }

    /// Send bytes as they are, encoded elsewhere or not even sound.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let sent = self.link.stream.write_all(bytes);
        // How much of it has been sent is not known after a failure.
        self.link.unusable |= sent.is_err();
        Ok(sent?)
    }

    /// The next value: a message kept from before, or what arrives next, reply or message.
    ///
    /// After a timeout this can be called again; nothing is lost.
    pub fn receive(&mut self) -> Result<Incoming, Error> {
        if let Some(push) = self.pushes.pop_front() {
            return Ok(Incoming::Push(push));
        }
        if self.link.unusable {
            return Err(Error::Unusable);
        }
        let received = self.link.receive();
        self.link.unusable = received.as_ref().is_err_and(|error| !matches!(error, Error::Timeout));
        Ok(match received? {
            Received::Answer(reply) | Received::Unrequested(reply) => Incoming::Reply(reply),
            Received::Push(reply) | Received::Confirmation(reply) => Incoming::Push(reply),
        })
    }

    /// The next message, waiting for one if none has been kept. A reply that arrives instead is
    /// [`Error::Unrequested`].
    pub fn next_push(&mut self) -> Result<Reply, Error> {
        match self.receive()? {
            Incoming::Push(push) => Ok(push),
            Incoming::Reply(_) => {
                self.link.unusable = true;
                Err(Error::Unrequested)
            }
        }
    }

    /// Read bytes that are no replies, such as the payload of a replication, into `buffer`; gives their number, 0 at
    /// the end of the stream. Bytes that have arrived behind the last reply come first.
    pub fn read_raw(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.link.read_raw(buffer)
    }
}

impl Link {
    fn open(options: &ConnectOptions) -> Result<Self, Error> {
        Ok(Self {
            stream: Stream::connect(&options.address, options.connect_timeout)?,
            decoder: ReplyDecoder::new(options.decode_limits),
            exchange: Exchange::new(),
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            unread: 0..0,
            read_timeout: None,
            unusable: false,
        })
    }

    /// The next value from the network. After a timeout it can be called again.
    fn receive(&mut self) -> Result<Received, Error> {
        // The socket's own timeout starts anew with every piece; a server that sends one byte at a time must not get
        // around it.
        let mut deadline = None;
        loop {
            let unread = &self.buffer[self.unread.clone()];
            let decoded = self.decoder.decode(unread)?;
            self.unread.start += decoded.consumed;
            if let Some(reply) = decoded.reply {
                return Ok(self.exchange.received(reply));
            }
            if let Some(timeout) = self.read_timeout {
                let now = Instant::now();
                if now > *deadline.get_or_insert(now + timeout) {
                    return Err(Error::Timeout);
                }
            }
            let read = retry(|| self.stream.read(&mut self.buffer))?;
            if read == 0 {
                return Err(Error::Closed);
            }
            self.unread = 0..read;
        }
    }

    fn read_raw(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let unread = &self.buffer[self.unread.clone()];
        if unread.is_empty() {
            return Ok(retry(|| self.stream.read(buffer))?);
        }
        let taken = unread.len().min(buffer.len());
        buffer[..taken].copy_from_slice(&unread[..taken]);
        self.unread.start += taken;
        Ok(taken)
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        // The operating system refuses zero, which would mean forever.
        let timeout = timeout.map(|timeout| timeout.max(Duration::from_millis(1)));
        self.read_timeout = timeout;
        match &self.stream {
            Stream::Tcp(stream) => stream.set_read_timeout(timeout)?,
            Stream::Unix(stream) => stream.set_read_timeout(timeout)?,
        }
        Ok(())
    }
}

impl Stream {
    fn connect(address: &Address, timeout: Option<Duration>) -> Result<Self, Error> {
        match address {
            Address::Unix(path) => Ok(Self::Unix(UnixStream::connect(path)?)),
            Address::Tcp(host, port) => {
                let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
                for address in (host.as_str(), *port).to_socket_addrs()? {
                    let stream = match timeout {
                        Some(timeout) => {
                            TcpStream::connect_timeout(&address, timeout.max(Duration::from_millis(1)))
                        }
                        None => TcpStream::connect(address),
                    };
                    match stream {
                        Ok(stream) => {
                            stream.set_nodelay(true)?;
                            return Ok(Self::Tcp(stream));
                        }
                        Err(error) => last = error,
                    }
                }
                Err(last.into())
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Read again when a signal came in between.
fn retry(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
