//! `redis://` addresses: `redis://[[user:]password@][host[:port]][/database]`.

use crate::options::Address;

/// Read `uri` into `address`; parts it does not name stay as they were. The error is the text for the user.
pub(crate) fn apply(uri: &str, address: &mut Address) -> Result<(), String> {
    let rest = match uri.get(..8) {
        Some(scheme) if scheme.eq_ignore_ascii_case("redis://") => &uri[8..],
        _ if uri.get(..9).is_some_and(|scheme| scheme.eq_ignore_ascii_case("rediss://")) => {
            return Err("rediss:// needs TLS, which this build does not have\n".into());
        }
        _ => return Err("Invalid URI scheme\n".into()),
    };
    let (userinfo, rest) = match rest.split_once('@') {
        Some((userinfo, rest)) => (Some(userinfo), rest),
        None => (None, rest),
    };
    if let Some(userinfo) = userinfo {
        let password = match userinfo.split_once(':') {
            Some((user, password)) => {
                address.user = Some(percent_decoded(user)?);
                password
            }
            None => userinfo,
        };
        address.password = Some(percent_decoded(password)?);
    }
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, path),
        None => (rest, ""),
    };
    if !authority.is_empty() {
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        if let Some(port) = port {
            address.port = port.parse().map_err(|_| format!("Invalid port in URI: '{port}'\n"))?;
        }
        host.clone_into(&mut address.host);
    }
    if !path.is_empty() {
        address.database = path.parse().map_err(|_| format!("Invalid database in URI: '{path}'\n"))?;
    }
    Ok(())
}

fn percent_decoded(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%' {
            let [high, low, tail @ ..] = rest else { return Err("Incomplete URI encoding\n".into()) };
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
                return Err("Illegal character in URI encoding\n".into());
            };
            out.push((high * 16 + low) as u8);
            rest = tail;
        } else {
            out.push(byte);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(uri: &str, user: Option<&str>, password: Option<&str>, host: &str, port: u16, database: i64) {
        let mut address = Address::default();
        apply(uri, &mut address).unwrap();
        let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(text(address.user).as_deref(), user, "{uri}");
        assert_eq!(text(address.password).as_deref(), password, "{uri}");
        assert_eq!((address.host.as_str(), address.port, address.database), (host, port, database), "{uri}");
    }

    #[test]
    fn reads_every_part_and_leaves_the_rest() {
        check("redis://", None, None, "127.0.0.1", 6379, 0);
        check("REDIS://db.example", None, None, "db.example", 6379, 0);
        check("redis://db.example:7000/3", None, None, "db.example", 7000, 3);
        check("redis:///4", None, None, "127.0.0.1", 6379, 4);
        check("redis://secret@h", None, Some("secret"), "h", 6379, 0);
        check("redis://me:a%40b%3A@h:1/", Some("me"), Some("a@b:"), "h", 1, 0);
        check("redis://me:x@", Some("me"), Some("x"), "127.0.0.1", 6379, 0);
    }

    #[test]
    fn says_what_is_wrong() {
        let error = |uri| apply(uri, &mut Address::default()).unwrap_err();
        assert_eq!(error("http://x"), "Invalid URI scheme\n");
        assert_eq!(error("redis://a%4@h"), "Incomplete URI encoding\n");
        assert_eq!(error("redis://a%zz@h"), "Illegal character in URI encoding\n");
        assert_eq!(error("redis://h:many"), "Invalid port in URI: 'many'\n");
        assert!(error("rediss://h").contains("TLS"));
    }
}
