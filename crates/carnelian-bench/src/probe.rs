//! What a report says about the server: two settings that decide what a benchmark measures.

use std::io;
use std::time::Duration;

use carnelian_resp::{DecodeLimits, Reply, ReplyDecoder};
use tokio::io::AsyncReadExt;

use crate::load::{LoadError, auth};
use crate::options::Options;
use crate::stream::Stream;
use crate::template::encode;

/// How long the server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// What an answer may be: a setting is short.
const LIMITS: DecodeLimits =
    DecodeLimits { max_depth: 4, max_elements: 64, max_bulk: 64 * 1024, max_line: 64 * 1024 };

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
        _ => second_text(&reply).ok_or(ProbeError::Unanswered),
    }
}

/// Sends a command and reads its one reply.
async fn ask(stream: &mut Stream, command: &[u8]) -> Result<Reply, ProbeError> {
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
        let mut decoder = ReplyDecoder::new(LIMITS);
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer).await?;
            if read == 0 {
                return Err(ProbeError::Unanswered);
            }
            let decoded = decoder.decode(&buffer[..read]).map_err(|_| ProbeError::Unanswered)?;
            if let Some(reply) = decoded.reply {
                return Ok(reply);
            }
        }
    };
    tokio::time::timeout(TIMEOUT, asking).await.unwrap_or(Err(ProbeError::Unanswered))
}

fn error_text(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Error(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    }
}

/// The value in the array of a name and a value.
fn second_text(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Array(pair) => Some(String::from_utf8_lossy(pair.get(1)?.as_bytes()?).into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_the_second_text() {
        let read = |bytes: &[u8]| second_text(&carnelian_resp::decode_reply(bytes).unwrap().unwrap().0);
        assert_eq!(read(b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n").as_deref(), Some(""));
        assert_eq!(read(b"*2\r\n$4\r\nsave\r\n$7\r\n3600 1 \r\n").as_deref(), Some("3600 1 "));
        assert_eq!(read(b"*0\r\n"), None);
        assert_eq!(read(b"+OK\r\n"), None);
    }
}
