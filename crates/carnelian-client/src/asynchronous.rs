//! The client on tokio.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use carnelian_resp::Reply;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{mpsc, oneshot};

use crate::driver::{Driver, Request};
use crate::error::Error;
use crate::handshake;
use crate::options::{Address, ConnectOptions};
use crate::pipeline::Pipeline;

/// Requests that may wait for the task of the connection before a caller has to.
const QUEUE: usize = 1024;

/// A connection that many tasks share.
///
/// It is a handle: clones use the same connection, and what they ask at the same time goes out in one write. A task of
/// its own reads and writes; it ends with the last handle and its [`Pushes`]. A future that is dropped before its reply has come does no
/// harm, the reply is thrown away.
///
/// Because replies come in the order of the requests, a command that blocks (BLPOP) holds up everybody who shares the
/// connection; connect once more for those. MONITOR and `CLIENT REPLY OFF` do not fit this client.
#[derive(Debug, Clone)]
pub struct Client {
    requests: mpsc::Sender<Request>,
    failure: Arc<OnceLock<Error>>,
    response_timeout: Option<Duration>,
}

/// The messages of a connection: pub/sub and its confirmations, invalidations.
///
/// At most [`max_pushes`](ConnectOptions::max_pushes) are kept; one more ends the connection with
/// [`Error::TooManyPushes`]. Drop it if no messages are wanted.
#[derive(Debug)]
pub struct Pushes {
    messages: mpsc::Receiver<Reply>,
}

impl Pushes {
    /// The next message, a [`Reply::Push`] or in RESP2 an array; `None` once the connection has ended. May be dropped
    /// half way without losing a message.
    pub async fn recv(&mut self) -> Option<Reply> {
        self.messages.recv().await
    }

    /// The next message if one has arrived.
    pub fn try_recv(&mut self) -> Option<Reply> {
        self.messages.try_recv().ok()
    }
}

impl Client {
    /// Connect and do what the options ask for: HELLO or AUTH, name, database. Must be called within a tokio runtime
    /// with I/O and time enabled.
    pub async fn connect(options: &ConnectOptions) -> Result<(Self, Pushes), Error> {
        let (requests, requested) = mpsc::channel(QUEUE);
        let max_pushes = options.max_pushes.clamp(1, tokio::sync::Semaphore::MAX_PERMITS);
        let (pushes, messages) = mpsc::channel(max_pushes);
        let failure = Arc::default();
        let driver = Driver::new(options, requested, pushes, Arc::clone(&failure));
        within(options.connect_timeout, spawn(&options.address, driver)).await?;

        let mut client = Self { requests, failure, response_timeout: options.connect_timeout };
        let (handshake, names) = handshake::requests(options);
        let replies = client.pipeline(handshake).await?;
        handshake::judge(&names, &replies)?;
        client.response_timeout = options.response_timeout;
        Ok((client, Pushes { messages }))
    }

    /// Send a request and wait for its reply. An error reply is a reply, see [`check`](crate::check).
    ///
    /// The reply to SUBSCRIBE and its like is the confirmation of the last channel; all of them are also messages.
    pub async fn command(&self, args: &[impl AsRef<[u8]>]) -> Result<Reply, Error> {
        let mut pipeline = Pipeline::new();
        pipeline.command(args);
        self.pipeline(pipeline).await?.pop().ok_or(Error::EmptyCommand)
    }

    /// Send requests together and wait for all replies, which are in the order of the requests. No request of another
    /// task comes in between.
    pub async fn pipeline(&self, pipeline: Pipeline) -> Result<Vec<Reply>, Error> {
        if pipeline.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        let exchange = async {
            self.requests.send(Request { pipeline, answer }).await.map_err(|_| self.failure())?;
            answered.await.map_err(|_| self.failure())?
        };
        within(self.response_timeout, exchange).await
    }

    /// Whether the connection has ended; every request will fail from then on.
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    fn failure(&self) -> Error {
        self.failure.get().cloned().unwrap_or(Error::Closed)
    }
}

async fn spawn(address: &Address, driver: Driver) -> Result<(), Error> {
    match address {
        Address::Tcp(host, port) => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            let (reader, writer) = stream.into_split();
            tokio::spawn(driver.run(reader, writer));
        }
        Address::Unix(path) => {
            let (reader, writer) = UnixStream::connect(path).await?.into_split();
            tokio::spawn(driver.run(reader, writer));
        }
    }
    Ok(())
}

async fn within<T>(
    timeout: Option<Duration>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match timeout {
        Some(timeout) => tokio::time::timeout(timeout, work).await.unwrap_or(Err(Error::Timeout)),
        None => work.await,
    }
}
