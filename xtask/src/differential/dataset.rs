//! Comparing everything that two servers hold.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::commands::Check;
use super::compare::{Pair, agree};
use super::replay::Failure;
use super::reply::{Reply, quote_argument};
use super::server::{Connection, Server};

/// Calls of SCAN after which an iteration is taken to have no end.
const SCAN_CALLS_MAX: usize = 10_000;

/// Compares, per database, the keys as KEYS and a whole SCAN give them, and per key its type, encoding, expiry and
/// value. Where the reference says that the encoding keeps an order, the order counts.
pub(crate) fn compare(reference: &Server, subject: &Server, databases: usize) -> Result<Option<Failure>> {
    let mut sides = Sides { theirs: reference.connect()?, ours: subject.connect()? };
    for db in 0..databases {
        let number = db.to_string();
        if let Err(failure) = sides.database(&number)? {
            let command = format!("{} # in database {db}", failure.command);
            return Ok(Some(Failure { command, ..*failure }));
        }
    }
    Ok(None)
}

struct Sides {
    theirs: Connection,
    ours: Connection,
}

type Verdict = std::result::Result<Reply, Box<Failure>>;

/// Returns the failure that a comparison found.
macro_rules! agreed {
    ($verdict:expr) => {
        match $verdict? {
            Ok(reply) => reply,
            Err(failure) => return Ok(Err(failure)),
        }
    };
}

impl Sides {
    fn database(&mut self, number: &str) -> Result<std::result::Result<(), Box<Failure>>> {
        agreed!(self.same(Check::Exact, &[b"SELECT", number.as_bytes()]));
        let keys = agreed!(self.same(Check::Unordered, &[b"KEYS", b"*"]));
        let mut keys: Vec<Vec<u8>> = keys.items.into_iter().map(|item| item.text).collect();
        keys.sort();
        let wanted: BTreeSet<Vec<u8>> = keys.iter().cloned().collect();
        let scanned = scan(&mut self.ours)?;
        if scanned != wanted {
            let list = |keys: &BTreeSet<Vec<u8>>| {
                keys.iter().map(|key| quote_argument(key)).collect::<Vec<_>>().join(" ")
            };
            return Ok(Err(Box::new(Failure {
                step: None,
                command: "SCAN, a whole iteration with COUNT 3".into(),
                expected: list(&wanted),
                actual: list(&scanned),
            })));
        }
        for key in &keys {
            let kind = agreed!(self.same(Check::Exact, &[b"TYPE", key]));
            agreed!(self.same(Check::Milliseconds, &[b"PTTL", key]));
            let encoding = agreed!(self.same(Check::Exact, &[b"OBJECT", b"ENCODING", key]));
            let table = encoding.text == b"hashtable";
            match kind.text.as_slice() {
                b"string" => agreed!(self.same(Check::Exact, &[b"GET", key])),
                b"list" => agreed!(self.same(Check::Exact, &[b"LRANGE", key, b"0", b"-1"])),
                b"hash" => {
                    agreed!(self.same(if table { Check::Pairs } else { Check::Exact }, &[b"HGETALL", key]))
                }
                b"set" => agreed!(
                    self.same(if table { Check::Unordered } else { Check::Exact }, &[b"SMEMBERS", key])
                ),
                _ => continue,
            };
        }
        Ok(Ok(()))
    }

    /// Asks both and compares; gives the reference's reply.
    fn same(&mut self, check: Check, args: &[&[u8]]) -> Result<Verdict> {
        self.theirs.send([args]).context("the reference server")?;
        self.ours.send([args]).context("the server under test")?;
        let expected = self.theirs.read().context("the reference server")?;
        let actual = self.ours.read().context("the server under test")?;
        let words: Vec<Vec<u8>> = args.iter().map(|arg| arg.to_vec()).collect();
        if agree(&Pair { args: &words, check, expected: &expected, actual: &actual, next: None }) {
            return Ok(Ok(expected));
        }
        let command = args.iter().map(|arg| quote_argument(arg)).collect::<Vec<_>>().join(" ");
        Ok(Err(Box::new(Failure { step: None, command, expected: expected.show(), actual: actual.show() })))
    }
}

/// The keys of a whole iteration, in small steps.
fn scan(connection: &mut Connection) -> Result<BTreeSet<Vec<u8>>> {
    let mut keys = BTreeSet::new();
    let mut cursor = b"0".to_vec();
    for _ in 0..SCAN_CALLS_MAX {
        let reply = connection.ask(&[b"SCAN", cursor.as_slice(), b"COUNT", b"3"])?;
        let [next, found] = reply.items.as_slice() else { anyhow::bail!("SCAN replied {}", reply.show()) };
        keys.extend(found.items.iter().map(|item| item.text.clone()));
        cursor.clone_from(&next.text);
        if cursor == b"0" {
            return Ok(keys);
        }
    }
    anyhow::bail!("an iteration of SCAN had not ended after {SCAN_CALLS_MAX} calls")
}
