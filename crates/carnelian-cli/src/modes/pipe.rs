//! `--pipe`: commands in protocol form from standard input, as fast as the server takes them.
//!
//! One thread sends while this one reads replies, so neither direction can fill up and block the other. What is sent
//! is not looked at. The end is found with an ECHO of random text: its reply comes after all others.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{self, Read};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::{Duration, Instant};

use carnelian_resp::Reply;

use crate::connection::Sender;
use crate::console::{Exit, err, io_error_text, out};
use crate::session::Session;

const CHUNK_BYTES: usize = 128 * 1024;
/// How long a wait for a reply goes on before looking at the sender.
const TICK: Duration = Duration::from_millis(100);

/// What the sending thread has to say.
enum Event {
    /// Standard input is at its end; the ECHO follows.
    AllSent,
    InputFailed(io::Error),
    SendFailed(io::Error),
}

/// Send everything, count the replies, and fail if one was an error.
pub(crate) fn run(session: &mut Session<'_>) -> Result<(), Exit> {
    session.require_connection()?;
    let random = RandomState::new();
    let mark =
        format!("{:020x}", u128::from(random.hash_one(0)) << 16 | u128::from(random.hash_one(1) as u16));
    let events = start_sender(session, mark.clone())?;
    let (mut errors, mut replies) = (0_u64, 0_u64);
    let mut all_sent = false;
    let mut last_reply = Instant::now();
    let timeout = session.options.pipe_timeout;
    loop {
        if !all_sent {
            all_sent = hear_sender(session, &events)?;
        }
        match session.link()?.read_reply() {
            Ok(Reply::Push(_)) => {}
            Ok(Reply::Bulk(text)) if text == mark.as_bytes() => {
                if !all_sent {
                    // The reply overtook the sender's word.
                    hear_sender(session, &events)?;
                }
                out!(session.console, "Last reply received from server.\n");
                break;
            }
            Ok(reply) => {
                replies += 1;
                last_reply = Instant::now();
                if let Some(text) = reply.error() {
                    err!(session.console, "{}\n", String::from_utf8_lossy(text));
                    errors += 1;
                }
            }
            Err(error) if error.is_timeout() => {
                if let Some(timeout) = timeout.filter(|timeout| all_sent && last_reply.elapsed() > *timeout) {
                    err!(session.console, "No replies for {} seconds: exiting.\n", timeout.as_secs());
                    errors += 1;
                    break;
                }
            }
            Err(error) => {
                err!(session.console, "Error reading replies from server: {error}\n");
                return Err(Exit::FAILURE);
            }
        }
    }
    out!(session.console, "errors: {errors}, replies: {replies}\n");
    session.console.flush()?;
    if errors == 0 { Ok(()) } else { Err(Exit::FAILURE) }
}

fn start_sender(session: &mut Session<'_>, mark: String) -> Result<Receiver<Event>, Exit> {
    let input = session.console.take_input();
    let link = session.link()?;
    let prepared = link.set_read_timeout(TICK).and_then(|()| link.sender());
    let (events, heard) = mpsc::sync_channel(4);
    let started = prepared.and_then(|sender| {
        let send = move || send_all(input, sender, &mark, &events);
        std::thread::Builder::new().name("pipe".into()).spawn(send)
    });
    match started {
        Ok(_) => Ok(heard),
        Err(error) => {
            err!(session.console, "Cannot start sending: {}\n", io_error_text(&error));
            Err(Exit::FAILURE)
        }
    }
}

/// Copy the input to the server, then the ECHO. Nobody listens any more when the reader has given up.
fn send_all(mut input: Box<dyn Read + Send>, mut sender: Sender, mark: &str, events: &SyncSender<Event>) {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                if let Err(error) = sender.send_raw(&chunk[..read]) {
                    let _ = events.send(Event::SendFailed(error));
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let _ = events.send(Event::InputFailed(error));
                return;
            }
        }
    }
    let _ = events.send(Event::AllSent);
    // The line end in front closes an unfinished inline command, so that the ECHO is still understood.
    let mut echo = b"\r\n".to_vec();
    carnelian_resp::encode_command(&mut echo, &["ECHO", mark]);
    if let Err(error) = sender.send_raw(&echo) {
        let _ = events.send(Event::SendFailed(error));
    }
}

/// Look for news; true when everything has been sent.
fn hear_sender(session: &mut Session<'_>, events: &Receiver<Event>) -> Result<bool, Exit> {
    match events.try_recv() {
        Ok(Event::AllSent) => {
            out!(session.console, "All data transferred. Waiting for the last reply...\n");
            session.console.flush()?;
            Ok(true)
        }
        Ok(Event::InputFailed(error)) => {
            err!(session.console, "Error reading from stdin: {}\n", io_error_text(&error));
            Err(Exit::FAILURE)
        }
        Ok(Event::SendFailed(error)) => {
            err!(session.console, "Error writing to the server: {}\n", io_error_text(&error));
            Err(Exit::FAILURE)
        }
        Err(_) => Ok(false),
    }
}
