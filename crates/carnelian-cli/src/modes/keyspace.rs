//! Walks over the keyspace with SCAN: listing, the biggest keys, the hottest keys.

use std::sync::atomic::{AtomicBool, Ordering};

use carnelian_resp::Reply;

use crate::connection::LinkError;
use crate::console::{Exit, err, out};
use crate::interrupt::stop_flag;
use crate::options::Layout;
use crate::quote::quoted;
use crate::session::Session;

/// The wait that `-i` asks for is taken once in this many steps, except when listing.
const STEPS_PER_PAUSE: u64 = 100;

/// A walk in progress: the cursor, and where the walk stands as a share of the keyspace.
struct Walk {
    cursor: u64,
    steps: u64,
    total_keys: i64,
    sampled: u64,
    percent: f64,
}

impl Walk {
    /// Ask how many keys there are, and say what is about to happen.
    fn begin(session: &mut Session<'_>, wanted: &str) -> Result<Self, Exit> {
        let total_keys = match session.call(&["DBSIZE"])? {
            Reply::Integer(keys) => keys,
            Reply::Error(text) => {
                err!(session.console, "Couldn't determine DBSIZE: {}\n", String::from_utf8_lossy(&text));
                return Err(Exit::FAILURE);
            }
            _ => {
                err!(session.console, "Non INTEGER response from DBSIZE!\n");
                return Err(Exit::FAILURE);
            }
        };
        out!(
            session.console,
            "\n# Scanning the entire keyspace to find {wanted} keys as well as\n\
             # average sizes per key type.  You can use -i 0.1 to sleep 0.1 sec\n\
             # per 100 SCAN commands (not usually needed).\n\n"
        );
        Ok(Self { cursor: 0, steps: 0, total_keys, sampled: 0, percent: 0.0 })
    }

    /// The keys of the next step.
    fn step(&mut self, session: &mut Session<'_>) -> Result<Vec<Vec<u8>>, Exit> {
        self.percent = 100.0 * self.sampled as f64 / self.total_keys as f64;
        self.steps += 1;
        scan_step(session, &mut self.cursor)
    }

    /// Wait if it is time to; true when the walk is over.
    fn is_over(&self, session: &mut Session<'_>, stop: &AtomicBool) -> Result<bool, Exit> {
        if let Some(interval) = session.options.interval
            && self.steps.is_multiple_of(STEPS_PER_PAUSE)
        {
            session.pause(interval)?;
        }
        Ok(self.cursor == 0 || stop.load(Ordering::Relaxed))
    }

    /// Count a key; says so every million.
    fn count_key(&mut self, session: &mut Session<'_>) -> Result<(), Exit> {
        self.sampled += 1;
        if self.sampled.is_multiple_of(1_000_000) {
            out!(session.console, "[{:05.2}%] Sampled {} keys so far\n", self.percent, self.sampled);
        }
        Ok(())
    }

    fn print_summary(&self, session: &mut Session<'_>, stop: &AtomicBool) -> Result<(), Exit> {
        out!(session.console, "\n-------- summary -------\n\n");
        if stop.load(Ordering::Relaxed) {
            out!(session.console, "[{:05.2}%] ", self.percent);
        }
        out!(session.console, "Sampled {} keys in the keyspace!\n", self.sampled);
        Ok(())
    }
}

/// One SCAN; moves the cursor and gives the keys.
fn scan_step(session: &mut Session<'_>, cursor: &mut u64) -> Result<Vec<Vec<u8>>, Exit> {
    let mut args = vec![b"SCAN".to_vec(), cursor.to_string().into_bytes()];
    if let Some(pattern) = &session.options.pattern {
        args.extend([b"MATCH".to_vec(), pattern.clone()]);
    }
    if let Some(count) = session.options.count {
        args.extend([b"COUNT".to_vec(), count.to_string().into_bytes()]);
    }
    let wrong = match session.call(&args)? {
        Reply::Error(text) => format!("SCAN error: {}\n", String::from_utf8_lossy(&text)),
        Reply::Array(parts) => match <[Reply; 2]>::try_from(parts) {
            Ok([next, Reply::Array(keys)]) => match next.as_str().and_then(|next| next.parse().ok()) {
                Some(next) => {
                    *cursor = next;
                    let text = |key| if let Reply::Bulk(key) = key { Some(key) } else { None };
                    return Ok(keys.into_iter().filter_map(text).collect());
                }
                None => "Invalid cursor from SCAN!\n".into(),
            },
            _ => "Invalid element count from SCAN!\n".into(),
        },
        _ => "Non ARRAY response from SCAN!\n".into(),
    };
    session.console.complain(wrong);
    Err(Exit::FAILURE)
}

/// `--scan`: every key on a line of its own.
pub(crate) fn scan(session: &mut Session<'_>) -> Result<(), Exit> {
    session.require_connection()?;
    let stop = stop_flag();
    let mut cursor = 0;
    loop {
        for key in scan_step(session, &mut cursor)? {
            if session.options.layout == Layout::Formatted {
                session.console.print(quoted(&key))?;
            } else {
                session.console.print(&key)?;
            }
            session.console.print("\n")?;
        }
        session.console.flush()?;
        if cursor == 0 || stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        if let Some(interval) = session.options.interval {
            session.pause(interval)?;
        }
    }
}

/// What makes a key big.
#[derive(Clone, Copy)]
pub(crate) enum Measure {
    /// Elements, or bytes of a string.
    Elements,
    /// Memory, estimated by the server from this many elements (its own default when `None`).
    Memory { samples: Option<u64> },
}

/// What is known about the keys of one type.
struct TypeStats {
    name: String,
    /// The command that measures such a key, and its unit; unknown for types of modules.
    measured_by: Option<(&'static str, &'static str)>,
    biggest: u64,
    biggest_key: Option<String>,
    keys: u64,
    total: u64,
}

impl TypeStats {
    fn new(name: &str, measured_by: Option<(&'static str, &'static str)>) -> Self {
        Self { name: name.into(), measured_by, biggest: 0, biggest_key: None, keys: 0, total: 0 }
    }

    fn unit(&self, measure: Measure) -> &'static str {
        match measure {
            Measure::Memory { .. } => "bytes",
            Measure::Elements => self.measured_by.map_or("?", |(_, unit)| unit),
        }
    }
}

/// `--bigkeys` and `--memkeys`.
pub(crate) fn big_keys(session: &mut Session<'_>, measure: Measure) -> Result<(), Exit> {
    session.require_connection()?;
    let stop = stop_flag();
    let mut types = vec![
        TypeStats::new("list", Some(("LLEN", "items"))),
        TypeStats::new("hash", Some(("HLEN", "fields"))),
        TypeStats::new("string", Some(("STRLEN", "bytes"))),
        TypeStats::new("stream", Some(("XLEN", "entries"))),
        TypeStats::new("set", Some(("SCARD", "members"))),
        TypeStats::new("zset", Some(("ZCARD", "members"))),
    ];
    let mut key_bytes = 0;
    let mut walk = Walk::begin(session, "biggest")?;
    loop {
        let keys = walk.step(session)?;
        let key_types = types_of(session, &keys, &mut types)?;
        let sizes = sizes_of(session, &keys, &key_types, &types, measure)?;
        for ((key, kind), size) in keys.iter().zip(key_types).zip(sizes) {
            // A key that was deleted since SCAN has no type.
            let Some(stats) = kind.map(|kind| &mut types[kind]) else { continue };
            stats.total += size;
            stats.keys += 1;
            key_bytes += key.len() as u64;
            if size > stats.biggest {
                let (percent, name, unit, key) =
                    (walk.percent, &stats.name, stats.unit(measure), quoted(key));
                out!(
                    session.console,
                    "[{percent:05.2}%] Biggest {name:<6} found so far '{key}' with {size} {unit}\n"
                );
                stats.biggest = size;
                stats.biggest_key = Some(key);
            }
            walk.count_key(session)?;
        }
        if walk.is_over(session, &stop)? {
            break;
        }
    }
    walk.print_summary(session, &stop)?;
    let sampled = walk.sampled;
    let average = if key_bytes > 0 { key_bytes as f64 / sampled as f64 } else { 0.0 };
    out!(session.console, "Total key length in bytes is {key_bytes} (avg len {average:.2})\n\n");
    for stats in &types {
        if let Some(key) = &stats.biggest_key {
            let (name, biggest, unit) = (&stats.name, stats.biggest, stats.unit(measure));
            out!(session.console, "Biggest {name:>6} found '{key}' has {biggest} {unit}\n");
        }
    }
    out!(session.console, "\n");
    for stats in &types {
        let share = if sampled > 0 { 100.0 * stats.keys as f64 / sampled as f64 } else { 0.0 };
        let average = if stats.keys > 0 { stats.total as f64 / stats.keys as f64 } else { 0.0 };
        let (name, keys, total, unit) = (&stats.name, stats.keys, stats.total, stats.unit(measure));
        out!(
            session.console,
            "{keys} {name}s with {total} {unit} ({share:05.2}% of keys, avg size {average:.2})\n"
        );
    }
    session.console.flush()
}

/// The type of each key as an index into `types`, which grows by types not seen before; `None` for a deleted key.
fn types_of(
    session: &mut Session<'_>,
    keys: &[Vec<u8>],
    types: &mut Vec<TypeStats>,
) -> Result<Vec<Option<usize>>, Exit> {
    let replies = pipelined(session, keys.iter().map(|key| vec![b"TYPE".as_slice(), key]))?;
    let mut kinds = Vec::with_capacity(keys.len());
    for (reply, key) in replies.iter().zip(keys) {
        let name = match reply {
            Reply::Simple(name) => String::from_utf8_lossy(name),
            Reply::Error(text) => {
                err!(session.console, "TYPE returned an error: {}\n", String::from_utf8_lossy(text));
                return Err(Exit::FAILURE);
            }
            _ => {
                err!(session.console, "Invalid reply type for TYPE on key {}!\n", quoted(key));
                return Err(Exit::FAILURE);
            }
        };
        if name == "none" {
            kinds.push(None);
            continue;
        }
        let known = types.iter().position(|stats| stats.name == name);
        kinds.push(Some(known.unwrap_or_else(|| {
            types.push(TypeStats::new(&name, None));
            types.len() - 1
        })));
    }
    Ok(kinds)
}

/// The size of each key; 0 for those that cannot be measured.
fn sizes_of(
    session: &mut Session<'_>,
    keys: &[Vec<u8>],
    kinds: &[Option<usize>],
    types: &[TypeStats],
    measure: Measure,
) -> Result<Vec<u64>, Exit> {
    let samples = match measure {
        Measure::Memory { samples: Some(samples) } => samples.to_string(),
        _ => String::new(),
    };
    let command_for = |kind: Option<usize>, key| match (measure, types[kind?].measured_by) {
        (Measure::Memory { samples: None }, _) => Some(vec![b"MEMORY".as_slice(), b"USAGE", key]),
        (Measure::Memory { .. }, _) => {
            Some(vec![b"MEMORY".as_slice(), b"USAGE", key, b"SAMPLES", samples.as_bytes()])
        }
        (Measure::Elements, Some((command, _))) => Some(vec![command.as_bytes(), key]),
        (Measure::Elements, None) => None,
    };
    let commands: Vec<_> =
        kinds.iter().zip(keys).map(|(kind, key)| command_for(*kind, key.as_slice())).collect();
    let mut replies = pipelined(session, commands.iter().flatten().cloned())?.into_iter();
    let mut sizes = Vec::with_capacity(keys.len());
    for (command, key) in commands.iter().zip(keys) {
        let Some(command) = command else {
            sizes.push(0);
            continue;
        };
        if let Some(Reply::Integer(size)) = replies.next() {
            sizes.push(size.max(0) as u64);
        } else {
            let name =
                if command.len() > 2 { "MEMORY USAGE".into() } else { String::from_utf8_lossy(command[0]) };
            err!(session.console, "Warning:  {name} on {} failed (may have changed type)\n", quoted(key));
            sizes.push(0);
        }
    }
    Ok(sizes)
}

/// Send all commands at once and collect their replies.
fn pipelined<'a>(
    session: &mut Session<'_>,
    commands: impl Iterator<Item = Vec<&'a [u8]>>,
) -> Result<Vec<Reply>, Exit> {
    let link = session.link()?;
    let mut expected = 0;
    for command in commands {
        link.queue(&command);
        expected += 1;
    }
    let mut exchange = || -> Result<Vec<Reply>, LinkError> {
        link.send_queued()?;
        let mut replies = Vec::with_capacity(expected);
        while replies.len() < expected {
            match link.read_reply()? {
                Reply::Push(_) => {}
                reply => replies.push(reply),
            }
        }
        Ok(replies)
    };
    exchange().map_err(|error| {
        err!(session.console, "\nI/O error: {error}\n");
        Exit::FAILURE
    })
}

/// Keys that `--hotkeys` remembers.
const HOT_KEYS: usize = 16;

/// `--hotkeys`.
pub(crate) fn hot_keys(session: &mut Session<'_>) -> Result<(), Exit> {
    session.require_connection()?;
    let stop = stop_flag();
    // Hottest first.
    let mut hottest: Vec<(u64, String)> = Vec::with_capacity(HOT_KEYS + 1);
    let mut walk = Walk::begin(session, "hot")?;
    loop {
        let keys = walk.step(session)?;
        let replies = pipelined(session, keys.iter().map(|key| vec![b"OBJECT".as_slice(), b"FREQ", key]))?;
        for (key, reply) in keys.iter().zip(replies) {
            walk.count_key(session)?;
            let frequency = match reply {
                Reply::Integer(frequency) => frequency.max(0) as u64,
                Reply::Error(text) => {
                    err!(session.console, "Error: {}\n", String::from_utf8_lossy(&text));
                    return Err(Exit::FAILURE);
                }
                _ => {
                    err!(
                        session.console,
                        "Warning: OBJECT freq on {} failed (may have been deleted)\n",
                        quoted(key)
                    );
                    0
                }
            };
            let coldest =
                if hottest.len() < HOT_KEYS { 0 } else { hottest.last().map_or(0, |(counter, _)| *counter) };
            if frequency <= coldest {
                continue;
            }
            let key = quoted(key);
            let percent = walk.percent;
            out!(
                session.console,
                "[{percent:05.2}%] Hot key '{key}' found so far with counter {frequency}\n"
            );
            let place = hottest.partition_point(|(counter, _)| *counter >= frequency);
            hottest.insert(place, (frequency, key));
            hottest.truncate(HOT_KEYS);
        }
        if walk.is_over(session, &stop)? {
            break;
        }
    }
    walk.print_summary(session, &stop)?;
    for (counter, key) in hottest {
        out!(session.console, "hot key found with counter: {counter}\tkeyname: {key}\n");
    }
    session.console.flush()
}
