//! The task that owns an asynchronous connection: it sends what clients ask, and hands out what arrives.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::BytesMut;
use carnelian_resp::{Reply, ReplyDecoder};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::error::Error;
use crate::exchange::{Exchange, Received};
use crate::options::ConnectOptions;
use crate::pipeline::Pipeline;

/// Bytes that may wait to be sent before no more requests are taken.
const MAX_UNSENT_BYTES: usize = 1 << 20;
/// Bytes read at once.
const READ_BYTES: usize = 16 << 10;

/// Requests of one caller, and where their replies go.
pub(crate) struct Request {
    pub(crate) pipeline: Pipeline,
    pub(crate) answer: oneshot::Sender<Result<Vec<Reply>, Error>>,
}

/// A caller whose requests have been sent.
struct Waiting {
    left: usize,
    replies: Vec<Reply>,
    answer: oneshot::Sender<Result<Vec<Reply>, Error>>,
}

pub(crate) struct Driver {
    decoder: ReplyDecoder,
    exchange: Exchange,
    waiting: VecDeque<Waiting>,
    unsent: BytesMut,
    requests: mpsc::Receiver<Request>,
    pushes: mpsc::Sender<Reply>,
    max_in_flight: usize,
    /// Why the connection ended, for requests that come later.
    failure: Arc<OnceLock<Error>>,
}

impl Driver {
    pub(crate) fn new(
        options: &ConnectOptions,
        requests: mpsc::Receiver<Request>,
        pushes: mpsc::Sender<Reply>,
        failure: Arc<OnceLock<Error>>,
    ) -> Self {
        Self {
            decoder: ReplyDecoder::new(options.decode_limits),
            exchange: Exchange::new(),
            waiting: VecDeque::new(),
            unsent: BytesMut::new(),
            requests,
            pushes,
            max_in_flight: options.max_in_flight.max(1),
            failure,
        }
    }

    /// Serve until the server or the last user of the connection is gone, then tell everybody who still waits.
    pub(crate) async fn run(mut self, reader: impl AsyncRead + Unpin, writer: impl AsyncWrite + Unpin) {
        let error = self.serve(reader, writer).await.err().unwrap_or(Error::Closed);
        // Set before anybody is told, so that who asks again after a failure learns the reason too.
        let _ = self.failure.set(error.clone());
        self.requests.close();
        // Who does not listen any more does not need to be told.
        for waiting in self.waiting.drain(..) {
            let _ = waiting.answer.send(Err(error.clone()));
        }
        while let Some(request) = self.requests.recv().await {
            let _ = request.answer.send(Err(error.clone()));
        }
    }

    async fn serve(
        &mut self,
        mut reader: impl AsyncRead + Unpin,
        mut writer: impl AsyncWrite + Unpin,
    ) -> Result<(), Error> {
        let mut buffer = vec![0; READ_BYTES];
        let mut clients = true;
        loop {
            // Each of these can be dropped half way without losing anything.
            tokio::select! {
                read = reader.read(&mut buffer) => match read? {
                    0 => return Err(Error::Closed),
                    read => self.arrived(&buffer[..read])?,
                },
                written = writer.write_buf(&mut self.unsent), if !self.unsent.is_empty() => {
                    if written? == 0 {
                        return Err(Error::Closed);
                    }
                }
                request = self.requests.recv(), if clients && self.takes_requests() => match request {
                    Some(request) => {
                        self.accept(request);
                        // What has been asked meanwhile goes out with the same write.
                        while self.takes_requests() && let Ok(request) = self.requests.try_recv() {
                            self.accept(request);
                        }
                    }
                    None => clients = false,
                },
                // A future that waits for a reply borrows its client, so none is left either.
                () = self.pushes.closed(), if !clients && self.unsent.is_empty() => return Ok(()),
            }
        }
    }

    fn takes_requests(&self) -> bool {
        self.exchange.waiting() < self.max_in_flight && self.unsent.len() < MAX_UNSENT_BYTES
    }

    fn accept(&mut self, request: Request) {
        let Request { pipeline, answer } = request;
        for &(_, expect) in &pipeline.requests {
            self.exchange.sent(expect);
        }
        self.unsent.extend_from_slice(&pipeline.bytes);
        let left = pipeline.len();
        self.waiting.push_back(Waiting { left, replies: Vec::with_capacity(left), answer });
    }

    fn arrived(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let decoded = self.decoder.decode(bytes)?;
            bytes = &bytes[decoded.consumed..];
            let Some(reply) = decoded.reply else { break };
            match self.exchange.received(reply) {
                Received::Answer(reply) => self.answer(reply),
                Received::Push(push) => self.publish(push)?,
                Received::Confirmation(push) => {
                    self.publish(push.clone())?;
                    self.answer(push);
                }
                Received::Unrequested(_) => return Err(Error::Unrequested),
            }
        }
        Ok(())
    }

    fn answer(&mut self, reply: Reply) {
        let Some(waiting) = self.waiting.front_mut() else { return };
        waiting.replies.push(reply);
        waiting.left -= 1;
        if waiting.left == 0
            && let Some(waiting) = self.waiting.pop_front()
        {
            // The caller may have given up, by a timeout for instance.
            let _ = waiting.answer.send(Ok(waiting.replies));
        }
    }

    fn publish(&self, push: Reply) -> Result<(), Error> {
        match self.pushes.try_send(push) {
            Err(TrySendError::Full(_)) => Err(Error::TooManyPushes),
            // Nobody wants them.
            Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
        }
    }
}
