//! Where to connect, as whom, and within which limits.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use carnelian_resp::{DecodeLimits, Protocol};

use crate::error::Error;

/// The place a server listens at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A host, by name or number, and a port.
    Tcp(String, u16),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Default for Address {
    fn default() -> Self {
        Self::Tcp("127.0.0.1".into(), 6379)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// All that is needed to make a connection, and to make it again.
#[derive(Clone)]
pub struct ConnectOptions {
    /// Where the server listens. 127.0.0.1:6379 by default.
    pub address: Address,
    /// The user to authenticate as; `None` is the default user.
    pub username: Option<String>,
    /// The password; without one there is no authentication.
    pub password: Option<String>,
    /// The database to select.
    pub database: u32,
    /// The protocol to ask for; RESP3 by default. With RESP2 no HELLO is sent, so it works with any server.
    pub protocol: Protocol,
    /// The name to give the connection.
    pub client_name: Option<String>,
    /// How long making the connection may take, each of its steps by itself; 5 seconds by default.
    pub connect_timeout: Option<Duration>,
    /// How long a reply may take; unlimited by default. Blocking commands need more than they block.
    pub response_timeout: Option<Duration>,
    /// What a server may send in one reply.
    pub decode_limits: DecodeLimits,
    /// Most messages kept until they are fetched; 65,536 by default.
    pub max_pushes: usize,
    /// Most requests a [`Client`](crate::Client) lets wait for their replies before it takes no more; 16,384 by
    /// default.
    pub max_in_flight: usize,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            address: Address::default(),
            username: None,
            password: None,
            database: 0,
            protocol: Protocol::Resp3,
            client_name: None,
            connect_timeout: Some(Duration::from_secs(5)),
            response_timeout: None,
            decode_limits: DecodeLimits::default(),
            max_pushes: 1 << 16,
            max_in_flight: 1 << 14,
        }
    }
}

impl ConnectOptions {
    /// Defaults for a server at this host and port.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self { address: Address::Tcp(host.into(), port), ..Self::default() }
    }

    /// Defaults for a server at this Unix socket.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self { address: Address::Unix(path.into()), ..Self::default() }
    }

    /// What a URL says, defaults for the rest: `redis://[[user]:password@][host][:port][/database]` or
    /// `unix://[[user]:password@]/path[?db=database]`. A lone word before the `@` is a password. Any byte can be
    /// written as `%HH`.
    ///
    /// ```
    /// use carnelian_client::{Address, ConnectOptions};
    /// let options = ConnectOptions::from_url("redis://ann:p%40ss@db.example:7000/2").unwrap();
    /// assert_eq!(options.address, Address::Tcp("db.example".into(), 7000));
    /// assert_eq!(options.password.as_deref(), Some("p@ss"));
    /// assert_eq!(options.database, 2);
    /// ```
    pub fn from_url(url: &str) -> Result<Self, Error> {
        Ok(crate::url::parse(url)?)
    }
}

impl fmt::Debug for ConnectOptions {
    /// Everything but the password, which has no place in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("address", &self.address)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "..."))
            .field("database", &self.database)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}
