//! Running a sequence on both servers and finding the first reply that differs.

use anyhow::{Context, Result, bail};

use super::compare::{Pair, agree};
use super::reply::{Reply, quote_argument};
use super::sequence::{CONNECTIONS, Step};
use super::server::{Connection, Server};

/// Databases that the sequences use, counted from 0.
const DATABASES: usize = 4;
/// Commands sent together at most.
const BATCH_MAX: usize = 64;

/// The encodings' limits that a round runs with: (parameter, value).
pub(crate) type Settings = &'static [(&'static str, &'static str)];

/// The limits to choose from: Redis' own, and two that turn small collections into large ones early.
pub(crate) const SETTINGS: &[Settings] = &[
    &[
        ("hash-max-listpack-entries", "128"),
        ("hash-max-listpack-value", "64"),
        ("list-max-listpack-size", "-2"),
        ("list-compress-depth", "0"),
        ("set-max-intset-entries", "512"),
    ],
    &[
        ("hash-max-listpack-entries", "4"),
        ("hash-max-listpack-value", "8"),
        ("list-max-listpack-size", "4"),
        ("list-compress-depth", "1"),
        ("set-max-intset-entries", "4"),
    ],
    &[
        ("hash-max-listpack-entries", "0"),
        ("hash-max-listpack-value", "64"),
        ("list-max-listpack-size", "1"),
        ("list-compress-depth", "0"),
        ("set-max-intset-entries", "0"),
    ],
];

/// Both servers.
pub(crate) struct Arena {
    pub(crate) reference: Server,
    pub(crate) subject: Server,
}

/// The first disagreement of a sequence.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The step it showed at; the end of the sequence where the data differ but no reply did.
    pub(crate) step: Option<usize>,
    /// The command that showed it.
    pub(crate) command: String,
    pub(crate) expected: String,
    pub(crate) actual: String,
}

impl Failure {
    /// What makes two failures likely to be the same one.
    pub(crate) fn class(&self) -> String {
        let name = self.command.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let words = |text: &str| {
            let error = text.starts_with("(error)");
            let take = if error { 5 } else { 1 };
            let words: Vec<&str> =
                text.split([' ', '[', '"']).filter(|word| !word.is_empty()).take(take).collect();
            if error { words.join(" ") } else { words.join(" ").chars().take(4).collect() }
        };
        let place = if self.step.is_some() { "" } else { "data " };
        format!("{place}{name}: {} / {}", words(&self.expected), words(&self.actual))
    }
}

impl Arena {
    /// Runs the sequence on fresh connections to emptied servers.
    ///
    /// # Errors
    /// When the reference fails, or either server cannot be started or refuses the settings. What the subject does is
    /// never an error here but a [`Failure`].
    pub(crate) fn replay(&mut self, settings: Settings, steps: &[Step]) -> Result<Option<Failure>> {
        if self.subject.ended().is_some() {
            self.subject.restart()?;
        }
        let mut reference = prepare(&self.reference, settings).context("the reference server")?;
        let mut subject = prepare(&self.subject, settings).context("the server under test")?;
        let mut queued: Vec<Vec<usize>> = vec![Vec::new(); CONNECTIONS];
        let mut from = 0;
        while from < steps.len() {
            let to = batch_end(steps, from);
            let connection = steps[from].connection;
            let batch = Batch { steps, from, to };
            let (theirs, ours) = (&mut reference[connection], &mut subject[connection]);
            let commands = || steps[from..to].iter().map(|step| step.args.as_slice());
            theirs.send(commands()).context("the reference server")?;
            let sent = ours.send(commands());
            let mut expected = Vec::with_capacity(to - from);
            for step in &steps[from..to] {
                let reply = theirs
                    .read()
                    .with_context(|| format!("the reference server, asked for {}", show(step)))?;
                expected.push(reply);
            }
            let mut actual = Vec::with_capacity(to - from);
            let mut lost = sent.err();
            while lost.is_none() && actual.len() < expected.len() {
                match ours.read() {
                    Ok(reply) => actual.push(reply),
                    Err(error) => lost = Some(error),
                }
            }
            for (at, reply) in (from..).zip(&actual) {
                if !batch.judge(at, &expected, &actual, &mut queued[connection]) {
                    return Ok(Some(failure(&steps[at], at, &expected[at - from], reply.show())));
                }
            }
            if let Some(error) = lost {
                let at = from + actual.len();
                let what = self.subject.ended().unwrap_or_else(|| format!("no reply: {error}"));
                self.subject.restart()?;
                return Ok(Some(failure(&steps[at], at, &expected[at - from], what)));
            }
            let last = &steps[to - 1];
            if last.diverges()
                && !expected[to - 1 - from].is_error()
                && expected[to - 1 - from].text != b"QUEUED"
            {
                reconcile(&last.args[1], theirs, ours)?;
            }
            from = to;
        }
        super::dataset::compare(&self.reference, &self.subject, DATABASES)
    }
}

/// A part of a sequence that is sent together.
struct Batch<'a> {
    steps: &'a [Step],
    from: usize,
    to: usize,
}

impl Batch<'_> {
    /// Whether the replies to the step at `at` agree; keeps the account of what a transaction has queued.
    fn judge(&self, at: usize, expected: &[Reply], actual: &[Reply], queued: &mut Vec<usize>) -> bool {
        let step = &self.steps[at];
        let (theirs, ours) = (&expected[at - self.from], &actual[at - self.from]);
        if theirs.kind == b'+' && theirs.text == b"QUEUED" {
            queued.push(at);
            return theirs == ours;
        }
        let name = step.name();
        if matches!(name.as_str(), "EXEC" | "DISCARD" | "RESET" | "MULTI")
            && !(name == "MULTI" && theirs.is_error())
        {
            let queued = std::mem::take(queued);
            if name == "EXEC" && theirs.is_aggregate() && theirs.items.len() == queued.len() {
                return ours.kind == theirs.kind
                    && ours.items.len() == queued.len()
                    && (0..queued.len()).all(|slot| {
                        let step = &self.steps[queued[slot]];
                        agree(&Pair {
                            args: &step.args,
                            check: step.check,
                            expected: &theirs.items[slot],
                            actual: &ours.items[slot],
                            next: queued
                                .get(slot + 1)
                                .map(|&next| (self.steps[next].args.as_slice(), &ours.items[slot + 1])),
                        })
                    });
            }
        }
        let next = at + 1;
        agree(&Pair {
            args: &step.args,
            check: step.check,
            expected: theirs,
            actual: ours,
            next: (next < self.to)
                .then(|| actual.get(next - self.from).map(|reply| (self.steps[next].args.as_slice(), reply)))
                .flatten(),
        })
    }
}

fn failure(step: &Step, at: usize, expected: &Reply, actual: String) -> Failure {
    Failure { step: Some(at), command: show(step), expected: expected.show(), actual }
}

/// The step as `redis-cli` would be told it.
pub(crate) fn show(step: &Step) -> String {
    step.args.iter().map(|arg| quote_argument(arg)).collect::<Vec<_>>().join(" ")
}

/// Where the batch that begins at `from` ends: with its connection's turn, or at a command after which the servers must
/// be brought together.
fn batch_end(steps: &[Step], from: usize) -> usize {
    let mut to = from + 1;
    while to < steps.len()
        && to - from < BATCH_MAX
        && steps[to].connection == steps[from].connection
        && !steps[to - 1].diverges()
    {
        to += 1;
    }
    to
}

/// Empties a server, sets its limits, and opens the connections of a sequence.
fn prepare(server: &Server, settings: Settings) -> Result<Vec<Connection>> {
    let mut connections = (0..CONNECTIONS).map(|_| server.connect()).collect::<Result<Vec<_>>>()?;
    let expect_ok = |connection: &mut Connection, args: &[&[u8]]| -> Result<()> {
        let reply = connection.ask(args)?;
        if reply.is_error() {
            bail!("{} was refused: {}", String::from_utf8_lossy(&args.join(&b' ')), reply.show());
        }
        Ok(())
    };
    expect_ok(&mut connections[0], &[b"FLUSHALL"])?;
    for (name, value) in settings {
        expect_ok(&mut connections[0], &[b"CONFIG", b"SET", name.as_bytes(), value.as_bytes()])?;
    }
    for connection in connections.iter_mut().skip(1).step_by(2) {
        expect_ok(connection, &[b"HELLO", b"3"])?;
    }
    Ok(connections)
}

/// Gives the subject the members of a set from which both servers took members of their own choice. It adds before it
/// removes, and adds only what was a member before, so that neither the encoding nor the expiry of the set changes.
fn reconcile(key: &[u8], theirs: &mut Connection, ours: &mut Connection) -> Result<()> {
    let members = |connection: &mut Connection| -> Result<std::collections::BTreeSet<Vec<u8>>> {
        let reply = connection.ask(&[b"SMEMBERS", key])?;
        Ok(reply.items.into_iter().map(|item| item.text).collect())
    };
    let (wanted, have) = (members(theirs)?, members(ours)?);
    let changes = [(&b"SADD"[..], wanted.difference(&have)), (b"SREM", have.difference(&wanted))];
    for (command, changed) in changes {
        let mut args = vec![command, key];
        args.extend(changed.map(Vec::as_slice));
        if args.len() > 2 {
            ours.ask(&args)?;
        }
    }
    Ok(())
}
