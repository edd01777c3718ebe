//! URLs that name a server.

use std::fmt;

use crate::options::{Address, ConnectOptions};

/// What is wrong with a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// Neither `redis://` nor `unix://`.
    Scheme,
    /// `rediss://`: this client has no TLS.
    Tls,
    /// The port is no number from 1 to 65535.
    Port,
    /// The database is no number.
    Database,
    /// A `%` is not followed by two hexadecimal digits, or the bytes are not UTF-8.
    Encoding,
    /// A `[` without its `]`.
    Bracket,
    /// `unix://` without a path.
    Path,
    /// A parameter that is not known.
    Parameter(String),
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str("a URL begins with redis:// or unix://"),
            Self::Tls => f.write_str("rediss:// needs TLS, which this client does not have"),
            Self::Port => f.write_str("the port of the URL is no number from 1 to 65535"),
            Self::Database => f.write_str("the database of the URL is no number"),
            Self::Encoding => f.write_str("the URL has a % that is not followed by two hexadecimal digits"),
            Self::Bracket => f.write_str("the URL has a [ without its ]"),
            Self::Path => f.write_str("a unix:// URL needs a path"),
            Self::Parameter(name) => write!(f, "the URL has an unknown parameter {name}"),
        }
    }
}

impl std::error::Error for UrlError {}

pub(crate) fn parse(url: &str) -> Result<ConnectOptions, UrlError> {
    let mut options = ConnectOptions::default();
    let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    // A password may hold an `@` of its own; a host cannot.
    let host = match authority.rsplit_once('@') {
        Some((user, host)) => {
            credentials(user, &mut options)?;
            host
        }
        None => authority,
    };
    match scheme.to_ascii_lowercase().as_str() {
        "redis" => {
            options.address = tcp(host)?;
            options.database = database(path.strip_prefix('/').unwrap_or(path))?;
        }
        "unix" | "redis+unix" => {
            if path.is_empty() {
                return Err(UrlError::Path);
            }
            options.address = Address::Unix(decode(path)?.into());
        }
        "rediss" => return Err(UrlError::Tls),
        _ => return Err(UrlError::Scheme),
    }
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("db", number)) => options.database = database(number)?,
            _ => return Err(UrlError::Parameter(parameter.into())),
        }
    }
    Ok(options)
}

fn credentials(user: &str, options: &mut ConnectOptions) -> Result<(), UrlError> {
    let (name, password) = user.split_once(':').unwrap_or(("", user));
    options.username = Some(decode(name)?).filter(|name| !name.is_empty());
    options.password = Some(decode(password)?).filter(|password| !password.is_empty());
    Ok(())
}

fn tcp(host: &str) -> Result<Address, UrlError> {
    let (host, port) = if let Some(rest) = host.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(UrlError::Bracket)?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return Err(UrlError::Port),
        }
    } else {
        host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)))
    };
    let port = match port {
        None | Some("") => 6379,
        Some(port) => port.parse().ok().filter(|&port| port != 0).ok_or(UrlError::Port)?,
    };
    let host = decode(host)?;
    Ok(Address::Tcp(if host.is_empty() { "127.0.0.1".into() } else { host }, port))
}

fn database(number: &str) -> Result<u32, UrlError> {
    if number.is_empty() { Ok(0) } else { number.parse().map_err(|_| UrlError::Database) }
}

fn decode(text: &str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| (byte as char).to_digit(16)).ok_or(UrlError::Encoding);
        bytes.push((digit()? << 4 | digit()?) as u8);
    }
    String::from_utf8(bytes).map_err(|_| UrlError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, address: &str, user: Option<&str>, password: Option<&str>, database: u32) {
        let options = parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(options.address.to_string(), address, "{url}");
        assert_eq!(options.username.as_deref(), user, "{url}");
        assert_eq!(options.password.as_deref(), password, "{url}");
        assert_eq!(options.database, database, "{url}");
    }

    #[test]
    fn urls() {
        check("redis://", "127.0.0.1:6379", None, None, 0);
        check("REDIS://example", "example:6379", None, None, 0);
        check("redis://example:7/", "example:7", None, None, 0);
        check("redis://:pw@example/15", "example:6379", None, Some("pw"), 15);
        check("redis://pw@example", "example:6379", None, Some("pw"), 0);
        check("redis://ann:p:w@ex:1", "ex:1", Some("ann"), Some("p:w"), 0);
        check("redis://a%3ann:%40%2F@ex", "ex:6379", Some("a:nn"), Some("@/"), 0);
        check("redis://[::1]:7000/3", "[::1]:7000", None, None, 3);
        check("redis://[::1]", "[::1]:6379", None, None, 0);
        check("redis://ex?db=4", "ex:6379", None, None, 4);
        check("unix:///tmp/a%20b.sock?db=1", "/tmp/a b.sock", None, None, 1);
        check("unix://u:p@/run/r.sock", "/run/r.sock", Some("u"), Some("p"), 0);
    }

    #[test]
    fn what_is_no_url() {
        for (url, error) in [
            ("localhost:6379", UrlError::Scheme),
            ("http://x", UrlError::Scheme),
            ("rediss://x", UrlError::Tls),
            ("redis://x:0", UrlError::Port),
            ("redis://x:65536", UrlError::Port),
            ("redis://x:y", UrlError::Port),
            ("redis://[::1]7", UrlError::Port),
            ("redis://[::1", UrlError::Bracket),
            ("redis://x/one", UrlError::Database),
            ("redis://x/-1", UrlError::Database),
            ("redis://%4/", UrlError::Encoding),
            ("redis://%zz@x", UrlError::Encoding),
            ("redis://%ff@x", UrlError::Encoding),
            ("unix://", UrlError::Path),
            ("redis://x?tls=1", UrlError::Parameter("tls=1".into())),
        ] {
            assert_eq!(parse(url).err(), Some(error), "{url}");
        }
    }
}
