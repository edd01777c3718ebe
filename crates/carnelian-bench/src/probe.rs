//! What a report says about the server: two settings that decide what a benchmark measures.

use std::io;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use crate::load::{LoadError, auth};
use crate::options::Options;
use crate::skip::ReplySkipper;
use crate::stream::Stream;
use crate::template::encode;

/// How long the server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most bytes that an answer may have: a setting is short.
const REPLY_BYTES_MAX: usize = 64 * 1024;

/// The persistence settings of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostConfig {
    pub(crate) save: String,
    pub(crate) appendonly: String,
}

/// Why there are none.
#[derive(Debug)]
pub(crate) enum ProbeError {
    /// There is no server.
    Connect(LoadError),
    /// It wants a login first, or a better one; the text is its own.
    Refused(String),
    /// It does not answer the question.
    Unanswered,
}

impl From<io::Error> for ProbeError {
    fn from(_: io::Error) -> Self {
        Self::Unanswered
    }
}

/// Asks the server of `options`.
pub(crate) fn host_config(options: &Options) -> Result<HostConfig, ProbeError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let connected = Stream::connect(&options.target).await;
        let mut stream = connected
            .map_err(|error| ProbeError::Connect(LoadError::Connect(options.target.clone(), error)))?;
        if let Some(auth) = auth(options) {
            let reply = ask(&mut stream, &auth).await?;
            if let Some(message) = error_text(&reply) {
                return Err(ProbeError::Refused(message));
            }
        }
        let save = setting(&mut stream, "save").await?;
        let appendonly = setting(&mut stream, "appendonly").await?;
        Ok(HostConfig { save, appendonly })
    })
}

async fn setting(stream: &mut Stream, name: &str) -> Result<String, ProbeError> {
    let reply = ask(stream, &encode(&["CONFIG", "GET", name])).await?;
    match error_text(&reply) {
        Some(message) if message.starts_with("NOAUTH") => Err(ProbeError::Refused(message)),
        _ => second_string(&reply).ok_or(ProbeError::Unanswered),
    }
}

/// Sends a command and reads its one reply.
async fn ask(stream: &mut Stream, command: &[u8]) -> Result<Vec<u8>, ProbeError> {
    let asking = async {
        let mut written = 0;
        while written < command.len() {
            stream.ready(tokio::io::Interest::WRITABLE).await?;
            match stream.try_write(&command[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut reply = Vec::new();
        let mut skipper = ReplySkipper::default();
        loop {
            let start = reply.len();
            if stream.read_buf(&mut reply).await? == 0 || reply.len() > REPLY_BYTES_MAX {
                return Err(ProbeError::Unanswered);
            }
            if skipper.feed(&reply[start..]).map_err(|_| ProbeError::Unanswered)?.replies > 0 {
                return Ok(reply);
            }
        }
    };
    tokio::time::timeout(TIMEOUT, asking).await.unwrap_or(Err(ProbeError::Unanswered))
}

fn error_text(reply: &[u8]) -> Option<String> {
    let text = reply.strip_prefix(b"-")?;
    Some(String::from_utf8_lossy(text.trim_ascii_end()).into_owned())
}

/// The second string of an array of two: `*2 $4 save $N VALUE`.
fn second_string(reply: &[u8]) -> Option<String> {
    fn string<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
        let rest = bytes.strip_prefix(b"$")?;
        let end = memchr::memchr(b'\r', rest)?;
        let length: usize = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
        let rest = rest.get(end + 2..)?;
        let value = rest.get(..length)?;
        *bytes = rest.get(length.checked_add(2)?..)?;
        Some(value)
    }
    let mut bytes = reply.strip_prefix(b"*2\r\n")?;
    string(&mut bytes)?;
    string(&mut bytes).map(|value| String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_the_second_string() {
        assert_eq!(second_string(b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n").as_deref(), Some(""));
        assert_eq!(second_string(b"*2\r\n$4\r\nsave\r\n$7\r\n3600 1 \r\n").as_deref(), Some("3600 1 "));
        for bad in
            ["*0\r\n", "*2\r\n$4\r\nsave\r\n", "*2\r\n$4\r\nsa", "+OK\r\n", "*2\r\n$18446744073709551615\r\n"]
        {
            assert_eq!(second_string(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(error_text(b"-NOAUTH x\r\n").as_deref(), Some("NOAUTH x"));
    }
}
