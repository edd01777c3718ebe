//! Values of parameters: parsing, text, and their lines in a rewritten file.

use std::borrow::Cow;
use std::sync::Arc;

use super::spec::{EnumSpec, IntSpec, Kind, Spec, Unit};
use super::special::{self, KeyspaceEvents, OutputLimits, Primary, SavePoint};
use super::text;
use carnelian_resp::quote_arg;

/// The value of one parameter. Cloning allocates nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `yes` or `no`.
    Bool(bool),
    /// An integer; a percentage is negative.
    Int(i128),
    /// The value of a word, or of several or-ed.
    Word(u32),
    /// A string, `None` if unset.
    Text(Option<Arc<[u8]>>),
    /// `save`.
    Save(Arc<[SavePoint]>),
    /// `bind`.
    Bind(Arc<[Box<[u8]>]>),
    /// `dir`: an absolute path.
    Dir(Arc<[u8]>),
    /// `client-output-buffer-limit`.
    OutputLimits(OutputLimits),
    /// `oom-score-adj-values`.
    OomScoreValues([i32; 3]),
    /// `notify-keyspace-events`.
    KeyspaceEvents(KeyspaceEvents),
    /// `replicaof`.
    ReplicaOf(Option<Arc<Primary>>),
    /// `latency-tracking-info-percentiles`.
    Percentiles(Arc<[f64]>),
}

/// Why a value was refused, in the words of Redis.
pub(super) type Reason = Cow<'static, str>;

/// Where a value comes from, as far as it changes how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A configuration file or the command line; `first` is the first line of this parameter.
    File { first: bool },
    /// CONFIG SET.
    Command,
}

impl Value {
    /// What the parameter is when nothing is configured. `dir` is the directory the server was started in.
    pub(super) fn default_of(spec: &Spec, dir: &Arc<[u8]>) -> Self {
        match &spec.kind {
            Kind::Bool { default } => Self::Bool(*default),
            Kind::Int(int) => Self::Int(int_default(int)),
            Kind::Enum(words) => Self::Word(words.default),
            Kind::Text(text) => Self::Text(text.default.map(|text| text.as_bytes().into())),
            Kind::Special(special) => special::default_of(*special, dir),
        }
    }

    /// Reads the value from its arguments. `old` is the value so far: some parameters add to it.
    pub(super) fn parse(spec: &Spec, args: &[Vec<u8>], old: &Self, origin: Origin) -> Result<Self, Reason> {
        if let Kind::Special(special) = spec.kind {
            return special::parse(special, args, old, origin);
        }
        if let Kind::Enum(words) = &spec.kind {
            return parse_words(words, args).map(Self::Word);
        }
        let [arg] = args else { return Err("wrong number of arguments".into()) };
        match &spec.kind {
            Kind::Bool { .. } => {
                if arg.eq_ignore_ascii_case(b"yes") {
                    Ok(Self::Bool(true))
                } else if arg.eq_ignore_ascii_case(b"no") {
                    Ok(Self::Bool(false))
                } else {
                    Err("argument must be 'yes' or 'no'".into())
                }
            }
            Kind::Int(int) => parse_int(int, arg).map(Self::Int),
            Kind::Text(text) => {
                let end = if text.binary { None } else { arg.iter().position(|b| *b == 0) };
                let arg = &arg[..end.unwrap_or(arg.len())];
                text.check.map_or(Ok(()), |check| check(arg))?;
                Ok(Self::Text(if text.empty_is_unset && arg.is_empty() { None } else { Some(arg.into()) }))
            }
            Kind::Enum(_) | Kind::Special(_) => Err("wrong number of arguments".into()),
        }
    }

    /// The text that CONFIG GET answers.
    pub(super) fn text(&self, spec: &Spec) -> Vec<u8> {
        match (self, &spec.kind) {
            (Self::Bool(value), _) => yes_no(*value).into(),
            (Self::Int(value), Kind::Int(IntSpec { unit, .. })) => match unit {
                Unit::MemoryOrPercent if *value < 0 => format!("{}%", -value).into_bytes(),
                Unit::Octal => format!("{value:o}").into_bytes(),
                _ => value.to_string().into_bytes(),
            },
            (Self::Int(value), _) => value.to_string().into_bytes(),
            (Self::Word(value), Kind::Enum(words)) => word_names(words, *value).into_bytes(),
            (Self::Word(value), _) => value.to_string().into_bytes(),
            (Self::Text(value), _) => value.as_deref().unwrap_or_default().to_vec(),
            (special, _) => special::text(special),
        }
    }

    /// The lines of this parameter in a rewritten file, each with whether it must be there even if the old file has no
    /// such line.
    pub(super) fn lines(&self, spec: &Spec, default: &Self) -> Vec<(Vec<u8>, bool)> {
        let mut line = format!("{} ", spec.name).into_bytes();
        match (self, &spec.kind) {
            (Self::Text(None), _) => return Vec::new(),
            (Self::Text(Some(text)), _) => quote_arg(&mut line, text),
            (Self::Int(value), Kind::Int(IntSpec { unit: Unit::Memory | Unit::MemoryOrPercent, .. }))
                if *value >= 0 =>
            {
                line.extend(text::format_memory(*value as u64).as_bytes());
            }
            (Self::Bool(_) | Self::Int(_) | Self::Word(_), _) => line.extend(self.text(spec)),
            (special, _) => return special::lines(special, spec.name, default),
        }
        vec![(line, self != default)]
    }
}

pub(super) fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn int_default(int: &IntSpec) -> i128 {
    if int.cores {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as i128);
        cores.clamp(int.min, int.max)
    } else {
        int.default
    }
}

fn parse_int(int: &IntSpec, arg: &[u8]) -> Result<i128, Reason> {
    let value = match int.unit {
        Unit::Plain => text::strict_i64(arg).map(i128::from),
        Unit::Octal => text::strtoll(arg, 8).filter(|(_, over)| !over).map(|(value, _)| i128::from(value)),
        Unit::Memory => text::memory(arg).map(i128::from),
        Unit::MemoryOrPercent => text::memory(arg).map(i128::from).or_else(|| {
            let percent = text::strict_i64(arg.strip_suffix(b"%")?)?;
            (percent >= 0).then_some(-i128::from(percent))
        }),
    };
    let Some(value) = value else {
        return Err(Cow::Borrowed(match int.unit {
            Unit::Plain => "argument couldn't be parsed into an integer",
            Unit::Memory => "argument must be a memory value",
            Unit::MemoryOrPercent => "argument must be a memory or percent value",
            Unit::Octal => "argument couldn't be parsed as an octal number",
        }));
    };
    if int.unit == Unit::MemoryOrPercent && value < 0 {
        if value < int.min {
            return Err(format!("percentage argument must be less or equal to {}", -int.min).into());
        }
    } else if value < int.min || value > int.max {
        let (min, max) = (int.min, int.max);
        return Err(Cow::Owned(if int.unit == Unit::Octal {
            format!("argument must be between {min:o} and {max:o} inclusive")
        } else {
            format!("argument must be between {min} and {max} inclusive")
        }));
    }
    int.check.map_or(Ok(()), |check| check(value))?;
    Ok(int.clamp.map_or(value, |(least, greatest)| value.clamp(least, greatest)))
}

fn parse_words(spec: &EnumSpec, args: &[Vec<u8>]) -> Result<u32, Reason> {
    let find = |arg: &Vec<u8>| {
        spec.words.iter().find(|(word, _)| arg.eq_ignore_ascii_case(word.as_bytes())).map(|(_, value)| *value)
    };
    let value = if args.is_empty() || (!spec.several && args.len() != 1) {
        None
    } else {
        args.iter().try_fold(0, |all, arg| find(arg).map(|value| all | value))
    };
    let Some(value) = value else {
        let words: Vec<&str> = spec.words.iter().map(|(word, _)| *word).collect();
        return Err(format!("argument(s) must be one of the following: {}", words.join(", ")).into());
    };
    spec.check.map_or(Ok(()), |check| check(value))?;
    Ok(value)
}

/// The words of a value: one if one says it all, otherwise those whose bits make it up.
pub(super) fn word_names(spec: &EnumSpec, value: u32) -> String {
    if let Some((word, _)) = spec.words.iter().find(|(_, bits)| *bits == value) {
        return (*word).to_owned();
    }
    let set = spec.words.iter().filter(|(_, bits)| *bits != 0 && value & bits == *bits);
    set.map(|(word, _)| *word).collect::<Vec<_>>().join(" ")
}
