//! What `redis-check-rdb` does: read a file to its end and tell what was found.

use crate::error::ErrorKind;
use crate::format::VERSION_MAX;
use crate::read::{Checksum, Doing, Event, Object, Reader};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// What a check found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckOutcome {
    /// Whether the file can be loaded.
    pub ok: bool,
    /// Keys read.
    pub keys: u64,
    /// Keys that expire.
    pub expires: u64,
    /// Keys that have expired.
    pub already_expired: u64,
}

impl CheckOutcome {
    /// The exit status of the tool.
    pub fn exit_code(&self) -> i32 {
        i32::from(!self.ok)
    }
}

/// Longest line of text from a file that is shown.
const LINE_MAX: usize = 1023;

/// Checks the file at `path`, writing the lines that `redis-check-rdb` prints. `now_ms` is the time that tells which keys
/// have expired, in milliseconds since 1970.
///
/// # Errors
/// Those of `out`. A file that cannot be read is an outcome, not an error.
pub fn check(path: &Path, now_ms: i64, out: &mut dyn Write) -> io::Result<CheckOutcome> {
    writeln!(out, "[offset 0] Checking RDB file {}", path.display())?;
    let Ok(file) = File::open(path) else { return Ok(CheckOutcome::default()) };
    let mut reader = Reader::new(file);
    let mut outcome = CheckOutcome::default();
    loop {
        let event = match reader.next_event() {
            Ok(Some(event)) => event,
            Ok(None) => break,
            Err(error) => {
                let reason = match error.kind {
                    ErrorKind::BadVersion(version) if version > VERSION_MAX => {
                        format!("Can't handle RDB format version {version}")
                    }
                    ErrorKind::Io(_)
                    | ErrorKind::UnexpectedEof
                    | ErrorKind::BadMagic
                    | ErrorKind::BadVersion(_)
                    | ErrorKind::BadType(_)
                    | ErrorKind::WrongChecksum { .. } => error.kind.to_string(),
                    kind => format!("Internal error in RDB reading offset {} -> {kind}", error.offset),
                };
                show_error(&reader, error.offset, &reason, &mut outcome, out)?;
                return Ok(outcome);
            }
        };
        let offset = reader.offset();
        match event {
            Event::Aux { name, value } => {
                let mut line = [b"AUX FIELD ", c_text(&name), b" = '", c_text(&value), b"'"].concat();
                line.truncate(LINE_MAX);
                write!(out, "[offset {offset}] ")?;
                out.write_all(&line)?;
                writeln!(out)?;
            }
            Event::SelectDb(db) => writeln!(out, "[offset {offset}] Selecting DB ID {db}")?,
            Event::ModuleAux { name, offset } => {
                writeln!(out, "[offset {offset}] MODULE AUX for: {name}")?;
            }
            Event::Entry(entry) => {
                outcome.keys += 1;
                if let Some(expire_ms) = entry.meta.expire_ms {
                    outcome.expires += 1;
                    outcome.already_expired += u64::from(expire_ms < now_ms);
                }
                if entry.value == Object::Empty {
                    // A server passes over such a key; the tool does not.
                    let reason = ErrorKind::UnexpectedEof.to_string();
                    reader.key = Some(entry.key);
                    outcome.keys -= 1;
                    show_error(&reader, offset, &reason, &mut outcome, out)?;
                    return Ok(outcome);
                }
            }
            Event::Eof(Checksum::Right) => writeln!(out, "[offset {offset}] Checksum OK")?,
            Event::Eof(Checksum::Disabled) => writeln!(
                out,
                "[offset {offset}] RDB file was saved with checksum disabled: no check performed."
            )?,
            Event::Eof(Checksum::NotChecked)
            | Event::ResizeDb { .. }
            | Event::SlotInfo { .. }
            | Event::Function(_) => {}
        }
    }
    outcome.ok = true;
    writeln!(out, "[offset {}] \\o/ RDB looks OK! \\o/", reader.offset())?;
    show_counts(&outcome, out)?;
    Ok(outcome)
}

fn show_error<R: io::Read>(
    reader: &Reader<R>,
    offset: u64,
    reason: &str,
    outcome: &mut CheckOutcome,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "--- RDB ERROR DETECTED ---")?;
    writeln!(out, "[offset {offset}] {reason}")?;
    writeln!(out, "[additional info] While doing: {}", doing_text(reader.doing))?;
    if let Some(key) = &reader.key {
        // The tool counts a key once it has read its name.
        outcome.keys += 1;
        write!(out, "[additional info] Reading key '")?;
        out.write_all(c_text(key))?;
        writeln!(out, "'")?;
    }
    if let Some(kind) = reader.kind {
        writeln!(out, "[additional info] Reading type {kind} ({})", type_text(kind))?;
    }
    show_counts(outcome, out)
}

fn show_counts(outcome: &CheckOutcome, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "[info] {} keys read", outcome.keys)?;
    writeln!(out, "[info] {} expires", outcome.expires)?;
    writeln!(out, "[info] {} already expired", outcome.already_expired)
}

/// What C would print of these bytes: everything before a NUL.
fn c_text(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

fn doing_text(doing: Doing) -> &'static str {
    match doing {
        Doing::Start => "start",
        Doing::ReadType => "read-type",
        Doing::ReadExpire => "read-expire",
        Doing::ReadKey => "read-key",
        Doing::ReadObjectValue => "read-object-value",
        Doing::CheckSum => "check-sum",
        Doing::ReadLen => "read-len",
        Doing::ReadAux => "read-aux",
        Doing::ReadModuleAux => "read-module-aux",
        Doing::ReadFunctions => "read-functions",
    }
}

fn type_text(kind: u8) -> &'static str {
    const NAMES: [&str; 22] = [
        "string",
        "list-linked",
        "set-hashtable",
        "zset-v1",
        "hash-hashtable",
        "zset-v2",
        "module-value",
        "",
        "",
        "hash-zipmap",
        "list-ziplist",
        "set-intset",
        "zset-ziplist",
        "hash-ziplist",
        "quicklist",
        "stream",
        "hash-listpack",
        "zset-listpack",
        "quicklist-v2",
        "stream-v2",
        "set-listpack",
        "stream-v3",
    ];
    NAMES.get(kind as usize).copied().unwrap_or("unknown")
}
