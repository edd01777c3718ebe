//! The state of one run: the connection, what the server remembers about it, and how a command is carried out.

use std::fmt::Write;
use std::time::Duration;

use carnelian_resp::Reply;

use crate::connection::{Connection, LinkError};
use crate::console::{Console, Exit, err, io_error_text, out};
use crate::docs::{CommandDoc, Docs};
use crate::format::Formatter;
use crate::help;
use crate::interrupt::Interrupt;
use crate::modes;
use crate::options::{Layout, Options, Resp3};

/// Why a command was not carried out to its end.
pub(crate) enum Failure {
    /// The run is over.
    Exit(Exit),
    /// There is no connection any more; the user has been told.
    Disconnected,
}

impl From<Exit> for Failure {
    fn from(exit: Exit) -> Self {
        Self::Exit(exit)
    }
}

/// What the last reply was, as far as later decisions depend on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Error,
    Null,
    Value,
}

/// One run of the client.
pub(crate) struct Session<'d> {
    pub(crate) console: Console,
    pub(crate) options: Options,
    pub(crate) interrupt: Interrupt,
    pub(crate) docs: Option<Docs>,
    built_in_docs: &'d [CommandDoc],
    connection: Option<Connection>,
    /// At the prompt a lost connection is not the end.
    pub(crate) interactive: bool,
    /// The database the server has selected for us; `options.address.database` is the one we want.
    selected: i64,
    in_transaction: bool,
    selected_before_transaction: i64,
    /// Follow-up of a redirection: connect anew, perhaps say ASKING, and send the command again.
    redirected: bool,
    say_asking: bool,
    /// Push messages are replies now, because a message stream is being read.
    streaming: bool,
    /// SHUTDOWN was sent: the connection will close without a reply, as it should.
    shutting_down: bool,
}

impl<'d> Session<'d> {
    pub(crate) fn new(console: Console, options: Options, built_in_docs: &'d [CommandDoc]) -> Self {
        Self {
            console,
            options,
            interrupt: Interrupt::default(),
            docs: None,
            built_in_docs,
            connection: None,
            interactive: false,
            selected: 0,
            in_transaction: false,
            selected_before_transaction: 0,
            redirected: false,
            say_asking: false,
            streaming: false,
            shutting_down: false,
        }
    }

    /// What stands before the cursor.
    pub(crate) fn prompt(&self) -> String {
        if self.connection.is_none() {
            return "not connected> ".into();
        }
        let address = &self.options.address;
        let mut prompt = match &address.socket {
            Some(path) => format!("redis {}", path.display()),
            None if address.host.contains(':') => format!("[{}]:{}", address.host, address.port),
            None => format!("{}:{}", address.host, address.port),
        };
        if self.selected != 0 {
            // Writing to a string cannot fail.
            let _ = write!(prompt, "[{}]", self.selected);
        }
        if self.in_transaction {
            prompt.push_str("(TX)");
        }
        prompt.push_str("> ");
        prompt
    }

    /// Connect unless connected; log in, select the database and switch the protocol. True when all of it worked.
    /// After a failed login the connection stays: the server says itself what it then refuses.
    pub(crate) fn connect(&mut self, quiet: bool) -> bool {
        self.connection.is_some() || self.reconnect(quiet)
    }

    /// As [`Session::connect`], dropping the connection there is.
    pub(crate) fn reconnect(&mut self, quiet: bool) -> bool {
        self.drop_connection();
        match Connection::open(&self.options.address) {
            Ok(connection) => self.connection = Some(connection),
            Err(error) => {
                if !quiet {
                    let address = &self.options.address;
                    let place = match &address.socket {
                        Some(path) => path.display().to_string(),
                        None => format!("{}:{}", address.host, address.port),
                    };
                    err!(self.console, "Could not connect to Redis at {place}: {}\n", io_error_text(&error));
                }
                return false;
            }
        }
        self.log_in() && self.select_wanted() && self.switch_protocol()
    }

    pub(crate) fn drop_connection(&mut self) {
        self.connection = None;
        self.selected = 0;
        self.in_transaction = false;
    }

    /// The connection for a mode that speaks on it directly, or the end of the run. The modes call it once they have
    /// connected, so there is one unless it was lost.
    pub(crate) fn link(&mut self) -> Result<&mut Connection, Exit> {
        self.connection.as_mut().ok_or(Exit::FAILURE)
    }

    /// As [`Session::link`], with standard output beside it.
    pub(crate) fn link_and_output(&mut self) -> Result<(&mut Connection, &mut dyn std::io::Write), Exit> {
        Ok((self.connection.as_mut().ok_or(Exit::FAILURE)?, &mut self.console.output))
    }

    /// Connect for a mode that makes no sense without a server.
    pub(crate) fn require_connection(&mut self) -> Result<(), Exit> {
        if self.connect(false) { Ok(()) } else { Err(Exit::FAILURE) }
    }

    /// Send a command of our own and give its reply, an I/O error being the end of the run.
    pub(crate) fn call(&mut self, args: &[impl AsRef<[u8]>]) -> Result<Reply, Exit> {
        self.link()?.call(args).map_err(|error| {
            err!(self.console, "\nI/O error: {error}\n");
            Exit::FAILURE
        })
    }

    /// Send a command of our own while connecting; true when it was accepted.
    fn set_up(&mut self, args: &[&[u8]], failed: &str) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        let Ok(reply) = connection.call(args) else {
            err!(self.console, "\nI/O error\n");
            self.drop_connection();
            return false;
        };
        if let Some(text) = reply.error() {
            err!(self.console, "{failed} failed: {}\n", String::from_utf8_lossy(text));
        }
        reply.error().is_none()
    }

    fn log_in(&mut self) -> bool {
        let Some(password) = self.options.address.password.clone() else { return true };
        match self.options.address.user.clone() {
            Some(user) => self.set_up(&[b"AUTH", &user, &password], "AUTH"),
            None => self.set_up(&[b"AUTH", &password], "AUTH"),
        }
    }

    fn select_wanted(&mut self) -> bool {
        let wanted = self.options.address.database;
        if wanted == self.selected {
            return true;
        }
        let done = self.set_up(&[b"SELECT", wanted.to_string().as_bytes()], &format!("SELECT {wanted}"));
        if done {
            self.selected = wanted;
        }
        done
    }

    fn switch_protocol(&mut self) -> bool {
        match self.options.resp3 {
            Resp3::No => true,
            Resp3::Demanded => self.set_up(&[b"HELLO", b"3"], "HELLO 3"),
            Resp3::Preferred => {
                self.set_up(&[b"HELLO", b"3"], "HELLO 3");
                true
            }
        }
    }

    /// Documentation from the server when it has any, else the built-in one. The server is asked once.
    pub(crate) fn docs(&mut self) -> &Docs {
        if self.docs.is_none() {
            // In a transaction the question would be queued as part of it.
            let may_ask = !self.in_transaction && self.connect(true);
            let asked = self.connection.as_mut().filter(|_| may_ask);
            let reply = asked.and_then(|connection| connection.call(&["COMMAND", "DOCS"]).ok());
            let from_server = reply.as_ref().and_then(Docs::from_reply);
            self.docs = Some(from_server.unwrap_or_else(|| Docs::new(self.built_in_docs.to_vec())));
        }
        self.docs.get_or_insert_default()
    }

    /// Carry out a command `repeat` times (negative: for ever), connecting and following redirections as needed.
    pub(crate) fn run_command(&mut self, args: &[Vec<u8>], repeat: i64) -> Result<(), Failure> {
        let [name, rest @ ..] = args else { return Ok(()) };
        if name.eq_ignore_ascii_case(b"help") || name == b"?" {
            return Ok(help::print(self, rest)?);
        }
        loop {
            if self.redirected || self.connection.is_none() {
                self.redirected = false;
                self.reconnect(false);
                if self.connection.is_none() {
                    return Err(Failure::Disconnected);
                }
            }
            if std::mem::take(&mut self.say_asking) && !self.set_up(&[b"ASKING"], "ASKING") {
                return Err(Failure::Disconnected);
            }
            self.send_command(args, repeat)?;
            if !self.redirected {
                return Ok(());
            }
        }
    }

    fn send_command(&mut self, args: &[Vec<u8>], mut repeat: i64) -> Result<(), Failure> {
        let is = |name: &str| args[0].eq_ignore_ascii_case(name.as_bytes());
        let verbatim = is_report(args);
        self.shutting_down |= is("shutdown");
        while repeat != 0 {
            repeat = if repeat < 0 { repeat } else { repeat - 1 };
            let Some(connection) = &mut self.connection else { return Err(Failure::Disconnected) };
            if is("sync") || is("psync") {
                out!(self.console, "Entering replica output mode...  (press Ctrl-C to quit)\n");
                modes::replica::follow(self)?;
                return Err(Failure::Disconnected);
            }
            let sent = connection.send(args);
            if let Err(error) = sent {
                return self.lost(error);
            }
            if is("monitor") {
                return self.read_stream(verbatim);
            }
            if is("subscribe") || is("psubscribe") || is("ssubscribe") {
                if self.options.layout != Layout::Raw {
                    out!(self.console, "Reading messages... (press Ctrl-C to quit)\n");
                }
                self.streaming = true;
                let read = self.read_stream(verbatim);
                self.streaming = false;
                read?;
                continue;
            }
            let Some(outcome) = self.read_reply(verbatim)? else { return Ok(()) };
            self.follow_state(args, outcome);
            if self.redirected {
                return Ok(());
            }
            if let Some(interval) = self.options.interval {
                self.console.flush()?;
                std::thread::sleep(interval);
            }
        }
        Ok(())
    }

    /// Print messages until Ctrl-C, or until the server refuses the stream with an error.
    fn read_stream(&mut self, verbatim: bool) -> Result<(), Failure> {
        let cut = self.connection.as_ref().and_then(Connection::cut);
        if self.interactive {
            self.interrupt.stream_begins(cut);
        }
        self.console.flush()?;
        let ended = loop {
            match self.read_reply(verbatim) {
                Ok(Some(Outcome::Error) | None) => break Ok(()),
                Ok(Some(_)) => {}
                Err(failure) => break Err(failure),
            }
        };
        // `read_reply` has already reconnected if it was Ctrl-C that ended the stream.
        if self.interactive {
            self.interrupt.stream_ends();
        }
        ended
    }

    /// Read and print one reply. `None` when the connection ended as it was meant to: after SHUTDOWN or Ctrl-C.
    fn read_reply(&mut self, verbatim: bool) -> Result<Option<Outcome>, Failure> {
        let mut text = Vec::new();
        let reply = loop {
            let Some(connection) = &mut self.connection else { return Err(Failure::Disconnected) };
            match connection.read_reply() {
                Ok(message @ Reply::Push(_)) if !self.streaming => {
                    if self.options.show_pushes {
                        Formatter::new(&self.options).push_message(&mut text, &message);
                        self.console.print(&text)?;
                        self.console.flush()?;
                        text.clear();
                    }
                }
                Ok(reply) => break reply,
                Err(error) => return self.lost(error).map(|()| None),
            }
        };
        if let Some(error) = reply.error() {
            if self.options.follow_redirections && self.redirect(error)? {
                return Ok(Some(Outcome::Error));
            }
            if !self.interactive && self.options.exit_on_error_reply {
                err!(self.console, "{}\n", String::from_utf8_lossy(error));
                return Err(Exit::FAILURE.into());
            }
        }
        Formatter::new(&self.options).push(&mut text, &reply, verbatim);
        self.console.print(&text)?;
        self.console.flush()?;
        Ok(Some(match reply {
            Reply::Error(_) => Outcome::Error,
            Reply::Null | Reply::NullArray => Outcome::Null,
            _ => Outcome::Value,
        }))
    }

    /// The connection failed. Fine after SHUTDOWN and after Ctrl-C in a message stream; otherwise the end of a
    /// one-shot run, and at the prompt the end of this command.
    fn lost(&mut self, error: LinkError) -> Result<(), Failure> {
        if self.interactive && self.interrupt.stream_ends() {
            self.streaming = false;
            self.reconnect(false);
            return Ok(());
        }
        self.drop_connection();
        if std::mem::take(&mut self.shutting_down) && error.is_disconnect() {
            return Ok(());
        }
        err!(self.console, "Error: {error}\n");
        if self.interactive && error.is_disconnect() {
            return Err(Failure::Disconnected);
        }
        Err(Exit::FAILURE.into())
    }

    /// Look for `MOVED slot host:port` or `ASK slot host:port`; if it is one, the next attempt goes there.
    fn redirect(&mut self, error: &[u8]) -> Result<bool, Exit> {
        let text = String::from_utf8_lossy(error);
        let mut words = text.split(' ');
        let ask = match words.next() {
            Some("MOVED") => false,
            Some("ASK") => true,
            _ => return Ok(false),
        };
        let Some(slot) = words.next() else { return Ok(false) };
        let Some((host, port)) = words.next().and_then(|place| place.rsplit_once(':')) else {
            return Ok(false);
        };
        let Ok(port) = port.parse() else { return Ok(false) };
        // A node that does not know its own address leaves the host empty: it is the one we talk to.
        if !host.is_empty() {
            host.clone_into(&mut self.options.address.host);
        }
        self.options.address.port = port;
        if self.interactive {
            let host = &self.options.address.host;
            out!(self.console, "-> Redirected to slot [{slot}] located at {host}:{port}\n");
        }
        self.redirected = true;
        self.say_asking = ask;
        Ok(true)
    }

    /// Keep up with what the command did to the server's idea of this connection.
    fn follow_state(&mut self, args: &[Vec<u8>], outcome: Outcome) {
        let name = args[0].to_ascii_lowercase();
        let failed = outcome == Outcome::Error;
        match (name.as_slice(), args.len()) {
            (b"select", 2) if !failed => {
                if let Some(database) = str::from_utf8(&args[1]).ok().and_then(|text| text.parse().ok()) {
                    self.selected = database;
                    self.options.address.database = database;
                }
            }
            (b"auth", 2 | 3) => {
                // A database that was refused before the login may be open now.
                self.select_wanted();
            }
            (b"multi", 1) if !failed => {
                self.in_transaction = true;
                self.selected_before_transaction = self.selected;
            }
            (b"exec", 1) if self.in_transaction => {
                self.in_transaction = false;
                if outcome != Outcome::Value {
                    self.restore_selected();
                }
            }
            (b"discard", 1) if !failed => {
                self.in_transaction = false;
                self.restore_selected();
            }
            (b"hello", 2..) if !failed => {
                // So that the next connection speaks as this one does. It was asked for just now, so a server that
                // has come back without RESP3 is no reason to stop.
                self.options.resp3 = if args[1] == b"3" { Resp3::Preferred } else { Resp3::No };
            }
            (b"reset", 1) if !failed => {
                self.in_transaction = false;
                self.selected = 0;
                self.options.address.database = 0;
                self.options.resp3 = Resp3::No;
            }
            _ => {}
        }
    }

    /// A SELECT that was queued and then dropped has not happened.
    fn restore_selected(&mut self) {
        self.selected = self.selected_before_transaction;
        self.options.address.database = self.selected;
    }

    /// Wait between two rounds of a mode that runs in rounds.
    pub(crate) fn pause(&mut self, pause: Duration) -> Result<(), Exit> {
        self.console.flush()?;
        std::thread::sleep(pause);
        Ok(())
    }
}

/// Commands whose reply is a text laid out by the server, to be printed as it is.
fn is_report(args: &[Vec<u8>]) -> bool {
    let word = |i: usize| args.get(i).map(|word| word.to_ascii_lowercase()).unwrap_or_default();
    matches!(
        (word(0).as_slice(), word(1).as_slice(), args.len()),
        (b"info" | b"lolwut", ..)
            | (b"debug", b"htstats" | b"htstats-key" | b"client-eviction", _)
            | (b"memory", b"malloc-stats" | b"doctor", _)
            | (b"cluster", b"nodes" | b"info", 2)
            | (b"client", b"list" | b"info", _)
            | (b"latency", b"graph", 3)
            | (b"latency", b"doctor", 2)
            | (b"proxy", b"info", _)
    )
}
