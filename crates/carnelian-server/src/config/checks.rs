//! Rules on single values that bounds cannot express.

/// Bit of `shutdown-on-sigint` and `shutdown-on-sigterm`: no snapshot on the way out.
pub const SHUTDOWN_NOSAVE: u32 = 1;
/// Bit: a snapshot on the way out, even without save points.
pub const SHUTDOWN_SAVE: u32 = 2;
/// Bit: no waiting for replicas.
pub const SHUTDOWN_NOW: u32 = 4;
/// Bit: errors do not stop the shutdown.
pub const SHUTDOWN_FORCE: u32 = 8;

/// Longest host name with its terminator, in bytes (RFC 1035 and NUL).
const HOST_NAME_LEN: usize = 256;

type Check = Result<(), &'static str>;

fn is_path(value: &[u8]) -> bool {
    value.iter().any(|b| matches!(b, b'/' | b'\\'))
}

pub(super) fn dbfilename(value: &[u8]) -> Check {
    if is_path(value) { Err("dbfilename can't be a path, just a filename") } else { Ok(()) }
}

pub(super) fn appendfilename(value: &[u8]) -> Check {
    if value.is_empty() {
        Err("appendfilename can't be empty")
    } else if is_path(value) {
        Err("appendfilename can't be a path, just a filename")
    } else {
        Ok(())
    }
}

pub(super) fn appenddirname(value: &[u8]) -> Check {
    if value.is_empty() {
        Err("appenddirname can't be empty")
    } else if is_path(value) {
        Err("appenddirname can't be a path, just a dirname")
    } else {
        Ok(())
    }
}

pub(super) fn hostname(value: &[u8]) -> Check {
    if value.len() >= HOST_NAME_LEN {
        Err("Hostnames must be less than 256 characters")
    } else if value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')) {
        Ok(())
    } else {
        Err("Hostnames may only contain alphanumeric characters, hyphens or dots")
    }
}

/// The variables that `proc-title-template` may name.
const TITLE_VARIABLES: [&[u8]; 7] =
    [b"title", b"listen-addr", b"server-mode", b"config-file", b"port", b"tls-port", b"unixsocket"];

pub(super) fn proc_title_template(value: &[u8]) -> Check {
    const REFUSED: Check = Err("template format is invalid or contains unknown variables");
    // Variables that may be empty do not make a title; the others and every literal that is not a space do.
    let mut visible = false;
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'{' {
            visible |= byte != b' ';
        } else if let [b'{', after @ ..] = rest {
            (visible, rest) = (true, after);
        } else {
            let Some(end) = memchr(b'}', rest) else { return REFUSED };
            let name = &rest[..end];
            if !TITLE_VARIABLES.contains(&name) {
                return REFUSED;
            }
            visible |= !matches!(name, b"title" | b"server-mode" | b"unixsocket");
            rest = &rest[end + 1..];
        }
    }
    if visible { Ok(()) } else { REFUSED }
}

fn memchr(needle: u8, haystack: &[u8]) -> Option<usize> {
    haystack.iter().position(|b| *b == needle)
}

pub(super) fn shutdown_flags(value: u32) -> Check {
    if value & SHUTDOWN_SAVE != 0 && value & SHUTDOWN_NOSAVE != 0 {
        Err("shutdown options SAVE and NOSAVE can't be used simultaneously")
    } else {
        Ok(())
    }
}

pub(super) fn shards(value: i128) -> Check {
    if value == 0 || value.count_ones() == 1 { Ok(()) } else { Err("argument must be 0 or a power of two") }
}
