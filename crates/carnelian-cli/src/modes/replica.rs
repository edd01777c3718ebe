//! `--replica` and `--rdb`: ask for a full synchronisation, then keep the snapshot or follow the commands after it.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use crate::connection::{Connection, LinkError};
use crate::console::{Exit, err, io_error_text};
use crate::format::Formatter;
use crate::options::Layout;
use crate::session::Session;

/// Length of the random mark that ends a snapshot of unknown size.
const MARK_BYTES: usize = 40;
/// Longest header line before the snapshot that makes sense.
const HEADER_BYTES_MAX: usize = 4096;
/// How often to tell a server that waits for it that the snapshot has arrived.
const ACK_EVERY: Duration = Duration::from_secs(1);

/// How the server says where the snapshot ends.
enum Extent {
    Bytes(u64),
    Mark([u8; MARK_BYTES]),
}

/// `--replica`: print the commands that replicas get.
pub(crate) fn run(session: &mut Session<'_>) -> Result<(), Exit> {
    session.require_connection()?;
    replconf(session, "capa", "eof")?;
    // An empty filter: we throw the snapshot away anyway. Older servers refuse it, which is just as well.
    replconf(session, "rdb-filter-only", "")?;
    follow(session)
}

/// `--rdb` and `--functions-rdb`: the snapshot into a file, or to standard output for `-`.
pub(crate) fn fetch_rdb(session: &mut Session<'_>, path: &Path, functions_only: bool) -> Result<(), Exit> {
    session.require_connection()?;
    replconf(session, "capa", "eof")?;
    replconf(session, "rdb-only", "1")?;
    if functions_only && !replconf(session, "rdb-filter-only", "functions")? {
        err!(session.console, "Failed requesting functions only RDB from server, aborting\n");
        return Err(Exit::FAILURE);
    }
    let extent = sync(session)?;
    let place = path.display();
    match &extent {
        Extent::Bytes(bytes) => {
            err!(session.console, "SYNC sent to master, writing {bytes} bytes to '{place}'\n");
        }
        Extent::Mark(_) => err!(
            session.console,
            "SYNC sent to master, writing bytes of bulk transfer until EOF marker to '{place}'\n"
        ),
    }
    let failed = |session: &mut Session<'_>, what: &str, error: &io::Error| {
        err!(session.console, "{what} '{place}': {}\n", io_error_text(error));
        Exit::FAILURE
    };
    let mut file = match path.as_os_str().as_encoded_bytes() {
        b"-" => None,
        _ => Some(File::create(path).map_err(|error| failed(session, "Error opening", &error))?),
    };
    let mut write_error = None;
    let received = {
        // Split the borrow: bytes come from the connection and may go to the console's output.
        let (link, output) = session.link_and_output()?;
        read_snapshot(link, &extent, |bytes| {
            let written = match &mut file {
                Some(file) => file.write_all(bytes),
                None => output.write_all(bytes),
            };
            written.map_err(|error| write_error = Some(error)).is_ok()
        })
    };
    if let Some(error) = write_error {
        return Err(failed(session, "Error writing", &error));
    }
    let bytes = received.map_err(|error| {
        err!(session.console, "I/O Error reading RDB payload from socket: {error}\n");
        Exit::FAILURE
    })?;
    session.drop_connection();
    match file {
        Some(file) => file.sync_all().map_err(|error| failed(session, "Fail to fsync", &error))?,
        None => session.console.flush()?,
    }
    match extent {
        Extent::Bytes(_) => err!(session.console, "Transfer finished with success.\n"),
        Extent::Mark(_) => err!(session.console, "Transfer finished with success after {bytes} bytes\n"),
    }
    Ok(())
}

/// Synchronise, drop the snapshot, and print commands as CSV until the connection ends, which is an error.
pub(crate) fn follow(session: &mut Session<'_>) -> Result<(), Exit> {
    let extent = sync(session)?;
    match &extent {
        Extent::Bytes(bytes) => {
            err!(session.console, "SYNC with master, discarding {bytes} bytes of bulk transfer...\n");
        }
        Extent::Mark(_) => {
            err!(
                session.console,
                "SYNC with master, discarding bytes of bulk transfer until EOF marker...\n"
            );
        }
    }
    let bytes = read_snapshot(session.link()?, &extent, |_| true).map_err(|error| {
        err!(session.console, "Error reading RDB payload while SYNCing: {error}\n");
        Exit::FAILURE
    })?;
    // A server that sent a mark waits to hear from us, and misses it while it still reaps its saving process.
    let mut acknowledge = matches!(extent, Extent::Mark(_));
    if acknowledge {
        err!(session.console, "SYNC done after {bytes} bytes. Logging commands from master.\n");
    } else {
        err!(session.console, "SYNC done. Logging commands from master.\n");
    }
    let layout = std::mem::replace(&mut session.options.layout, Layout::Csv);
    let link = session.link()?;
    let mut ended = link.set_read_timeout(ACK_EVERY).map_err(LinkError::Io);
    if acknowledge && ended.is_ok() {
        ended = link.send(&["REPLCONF", "ACK", "0"]);
    }
    while ended.is_ok() {
        match session.link()?.read_reply() {
            Ok(command) => {
                acknowledge = false;
                let mut text = Vec::new();
                Formatter::new(&session.options).push(&mut text, &command, false);
                session.console.print(&text)?;
                session.console.flush()?;
            }
            Err(error) if error.is_timeout() => {
                if acknowledge {
                    ended = session.link()?.send(&["REPLCONF", "ACK", "0"]);
                }
            }
            Err(error) => ended = Err(error),
        }
    }
    session.options.layout = layout;
    session.drop_connection();
    if let Err(error) = ended {
        err!(session.console, "Error: {error}\n");
    }
    if session.interactive { Ok(()) } else { Err(Exit::FAILURE) }
}

/// Tell the server something about this replica; false when it does not want to know.
fn replconf(session: &mut Session<'_>, name: &str, value: &str) -> Result<bool, Exit> {
    err!(session.console, "sending REPLCONF {name} {value}\n");
    let reply = session.call(&["REPLCONF", name, value])?;
    if let Some(text) = reply.error() {
        err!(session.console, "REPLCONF {name} error: {}\n", String::from_utf8_lossy(text));
        return Ok(false);
    }
    Ok(true)
}

/// Send SYNC and read the header of the snapshot. Empty lines before it mean that the server is still preparing.
fn sync(session: &mut Session<'_>) -> Result<Extent, Exit> {
    let link = session.link()?;
    let failed = |session: &mut Session<'_>, text: &str| {
        err!(session.console, "{text}\n");
        Exit::FAILURE
    };
    let mut line = Vec::new();
    let read = link.send_raw(b"SYNC\r\n").and_then(|()| {
        let mut byte = [0];
        loop {
            link.read_raw(&mut byte)?;
            match byte[0] {
                b'\n' if line.is_empty() => {}
                b'\n' => return Ok(()),
                byte if line.len() < HEADER_BYTES_MAX => line.push(byte),
                _ => return Ok(()),
            }
        }
    });
    if let Err(error) = read {
        return Err(failed(session, &format!("Error reading bulk length while SYNCing: {error}")));
    }
    let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
    if text.starts_with('-') {
        return Err(failed(session, &format!("SYNC with master failed: {text}")));
    }
    let mark = text.strip_prefix("$EOF:").and_then(|mark| mark.as_bytes().try_into().ok());
    let bytes = text.strip_prefix('$').and_then(|bytes| bytes.parse().ok());
    match (mark, bytes) {
        (Some(mark), _) => Ok(Extent::Mark(mark)),
        (None, Some(bytes)) => Ok(Extent::Bytes(bytes)),
        (None, None) => Err(failed(session, &format!("SYNC with master: unexpected header '{text}'"))),
    }
}

/// Read the snapshot and hand it to `sink` piece by piece, without the mark; `sink` says whether to go on. Gives the
/// number of bytes handed over.
fn read_snapshot(
    link: &mut Connection,
    extent: &Extent,
    mut sink: impl FnMut(&[u8]) -> bool,
) -> Result<u64, LinkError> {
    let mut chunk = vec![0; 64 * 1024];
    let mut total = 0;
    match extent {
        Extent::Bytes(bytes) => {
            while total < *bytes {
                let wanted = chunk.len().min((bytes - total) as usize);
                let read = link.read_raw(&mut chunk[..wanted])?;
                total += read as u64;
                if !sink(&chunk[..read]) {
                    break;
                }
            }
        }
        Extent::Mark(mark) => {
            // The server is silent after the mark, so the mark is the end of what has been read. The last bytes are
            // held back until it is clear that they are not it.
            let mut held: Vec<u8> = Vec::new();
            loop {
                let read = link.read_raw(&mut chunk)?;
                held.extend_from_slice(&chunk[..read]);
                let ended = held.ends_with(mark);
                let ready = held.len().saturating_sub(MARK_BYTES);
                total += ready as u64;
                if (ready > 0 && !sink(&held[..ready])) || ended {
                    break;
                }
                held.drain(..ready);
            }
        }
    }
    Ok(total)
}
