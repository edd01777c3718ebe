//! One client's connection: bytes in, commands, bytes out.
//!
//! Bytes are read into a buffer that all connections of a worker share; only what is left of an unfinished request is kept
//! with the connection. Every complete request in a read is executed before the replies are written, with one write.

use crate::client::ClientHandle;
use crate::inbox::Mail;
use crate::placement::Pace;
use crate::stream::{Accepted, Stream};
use crate::worker::Worker;
use bytes::BytesMut;
use carnelian_commands::{Blocked, Client, CommandError, Flow, ReplyMode, Session};
use carnelian_resp::{Limits, Protocol, ProtocolError, ReplyWriter, RequestParser, Status};
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, Sleep};

/// Replies of one batch that are sent before the next command runs, in bytes.
const FLUSH_BYTES: usize = 64 * 1024;
/// As much of values that replies refer to: they take no buffer, so that more of them can leave with one write.
const FLUSH_SHARED_BYTES: usize = 256 * 1024;
/// As much is sent to one client before others have their turn.
const FLUSH_BYTES_MAX: usize = 512 * 1024;
/// After so much time others have their turn, if there is more to do for a client.
const TURN_NS: u64 = 1_000_000;
/// Most pieces that one write sends: large texts, and what lies between them.
const SLICES_MAX: usize = 64;
/// Unsent replies from which a client that has not authenticated is closed, in bytes.
pub(crate) const UNAUTHENTICATED_OUTPUT_MAX: usize = 17 * 1024;
/// Unprocessed requests from which a blocked client is not read any more, in bytes.
const BLOCKED_INPUT_MAX: usize = 1024 * 1024;
/// What a parser may keep between requests, in bytes; only requests of thousands of arguments need more.
const PARSER_KEPT_BYTES: usize = 64 * 1024;
/// The least room for one read of the rest of a request, in bytes.
const READ_BYTES_MIN: usize = 16 * 1024;
/// How often a command that finds a shard held is tried again as soon as all other connections had their turn.
const TRIES_AT_ONCE: u32 = 8;
/// After what time it is tried again from then on, should nobody tell that locks were released.
const RETRY_AFTER: Duration = Duration::from_millis(1);
/// How long a closing connection may take to accept its last replies.
const LAST_REPLIES_MS: u64 = 5_000;

enum State {
    Ready,
    /// Waits for a reply that somebody else's command brings.
    Blocked {
        blocked: Blocked,
        deadline: Option<Pin<Box<Sleep>>>,
    },
    /// The next command has to wait until the server says otherwise.
    Postponed,
    /// The next command found a shard held. It is tried again when locks are released, or now and then: at once, after all
    /// other connections had their turn, or when time has passed.
    Busy {
        retry: Option<Pin<Box<Sleep>>>,
    },
}

enum Event {
    Read(usize),
    Mail,
    Writable,
    Timeout,
    Closed,
}

/// How serving a connection has ended.
enum End {
    /// It is closed from this side, with replies to be sent first.
    Close,
    /// Another worker serves it from now on.
    Move(usize),
}

/// A connection that is served. Dropping this gives back what its client held, whichever way that has ended: a command that
/// panicked must not leave others waiting for it.
struct Served(Option<Connection>);

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.0 {
            connection.clean_up();
        }
    }
}

pub(crate) struct Connection {
    stream: Stream,
    worker: Rc<Worker>,
    session: Session,
    client: Arc<ClientHandle>,
    parser: RequestParser,
    /// Received and not executed: the beginning of a request, or whatever came while the client was blocked.
    pending: BytesMut,
    /// Bytes that the request at the start of `pending` needs to be complete, as far as known.
    needed: usize,
    out: ReplyWriter,
    /// When the soft limit on unsent replies was exceeded, in milliseconds since 1970.
    over_soft_limit_since_ms: Option<u64>,
    authenticated: bool,
    state: State,
    /// How often the next command has found a shard held.
    tries: u32,
    closing: bool,
    pace: Pace,
    /// How long it has been at work since others had their turn, in nanoseconds.
    turn_ns: u64,
    /// It should see whether another worker is better.
    may_move: bool,
}

impl Connection {
    /// A connection that has been accepted. An error forgets the client.
    pub(crate) fn new(socket: Accepted, worker: Rc<Worker>, client: Arc<ClientHandle>) -> io::Result<Self> {
        let stream = Stream::new(socket).inspect_err(|_| worker.server.forget_client(&client))?;
        let authenticated = !worker.server.requires_password();
        let limits = worker.server.request_limits(authenticated);
        client.authenticated.store(authenticated, Relaxed);
        let mut out = ReplyWriter::new(Protocol::Resp2);
        out.share_large();
        Ok(Self {
            stream,
            session: Session::new(client.id, authenticated, Arc::clone(&client) as Arc<dyn Client>),
            parser: RequestParser::new(limits),
            pending: BytesMut::new(),
            needed: 0,
            out,
            over_soft_limit_since_ms: None,
            authenticated,
            state: State::Ready,
            tries: 0,
            closing: false,
            pace: Pace::default(),
            turn_ns: 0,
            may_move: false,
            worker,
            client,
        })
    }

    /// Serves the client until it leaves or is closed, or another worker does that.
    pub(crate) async fn run(self) {
        let mut served = Served(Some(self));
        let Some(connection) = &mut served.0 else { return };
        match connection.serve().await {
            Ok(End::Close) => connection.send_last_replies().await,
            Ok(End::Move(worker)) => {
                if let Some(connection) = served.0.take() {
                    connection.move_to(worker);
                }
            }
            Err(_) => {}
        }
    }

    /// Lets another worker serve the client.
    fn move_to(self, to: usize) {
        let Self { stream, worker, session, client, parser, pending, needed, out, authenticated, .. } = self;
        let (over_soft_limit_since_ms, pace) = (self.over_soft_limit_since_ms, self.pace);
        client.worker.store(to, Relaxed);
        worker
            .server
            .log
            .write(crate::log::Level::Verbose, format_args!("Client id={} moves to worker {to}", client.id));
        let socket = stream.leave();
        let arrival = Box::new(move |worker: Rc<Worker>| {
            let mut session = session;
            let stream = match socket.and_then(Stream::new) {
                Ok(stream) => stream,
                Err(error) => {
                    worker.node.discard(&mut session);
                    worker.server.forget_client(&client);
                    return Err(error);
                }
            };
            Ok(Self {
                stream,
                worker,
                session,
                client,
                parser,
                pending,
                needed,
                out,
                over_soft_limit_since_ms,
                authenticated,
                state: State::Ready,
                tries: 0,
                closing: false,
                pace,
                turn_ns: 0,
                may_move: false,
            })
        });
        // Workers end only with the server.
        worker.server.workers.read().get(to).map(|worker| worker.send(arrival));
    }

    /// Ends with an error when the connection is to be closed at once.
    async fn serve(&mut self) -> io::Result<End> {
        loop {
            if self.client.inbox.has_mail() {
                self.read_mail();
            }
            if !self.closing && matches!(self.state, State::Ready) && self.has_work() {
                // A large request may be too much before it has run.
                self.account();
                if !self.client.closing.load(Relaxed) {
                    self.execute_pending();
                }
            }
            self.flush()?;
            if self.closing {
                return Ok(End::Close);
            }
            if self.is_over_output_limit() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            self.account();
            if matches!(self.state, State::Busy { retry: None }) {
                tokio::task::yield_now().await;
                self.try_again();
                continue;
            }
            if self.may_move && matches!(self.state, State::Ready) {
                self.may_move = false;
                if let Some(worker) = self.worker.server.better_worker(self.worker.index, &self.pace) {
                    return Ok(End::Move(worker));
                }
            }
            if self.turn_ns >= TURN_NS {
                self.turn_ns = 0;
                tokio::task::yield_now().await;
            }
            match self.wait().await? {
                Event::Read(bytes) => {
                    self.worker.counters.input_bytes.add(bytes as u64);
                    self.worker.counters.reads.add(1);
                    if self.pending.is_empty() {
                        self.execute_read(bytes);
                    } else if self.pending.len() > self.worker.server.query_buffer_limit() {
                        let server = &self.worker.server;
                        server.totals.query_limit_disconnections.fetch_add(1, Relaxed);
                        server.log.warning(format_args!(
                            "Closing client that reached max query buffer length: id={}",
                            self.client.id
                        ));
                        return Err(io::ErrorKind::ConnectionAborted.into());
                    }
                }
                Event::Mail | Event::Writable => {}
                Event::Timeout => self.time_out(),
                Event::Closed => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    /// Whether `pending` may hold a complete request.
    fn has_work(&self) -> bool {
        !self.pending.is_empty() && self.pending.len() >= self.needed
    }

    /// Waits for the first of: mail, room for replies, the deadline, bytes.
    async fn wait(&mut self) -> io::Result<Event> {
        let Self { stream, worker, client, pending, out, state, needed, turn_ns, .. } = self;
        let unsent = out.unsent();
        let waiting = !matches!(state, State::Ready);
        let may_read = !waiting || pending.len() < BLOCKED_INPUT_MAX;
        let keeps_input = waiting || !pending.is_empty();
        if keeps_input && may_read {
            reserve(pending, *needed);
        }
        poll_fn(|cx| {
            if client.inbox.has_mail() {
                return Poll::Ready(Ok(Event::Mail));
            }
            if unsent > 0
                && let Poll::Ready(ready) = stream.poll_write_ready(cx)
            {
                return Poll::Ready(ready.map(|()| Event::Writable));
            }
            if may_read {
                let read = if keeps_input {
                    pin!(stream.read_buf(pending)).poll(cx)
                } else {
                    worker.poll_read(stream, cx)
                };
                match read {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Ok(Event::Closed)),
                    Poll::Ready(Ok(bytes)) => return Poll::Ready(Ok(Event::Read(bytes))),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {}
                }
            }
            if let State::Blocked { deadline: Some(deadline), .. } | State::Busy { retry: Some(deadline) } =
                state
                && deadline.as_mut().poll(cx).is_ready()
            {
                return Poll::Ready(Ok(Event::Timeout));
            }
            client.inbox.register(cx.waker());
            if client.inbox.has_mail() {
                return Poll::Ready(Ok(Event::Mail));
            }
            *turn_ns = 0;
            Poll::Pending
        })
        .await
    }

    /// Executes what the worker's buffer holds for this connection and keeps the rest.
    fn execute_read(&mut self, bytes: usize) {
        let worker = Rc::clone(&self.worker);
        let buffer = worker.read_buffer.borrow();
        let Some(input) = buffer.get(..bytes) else { return };
        let consumed = self.execute(input);
        self.pending.extend_from_slice(&input[consumed..]);
    }

    fn execute_pending(&mut self) {
        let mut input = std::mem::take(&mut self.pending);
        let consumed = self.execute(&input);
        if consumed < input.len() {
            bytes::Buf::advance(&mut input, consumed);
            self.pending = input;
        }
    }

    /// Executes complete requests until the input ends or the client has to wait; returns how much was consumed.
    fn execute(&mut self, input: &[u8]) -> usize {
        let worker = Rc::clone(&self.worker);
        if self.out.is_empty() {
            worker.lend_buffer(&mut self.out);
        }
        let now_ms = worker.server.clock.unix_ms();
        let begun = self.pace.begin(&worker.server.clock, now_ms);
        // What CLIENT LIST, should it be among the requests, shows of this client.
        self.client.query_bytes.store(input.len(), Relaxed);
        let mut batch = worker.node.batch(now_ms, &worker.stats, worker.seat.as_ref());
        // Nothing is awaited before it is given back.
        let mut ahead = worker.ahead.borrow_mut();
        ahead.clear();
        let mut at = 0;
        self.needed = 0;
        while at < input.len() && !self.closing {
            // What a client may send changes when it authenticates, so its requests are not looked at before.
            if ahead.is_empty() && self.authenticated && !self.parser.is_midway() {
                ahead.fill(&mut batch, &self.parser, self.session.db, input, at);
            }
            let (start, node) = (self.out.len(), &worker.node);
            let ran = node.run_ready(&mut ahead, input, &mut self.session, &mut self.out, &mut batch);
            let (flow, end) = if let Some(ran) = ran {
                ran
            } else if let Some((args, prepared, end)) = ahead.next(input) {
                let flow =
                    node.execute_prepared(&mut self.session, args, &prepared, &mut self.out, &mut batch);
                ahead.take(1);
                (flow, end)
            } else {
                let rest = &input[at..];
                match self.parser.parse(rest) {
                    Ok(Status::Complete { len }) => {
                        let args = self.parser.args(rest);
                        if args.is_empty() {
                            at += len;
                            continue;
                        }
                        let (node, session) = (&worker.node, &mut self.session);
                        let prepared = node.prepare(args);
                        let flow = node.execute_prepared(session, args, &prepared, &mut self.out, &mut batch);
                        (flow, at + len)
                    }
                    Ok(Status::Incomplete { needed }) => {
                        self.needed = needed;
                        break;
                    }
                    Err(error) => {
                        self.refuse_protocol(error);
                        at = input.len();
                        break;
                    }
                }
            };
            if !matches!(flow, Flow::Postponed | Flow::Busy) {
                at = end;
                self.tries = 0;
                if self.session.reply_mode != ReplyMode::On {
                    self.withhold_reply(start);
                }
            }
            match flow {
                Flow::Continue => {}
                Flow::Close => self.closing = true,
                Flow::Blocked(blocked) => {
                    self.begin_waiting(*blocked);
                    break;
                }
                Flow::Postponed => {
                    self.state = State::Postponed;
                    worker.server.pause.add(&self.client);
                    break;
                }
                Flow::Busy => {
                    self.begin_trying();
                    break;
                }
            }
            if self.session.authenticated != self.authenticated {
                self.authenticated = self.session.authenticated;
                self.client.authenticated.store(self.authenticated, Relaxed);
                self.parser.set_limits(worker.server.request_limits(self.authenticated));
                ahead.clear();
            }
            if self.is_flush_due() {
                batch.settle();
                if !self.flush_early() {
                    break;
                }
            }
        }
        // Between requests, a large one leaves its memory behind.
        if at == input.len() && self.parser.heap_bytes() > PARSER_KEPT_BYTES {
            self.parser.shrink();
        }
        ahead.shrink();
        drop(ahead);
        let resp = if self.out.protocol() == Protocol::Resp3 { 3 } else { 2 };
        self.client.refresh(&self.session, resp, now_ms);
        let (took_ns, is_slow) = self.pace.end(&begun, &worker.server.clock, now_ms);
        self.turn_ns += took_ns;
        if is_slow {
            self.keep_apart();
        }
        at
    }

    /// What this client has its worker do takes long: others should not have to wait for it.
    #[cold]
    fn keep_apart(&mut self) {
        let (server, here) = (&self.worker.server, self.worker.index);
        self.may_move = server.better_worker(here, &self.pace).is_some();
        if !self.may_move {
            server.avoid_worker(here);
        }
    }

    /// The client cannot be understood any more.
    #[cold]
    fn refuse_protocol(&mut self, error: ProtocolError) {
        let worker = &self.worker;
        worker.server.log.write(
            crate::log::Level::Verbose,
            format_args!("Protocol error ({error}) from client: id={}", self.client.id),
        );
        worker.server.totals.protocol_errors.fetch_add(1, Relaxed);
        self.out.error(format!("ERR Protocol error: {error}"));
        worker.node.errors().count(b"ERR");
        worker.stats.errors.add(1);
        self.closing = true;
    }

    #[inline]
    fn is_flush_due(&self) -> bool {
        let (unsent, shared) = (self.out.unsent(), self.out.unsent_shared());
        unsent > FLUSH_BYTES && (unsent - shared > FLUSH_BYTES || shared > FLUSH_SHARED_BYTES)
    }

    /// Sends replies in the middle of a batch. False when the client is about to be closed: it has not authenticated and does
    /// not read them, or clients take too much memory, and it more than others.
    fn flush_early(&mut self) -> bool {
        // The limit is on what was replied, not on what the socket happens to take of it. Before it has authenticated a client
        // may have as many refusals as it reads.
        if (self.authenticated && self.is_over_output_limit())
            || self.flush().is_err()
            || self.is_over_output_limit()
        {
            self.closing = true;
            self.discard_replies();
            return false;
        }
        self.account();
        !self.client.closing.load(Relaxed)
            && (self.authenticated || self.out.unsent() < UNAUTHENTICATED_OUTPUT_MAX)
    }

    /// Gives up what has not been sent.
    fn discard_replies(&mut self) {
        self.out.clear();
        drop(self.out.take());
    }

    /// Takes back what a command wrote although CLIENT REPLY says that it must not.
    #[cold]
    fn withhold_reply(&mut self, start: usize) {
        let start = start.max(std::mem::take(&mut self.session.messages_end));
        match self.session.reply_mode {
            ReplyMode::On => {}
            ReplyMode::Off => self.out.truncate(start),
            ReplyMode::SkipNext => self.session.reply_mode = ReplyMode::Skip,
            ReplyMode::Skip => {
                self.out.truncate(start);
                self.session.reply_mode = ReplyMode::On;
            }
        }
    }

    fn begin_waiting(&mut self, blocked: Blocked) {
        let deadline = blocked
            .timeout_ms
            .and_then(|timeout| Instant::now().checked_add(Duration::from_millis(timeout)))
            .map(|deadline| Box::pin(self.worker.sleep_until(deadline)));
        self.client.blocked.store(true, Relaxed);
        self.state = State::Blocked { blocked, deadline };
    }

    fn begin_trying(&mut self) {
        self.tries += 1;
        // Most locks are held for microseconds; who holds one for longer will be a while.
        let retry = (self.tries > TRIES_AT_ONCE).then(|| Box::pin(self.worker.sleep(RETRY_AFTER)));
        self.state = State::Busy { retry };
    }

    fn try_again(&mut self) {
        if matches!(self.state, State::Busy { .. } | State::Postponed) {
            self.state = State::Ready;
            self.needed = 0;
        }
    }

    fn stop_waiting(&mut self) -> Option<Blocked> {
        match std::mem::replace(&mut self.state, State::Ready) {
            State::Blocked { blocked, .. } => {
                self.client.blocked.store(false, Relaxed);
                // Whatever arrived meanwhile may be complete by now.
                self.needed = 0;
                Some(blocked)
            }
            other => {
                self.state = other;
                None
            }
        }
    }

    fn time_out(&mut self) {
        match &mut self.state {
            State::Blocked { blocked, deadline } => {
                if blocked.claim() {
                    blocked.write_timeout(&mut self.out);
                    self.end_waiting();
                } else {
                    // Served in the last moment: the reply is in the mail.
                    *deadline = None;
                }
            }
            State::Ready | State::Postponed | State::Busy { .. } => self.try_again(),
        }
    }

    fn end_waiting(&mut self) {
        if let Some(blocked) = self.stop_waiting() {
            blocked.forget(&self.worker.node);
        }
    }

    fn read_mail(&mut self) {
        for mail in self.client.inbox.take() {
            match mail {
                Mail::Reply(reply) => {
                    self.end_waiting();
                    let start = self.out.len();
                    self.out.raw(&reply);
                    self.withhold_reply(start);
                }
                Mail::Push(message) => self.out.raw(&message),
                Mail::Unblock { with_error } => self.unblock(with_error),
                Mail::Resume => {
                    if matches!(self.state, State::Postponed) {
                        self.try_again();
                    }
                }
                Mail::Retry => {
                    if matches!(self.state, State::Busy { .. }) {
                        self.try_again();
                    }
                }
                Mail::Move => self.may_move = true,
                // Done each time after the mail.
                Mail::CheckOutput => {}
                Mail::Kill => {
                    self.closing = true;
                    self.out.clear();
                }
            }
        }
    }

    fn unblock(&mut self, with_error: bool) {
        let State::Blocked { blocked, .. } = &self.state else { return };
        if !blocked.claim() {
            return;
        }
        if with_error {
            let error = CommandError::new("UNBLOCKED client unblocked via CLIENT UNBLOCK");
            self.out.error(error.text());
            self.worker.node.errors().count(error.code());
            self.worker.stats.errors.add(1);
            if let Some(command) = self.session.last_command.and_then(|id| self.worker.stats.commands.get(id))
            {
                command.failed.add(1);
            }
        } else {
            blocked.write_timeout(&mut self.out);
        }
        self.end_waiting();
    }

    /// Writes as much as the socket takes now, and no more than what others can wait for.
    fn flush(&mut self) -> io::Result<()> {
        let mut unsent = self.out.unsent();
        let enough = unsent.saturating_sub(FLUSH_BYTES_MAX);
        while unsent > 0 {
            if unsent <= enough {
                self.turn_ns = TURN_NS;
                break;
            }
            let written = if self.out.unsent_shared() > 0 {
                self.write_pieces()
            } else {
                let bytes = self.out.unsent_buf();
                self.stream.try_write(&bytes[..bytes.len().min(FLUSH_BYTES_MAX)])
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    self.out.advance(bytes);
                    unsent -= bytes;
                    self.worker.counters.output_bytes.add(bytes as u64);
                    self.worker.counters.writes.add(1);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if unsent == 0 {
            self.out.clear();
            self.over_soft_limit_since_ms = None;
            if matches!(self.state, State::Ready) {
                self.worker.take_back_buffer(&mut self.out);
            }
        } else {
            // Not for every piece: what has not been sent is copied.
            self.out.shed_sent(FLUSH_BYTES.max(unsent));
        }
        Ok(())
    }

    /// Writes what comes next of replies that refer to large values.
    #[cold]
    fn write_pieces(&self) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let count = self.out.unsent_slices(&mut slices);
        self.stream.try_write_vectored(&slices[..count])
    }

    /// Tells what the client takes. If that is too much it finds so in its mail.
    fn account(&self) {
        // What a request announces counts as if it was there: nobody else may have the room.
        let buffers = self.pending.capacity().max(self.needed)
            + self.out.capacity()
            + self.client.inbox.bytes()
            + self.parser.heap_bytes();
        self.client.buffer_bytes.store(buffers, Relaxed);
        self.client.shared_output_bytes.store(self.out.unsent_shared(), Relaxed);
        // Sending has freed some of it perhaps.
        crate::memory::publish();
        self.worker.server.account(&self.client);
    }

    fn is_over_output_limit(&mut self) -> bool {
        let unsent = (self.out.unsent() + self.client.inbox.bytes()) as u64;
        self.client.output_bytes.store(unsent as usize, Relaxed);
        let settled = self.parser.settled_bytes();
        self.client.query_bytes.store(self.pending.len().saturating_sub(settled), Relaxed);
        self.client.argument_bytes.store(settled, Relaxed);
        if unsent == 0 {
            return false;
        }
        let now_ms = self.worker.server.clock.unix_ms();
        let over = self.worker.server.output_limit_exceeded(
            &self.client,
            unsent,
            &mut self.over_soft_limit_since_ms,
            now_ms,
        );
        if over {
            self.worker.server.log.warning(format_args!(
                "Client id={} addr={} scheduled to be closed ASAP for overcoming of output buffer limits.",
                self.client.id, self.client.address
            ));
        }
        over
    }

    /// Gives the client a moment to accept what it is still owed.
    async fn send_last_replies(&mut self) {
        let mut deadline = pin!(self.worker.sleep(Duration::from_millis(LAST_REPLIES_MS)));
        while self.out.unsent() > 0 {
            let stream = &self.stream;
            let may_write = tokio::select! {
                ready = poll_fn(|cx| stream.poll_write_ready(cx)) => ready.is_ok(),
                () = &mut deadline => false,
            };
            if !may_write || self.flush().is_err() {
                return;
            }
        }
        self.stream.shut_down().await;
    }

    /// Gives back what the client held.
    fn clean_up(&mut self) {
        let node = &self.worker.node;
        if let State::Blocked { blocked, .. } = std::mem::replace(&mut self.state, State::Ready) {
            blocked.claim();
            blocked.forget(node);
        }
        node.discard(&mut self.session);
        self.worker.server.forget_client(&self.client);
    }
}

/// Makes room for more of a request that is `needed` bytes long as far as known. What is announced is reserved only in step
/// with what arrives, so that announcing costs a client nothing; and no more than that, so that the memory which its
/// requests take is what it is told to take.
fn reserve(pending: &mut BytesMut, needed: usize) {
    let len = pending.len();
    let rest = needed.saturating_sub(len);
    let enough = if rest == 0 { READ_BYTES_MIN } else { rest.min(READ_BYTES_MIN) };
    if pending.capacity() - len >= enough {
        return;
    }
    let mut room = len.max(READ_BYTES_MIN);
    // The end of a long argument is worth hitting, even if it is a little farther.
    if rest >= READ_BYTES_MIN && rest < room + READ_BYTES_MIN {
        room = rest;
    }
    let mut grown = BytesMut::with_capacity(len + room);
    grown.extend_from_slice(pending);
    *pending = grown;
}

/// Limits on requests of clients.
pub(crate) fn request_limits(authenticated: bool, max_bulk: usize) -> Limits {
    if authenticated { Limits { max_bulk, ..Limits::default() } } else { Limits::unauthenticated() }
}
