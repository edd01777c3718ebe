//! What can go wrong between a client and a server.

use std::fmt;
use std::io;
use std::sync::Arc;

use carnelian_resp::{DecodeError, Reply};

use crate::url::UrlError;

/// Why a request got no reply, or a connection could not be made. Cheap to clone: when a shared connection fails, every
/// waiting request is told the same.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// The network or the operating system.
    Io(Arc<io::Error>),
    /// No answer within the time allowed. On a [`Connection`](crate::Connection) it leaves the connection
    /// [`Unusable`](Error::Unusable) unless it came from [`receive`](crate::Connection::receive).
    Timeout,
    /// The server closed the connection.
    Closed,
    /// The server does not speak the protocol.
    Protocol(DecodeError),
    /// The server sent a reply to no request.
    Unrequested,
    /// The server refused a step of setting up the connection: the name of the command, and the error it replied.
    Refused(&'static str, String),
    /// An error reply, from [`check`].
    Reply(String),
    /// More messages arrived than the limit allows without being fetched.
    TooManyPushes,
    /// An earlier failure has left requests whose replies may still arrive; connect again.
    Unusable,
    /// A request without a command name.
    EmptyCommand,
    /// A URL that names no server.
    Url(UrlError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Timeout => f.write_str("no answer within the time allowed"),
            Self::Closed => f.write_str("the server closed the connection"),
            Self::Protocol(error) => write!(f, "the server does not speak the protocol: {error}"),
            Self::Unrequested => f.write_str("the server sent a reply to no request"),
            Self::Refused(command, text) => write!(f, "{command} was refused: {text}"),
            Self::Reply(text) => f.write_str(text),
            Self::TooManyPushes => f.write_str("messages arrive faster than they are fetched"),
            Self::Unusable => f.write_str("an earlier failure has made the connection unusable"),
            Self::EmptyCommand => f.write_str("a request needs a command name"),
            Self::Url(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(&**error),
            Self::Protocol(error) => Some(error),
            Self::Url(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // A socket with a timeout reports it as either of the two, depending on the system.
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Timeout,
            io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Io(Arc::new(error)),
        }
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::Protocol(error)
    }
}

impl From<UrlError> for Error {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}

/// The reply, or [`Error::Reply`] if it is an error.
pub fn check(reply: Reply) -> Result<Reply, Error> {
    match reply.error() {
        Some(text) => Err(Error::Reply(String::from_utf8_lossy(text).into_owned())),
        None => Ok(reply),
    }
}
