//! The parameters with a syntax of their own.

use std::path::Path;
use std::sync::Arc;

use super::spec::Special;
use super::text;
use super::value::{Origin, Reason, Value};
use carnelian_resp::quote_arg;

/// One point at which a snapshot is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds since the last snapshot, at least 1.
    pub seconds: u64,
    /// Number of changes since the last snapshot.
    pub changes: u64,
}

/// Limits on the replies waiting for one class of clients. 0 means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes at which the client is disconnected at once.
    pub hard_bytes: u64,
    /// Bytes at which it is disconnected after `soft_seconds`.
    pub soft_bytes: u64,
    /// How long the soft limit may be exceeded, in seconds.
    pub soft_seconds: u64,
}

/// The limits of all classes of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputLimits {
    /// Ordinary clients, MONITOR included.
    pub normal: OutputLimit,
    /// Replicas.
    pub replica: OutputLimit,
    /// Clients with at least one subscription.
    pub pubsub: OutputLimit,
}

/// The primary that a replica follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Primary {
    /// Host name or address.
    pub host: Box<[u8]>,
    /// TCP port.
    pub port: u16,
}

/// A set of keyspace event classes: the bits of `notify-keyspace-events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyspaceEvents(pub u32);

impl KeyspaceEvents {
    /// `K`: channels named after keys.
    pub const KEYSPACE: u32 = 1;
    /// `E`: channels named after events.
    pub const KEYEVENT: u32 = 1 << 1;
    /// `g`: commands that work on any type.
    pub const GENERIC: u32 = 1 << 2;
    /// `$`: strings.
    pub const STRING: u32 = 1 << 3;
    /// `l`: lists.
    pub const LIST: u32 = 1 << 4;
    /// `s`: sets.
    pub const SET: u32 = 1 << 5;
    /// `h`: hashes.
    pub const HASH: u32 = 1 << 6;
    /// `z`: sorted sets.
    pub const ZSET: u32 = 1 << 7;
    /// `x`: keys that expired.
    pub const EXPIRED: u32 = 1 << 8;
    /// `e`: keys that were evicted.
    pub const EVICTED: u32 = 1 << 9;
    /// `t`: streams.
    pub const STREAM: u32 = 1 << 10;
    /// `m`: reads of keys that do not exist.
    pub const KEY_MISS: u32 = 1 << 11;
    /// `d`: modules.
    pub const MODULE: u32 = 1 << 13;
    /// `n`: new keys.
    pub const NEW: u32 = 1 << 14;
    /// `A`: every class but `m` and `n`.
    pub const ALL: u32 = Self::GENERIC
        | Self::STRING
        | Self::LIST
        | Self::SET
        | Self::HASH
        | Self::ZSET
        | Self::EXPIRED
        | Self::EVICTED
        | Self::STREAM
        | Self::MODULE;

    /// Letters in the order in which they are printed.
    const LETTERS: [(u8, u32); 14] = [
        (b'g', Self::GENERIC),
        (b'$', Self::STRING),
        (b'l', Self::LIST),
        (b's', Self::SET),
        (b'h', Self::HASH),
        (b'z', Self::ZSET),
        (b'x', Self::EXPIRED),
        (b'e', Self::EVICTED),
        (b't', Self::STREAM),
        (b'd', Self::MODULE),
        (b'n', Self::NEW),
        (b'K', Self::KEYSPACE),
        (b'E', Self::KEYEVENT),
        (b'm', Self::KEY_MISS),
    ];

    /// Reads the letters; `None` if one of them is unknown.
    pub fn parse(letters: &[u8]) -> Option<Self> {
        letters
            .iter()
            .try_fold(0, |all, letter| match letter {
                b'A' => Some(all | Self::ALL),
                _ => Self::LETTERS.iter().find(|(l, _)| l == letter).map(|(_, bit)| all | bit),
            })
            .map(Self)
    }

    /// The letters. Redis 7.0 drops the `n` of `An`; here it is kept, or CONFIG REWRITE would lose it.
    pub fn letters(self) -> Vec<u8> {
        let all = self.0 & Self::ALL == Self::ALL;
        let rest =
            Self::LETTERS.iter().filter(|(_, bit)| self.0 & bit != 0 && !(all && Self::ALL & bit != 0));
        all.then_some(b'A').into_iter().chain(rest.map(|(letter, _)| *letter)).collect()
    }

    /// Whether all of the given bits are set.
    pub const fn contains(self, bits: u32) -> bool {
        self.0 & bits == bits
    }
}

/// Greatest number of addresses to listen on.
const BIND_MAX: usize = 16;
const DEFAULT_BIND: [&str; 2] = ["*", "-::*"];

pub(super) fn default_of(special: Special, dir: &Arc<[u8]>) -> Value {
    const NO_LIMIT: OutputLimit = OutputLimit { hard_bytes: 0, soft_bytes: 0, soft_seconds: 0 };
    match special {
        Special::Save => {
            let points = [(3600, 1), (300, 100), (60, 10_000)];
            Value::Save(points.map(|(seconds, changes)| SavePoint { seconds, changes }).into())
        }
        Special::Bind => Value::Bind(DEFAULT_BIND.map(|addr| addr.as_bytes().into()).into()),
        Special::Dir => Value::Dir(dir.clone()),
        Special::OutputLimits => Value::OutputLimits(OutputLimits {
            normal: NO_LIMIT,
            replica: OutputLimit { hard_bytes: 256 << 20, soft_bytes: 64 << 20, soft_seconds: 60 },
            pubsub: OutputLimit { hard_bytes: 32 << 20, soft_bytes: 8 << 20, soft_seconds: 60 },
        }),
        Special::OomScoreValues => Value::OomScoreValues([0, 200, 800]),
        Special::KeyspaceEvents => Value::KeyspaceEvents(KeyspaceEvents(0)),
        Special::ReplicaOf => Value::ReplicaOf(None),
        Special::Percentiles => Value::Percentiles([50.0, 99.0, 99.9].into()),
    }
}

pub(super) fn parse(
    special: Special,
    args: &[Vec<u8>],
    old: &Value,
    origin: Origin,
) -> Result<Value, Reason> {
    // One empty argument means "none" to the parameters that are lists.
    let list = if matches!(args, [only] if only.is_empty()) { &[] } else { args };
    match (special, old) {
        (Special::Save, Value::Save(points)) => parse_save(args, points, origin),
        (Special::Bind, _) => {
            if args.len() > BIND_MAX {
                return Err("Too many bind addresses specified.".into());
            }
            Ok(Value::Bind(list.iter().map(|addr| c_string(addr).into()).collect()))
        }
        (Special::Dir, Value::Dir(dir)) => parse_dir(args, dir),
        (Special::OutputLimits, Value::OutputLimits(limits)) => parse_output_limits(args, *limits),
        (Special::OomScoreValues, _) => parse_oom_scores(args),
        (Special::KeyspaceEvents, _) => {
            let [letters] = args else { return Err("wrong number of arguments".into()) };
            let events = KeyspaceEvents::parse(letters)
                .ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
            Ok(Value::KeyspaceEvents(events))
        }
        (Special::ReplicaOf, _) => parse_replicaof(args),
        (Special::Percentiles, _) => {
            list.iter().map(|arg| parse_percentile(arg)).collect::<Result<_, _>>().map(Value::Percentiles)
        }
        // A slot always holds a value of its own kind.
        _ => Err("wrong number of arguments".into()),
    }
}

fn c_string(text: &[u8]) -> &[u8] {
    text.split(|b| *b == 0).next().unwrap_or_default()
}

fn parse_save(args: &[Vec<u8>], old: &Arc<[SavePoint]>, origin: Origin) -> Result<Value, Reason> {
    const INVALID: Reason = Reason::Borrowed("Invalid save parameters");
    // In a file every line adds to those before, except that `save ""` forgets them.
    let empty = matches!(args, [only] if only.is_empty());
    let mut points: Vec<SavePoint> = match origin {
        Origin::File { first: false } if !empty => old.to_vec(),
        _ => Vec::new(),
    };
    if empty {
        return Ok(Value::Save(points.into()));
    }
    if !args.len().is_multiple_of(2) {
        return Err(INVALID);
    }
    for pair in args.chunks_exact(2) {
        let number = |arg: &[u8], least: i64| {
            text::strtoll(arg, 10).map(|(value, _)| value).filter(|value| *value >= least).ok_or(INVALID)
        };
        let (seconds, changes) = (number(&pair[0], 1)? as u64, number(&pair[1], 0)? as u64);
        points.push(SavePoint { seconds, changes });
    }
    Ok(Value::Save(points.into()))
}

/// Resolves a directory against the current one and makes sure it can be entered.
fn parse_dir(args: &[Vec<u8>], current: &[u8]) -> Result<Value, Reason> {
    let [arg] = args else { return Err("wrong number of arguments".into()) };
    let arg = c_string(arg);
    if arg.is_empty() {
        return Err("No such file or directory".into());
    }
    let path = super::to_path(current).join(super::to_path(arg));
    // Looking at "." inside fails for the same reasons as entering the directory does.
    std::fs::metadata(path.join("."))
        .and_then(|_| Path::canonicalize(&path))
        .map(|path| Value::Dir(super::path_bytes(&path).into()))
        .map_err(|error| super::os_error_text(&error).into())
}

fn parse_output_limits(args: &[Vec<u8>], mut limits: OutputLimits) -> Result<Value, Reason> {
    if !args.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    }
    for group in args.chunks_exact(4) {
        let class = match group[0].to_ascii_lowercase().as_slice() {
            b"normal" => &mut limits.normal,
            b"slave" | b"replica" => &mut limits.replica,
            b"pubsub" => &mut limits.pubsub,
            _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
        };
        let seconds = text::strtoll(&group[3], 10).and_then(|(value, _)| i32::try_from(value).ok());
        let (Some(hard_bytes), Some(soft_bytes), Some(soft_seconds)) = (
            text::memory(&group[1]),
            text::memory(&group[2]),
            seconds.and_then(|seconds| u64::try_from(seconds).ok()),
        ) else {
            return Err("Error in hard, soft or soft_seconds setting in buffer limit configuration.".into());
        };
        *class = OutputLimit { hard_bytes, soft_bytes, soft_seconds };
    }
    Ok(Value::OutputLimits(limits))
}

fn parse_oom_scores(args: &[Vec<u8>]) -> Result<Value, Reason> {
    let mut values = [0; 3];
    if args.len() != values.len() {
        return Err("wrong number of arguments".into());
    }
    for (value, arg) in values.iter_mut().zip(args) {
        *value = text::strtoll(arg, 10)
            .map(|(score, _)| score)
            .filter(|score| (-2000..=2000).contains(score))
            .ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")?
            as i32;
    }
    Ok(Value::OomScoreValues(values))
}

fn parse_replicaof(args: &[Vec<u8>]) -> Result<Value, Reason> {
    let [host, port] = args else { return Err("wrong number of arguments".into()) };
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        return Ok(Value::ReplicaOf(None));
    }
    let port = text::strtoll(port, 10)
        .and_then(|(port, _)| u16::try_from(port).ok())
        .ok_or("Invalid master port")?;
    Ok(Value::ReplicaOf(Some(Arc::new(Primary { host: host.as_slice().into(), port }))))
}

fn parse_percentile(arg: &[u8]) -> Result<f64, Reason> {
    let number = std::str::from_utf8(arg).ok().and_then(|text| text.parse::<f64>().ok());
    let number = number
        .filter(|number| !number.is_nan())
        .ok_or("Invalid latency-tracking-info-percentiles parameters")?;
    if (0.0..=100.0).contains(&number) {
        Ok(number)
    } else {
        Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into())
    }
}

fn percentile_text(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(super) fn text(value: &Value) -> Vec<u8> {
    match value {
        Value::Save(points) => {
            join(points.iter().map(|point| format!("{} {}", point.seconds, point.changes))).into_bytes()
        }
        Value::Bind(addresses) => addresses.join(&b' '),
        Value::Dir(path) => path.to_vec(),
        Value::OutputLimits(limits) => join(classes(limits).map(|(class, limit)| {
            let class = if class == "replica" { "slave" } else { class };
            format!("{class} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_seconds)
        }))
        .into_bytes(),
        Value::OomScoreValues(values) => join(values.iter().map(ToString::to_string)).into_bytes(),
        Value::KeyspaceEvents(events) => events.letters(),
        Value::ReplicaOf(Some(primary)) => {
            [&primary.host, b" ".as_slice(), primary.port.to_string().as_bytes()].concat()
        }
        Value::Percentiles(numbers) => join(numbers.iter().map(|n| percentile_text(*n))).into_bytes(),
        _ => Vec::new(),
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(" ")
}

fn classes(limits: &OutputLimits) -> impl Iterator<Item = (&'static str, OutputLimit)> {
    [("normal", limits.normal), ("replica", limits.replica), ("pubsub", limits.pubsub)].into_iter()
}

/// The lines of a parameter in a rewritten file; see [`Value::lines`].
pub(super) fn lines(value: &Value, name: &str, default: &Value) -> Vec<(Vec<u8>, bool)> {
    let with = |rest: &[u8]| [name.as_bytes(), b" ", rest].concat();
    match value {
        // Save points and percentiles are always written: absent lines would mean the defaults.
        Value::Save(points) if points.is_empty() => vec![(with(b"\"\""), true)],
        Value::Save(points) => points
            .iter()
            .map(|point| (with(format!("{} {}", point.seconds, point.changes).as_bytes()), true))
            .collect(),
        Value::Percentiles(numbers) if numbers.is_empty() => vec![(with(b"\"\""), true)],
        Value::Percentiles(_) => vec![(with(&text(value)), true)],
        Value::Bind(_) if value == default => Vec::new(),
        Value::Bind(addresses) if addresses.is_empty() => vec![(with(b"\"\""), true)],
        Value::Bind(addresses) => {
            let mut line = name.as_bytes().to_vec();
            if let [only] = &addresses[..] {
                // A single argument is split into words once more when it is read, so it is quoted once more.
                let mut word = Vec::new();
                text::quote_if_needed(&mut word, only);
                line.push(b' ');
                text::quote_if_needed(&mut line, &word);
                return vec![(line, true)];
            }
            for address in addresses.iter() {
                line.push(b' ');
                text::quote_if_needed(&mut line, address);
            }
            vec![(line, true)]
        }
        Value::Dir(path) => {
            let mut line = with(b"");
            quote_arg(&mut line, path);
            vec![(line, true)]
        }
        Value::OutputLimits(limits) => {
            let defaults = match default {
                Value::OutputLimits(defaults) => *defaults,
                _ => *limits,
            };
            classes(limits)
                .zip(classes(&defaults))
                .map(|((class, limit), (_, default))| {
                    let (hard, soft) =
                        (text::format_memory(limit.hard_bytes), text::format_memory(limit.soft_bytes));
                    let rest = format!("{class} {hard} {soft} {}", limit.soft_seconds);
                    (with(rest.as_bytes()), limit != default)
                })
                .collect()
        }
        Value::KeyspaceEvents(events) => {
            let mut line = with(b"");
            quote_arg(&mut line, &events.letters());
            vec![(line, value != default)]
        }
        Value::ReplicaOf(None) => Vec::new(),
        Value::ReplicaOf(Some(primary)) => {
            let mut line = with(b"");
            text::quote_if_needed(&mut line, &primary.host);
            line.extend(format!(" {}", primary.port).as_bytes());
            vec![(line, true)]
        }
        _ => vec![(with(&text(value)), value != default)],
    }
}
