//! What a parameter is: name, kind, default, bounds, flags and documentation in one item.

/// Identifies one parameter. The constants are in [`id`](super::id), one per parameter, named as in the file in capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub(super) u16);

impl Id {
    /// The description of the parameter.
    pub fn spec(self) -> &'static Spec {
        super::table::spec(self)
    }

    /// The primary name of the parameter.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// How the text of a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Decimal digits.
    Plain,
    /// Bytes, optionally with `k` (1000), `kb` (1024), `m`, `mb`, `g` or `gb`.
    Memory,
    /// Bytes as above, or a share of `maxmemory` such as `5%`, which is kept as a negative number.
    MemoryOrPercent,
    /// Octal digits: a file mode.
    Octal,
}

/// A rule beyond the bounds; the text is the reason given to the user.
pub type IntCheck = fn(i128) -> Result<(), &'static str>;
/// A rule on the bits of words; the text is the reason given to the user.
pub type WordCheck = fn(u32) -> Result<(), &'static str>;
/// A rule on a string; the text is the reason given to the user.
pub type TextCheck = fn(&[u8]) -> Result<(), &'static str>;

/// An integer parameter.
#[derive(Debug, Clone, Copy)]
pub struct IntSpec {
    /// Default; 0 with `cores` set stands for the number of processor cores.
    pub default: i128,
    /// Least value allowed.
    pub min: i128,
    /// Greatest value allowed.
    pub max: i128,
    /// How its text is written.
    pub unit: Unit,
    /// The default is the number of processor cores, clamped to the bounds.
    pub cores: bool,
    /// Values outside this range are moved to its nearest end instead of being refused (`hz`).
    pub clamp: Option<(i128, i128)>,
    /// Rule beyond the bounds.
    pub check: Option<IntCheck>,
}

/// A parameter that takes words out of a list.
#[derive(Debug, Clone, Copy)]
pub struct EnumSpec {
    /// Value taken when nothing is configured.
    pub default: u32,
    /// The words and what they stand for. Two words may stand for one value; the first is the one shown.
    pub words: &'static [(&'static str, u32)],
    /// Several words may be given; their values are or-ed.
    pub several: bool,
    /// Rule on the combined value.
    pub check: Option<WordCheck>,
}

/// A parameter that is a string.
#[derive(Debug, Clone, Copy)]
pub struct TextSpec {
    /// Value taken when nothing is configured; `None` means unset.
    pub default: Option<&'static str>,
    /// The empty string means unset.
    pub empty_is_unset: bool,
    /// The value may contain NUL bytes; others end at the first one, as paths and host names do.
    pub binary: bool,
    /// Rule on the value.
    pub check: Option<TextCheck>,
}

/// The parameters with a syntax of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// `save`: pairs of seconds and changes.
    Save,
    /// `bind`: addresses.
    Bind,
    /// `dir`: the working directory.
    Dir,
    /// `client-output-buffer-limit`: class, hard limit, soft limit, seconds.
    OutputLimits,
    /// `oom-score-adj-values`: three integers.
    OomScoreValues,
    /// `notify-keyspace-events`: a set of letters.
    KeyspaceEvents,
    /// `replicaof`: host and port.
    ReplicaOf,
    /// `latency-tracking-info-percentiles`: numbers from 0 to 100.
    Percentiles,
}

/// The type of a parameter, with its default and bounds.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `yes` or `no`.
    Bool {
        /// Value taken when nothing is configured.
        default: bool,
    },
    /// An integer.
    Int(IntSpec),
    /// One or more words out of a list.
    Enum(EnumSpec),
    /// A string.
    Text(TextSpec),
    /// A syntax of its own.
    Special(Special),
}

/// One configuration parameter.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Name in files and in CONFIG.
    pub name: &'static str,
    /// Older name that means the same.
    pub alias: Option<&'static str>,
    /// Type, default, bounds.
    pub kind: Kind,
    /// CONFIG SET refuses it; it is set at start only.
    pub immutable: bool,
    /// Immutable, but CONFIG SET accepts the value that it has. For parameters that Redis does not have: tools that write
    /// back what they read know which of Redis' own to leave out.
    pub settable_unchanged: bool,
    /// CONFIG SET needs `enable-protected-configs`.
    pub protected: bool,
    /// The value must not appear in SLOWLOG, MONITOR or logs.
    pub sensitive: bool,
    /// CONFIG GET shows it only by its exact name.
    pub hidden: bool,
    /// CONFIG SET refuses it while a dataset is loading.
    pub deny_loading: bool,
    /// The value may be several arguments.
    pub multi_arg: bool,
    /// Setting the same value again still counts as a change (files whose content may have changed).
    pub volatile: bool,
    /// Accepted so that existing configurations work, but nothing here depends on it.
    pub inert: bool,
    /// Documentation, one element a line, each with the leading space that a doc comment has.
    pub doc: &'static [&'static str],
}

const INT_MAX: i128 = i32::MAX as i128;

impl Spec {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            alias: None,
            kind,
            immutable: false,
            settable_unchanged: false,
            protected: false,
            sensitive: false,
            hidden: false,
            deny_loading: false,
            multi_arg: false,
            volatile: false,
            inert: false,
            doc: &[],
        }
    }

    pub(super) const fn flag(name: &'static str, default: bool) -> Self {
        Self::new(name, Kind::Bool { default })
    }

    /// An integer of the bounds given, in plain notation.
    pub(super) const fn int(name: &'static str, default: i128, min: i128, max: i128) -> Self {
        let unit = Unit::Plain;
        Self::new(
            name,
            Kind::Int(IntSpec { default, min, max, unit, cores: false, clamp: None, check: None }),
        )
    }

    /// An integer from 0 to 2^31-1.
    pub(super) const fn count(name: &'static str, default: i128) -> Self {
        Self::int(name, default, 0, INT_MAX)
    }

    /// An integer from 0 to 2^63-1.
    pub(super) const fn long(name: &'static str, default: i128) -> Self {
        Self::int(name, default, 0, i64::MAX as i128)
    }

    /// A number of bytes.
    pub(super) const fn memory(name: &'static str, default: i128, min: i128, max: i128) -> Self {
        Self::int(name, default, min, max).unit(Unit::Memory)
    }

    /// A string whose default may be the empty string.
    pub(super) const fn text(name: &'static str, default: &'static str) -> Self {
        let default = Some(default);
        Self::new(name, Kind::Text(TextSpec { default, empty_is_unset: false, binary: false, check: None }))
    }

    /// A string that is unset by default.
    pub(super) const fn optional(name: &'static str) -> Self {
        Self::new(
            name,
            Kind::Text(TextSpec { default: None, empty_is_unset: true, binary: false, check: None }),
        )
    }

    pub(super) const fn words(
        name: &'static str,
        words: &'static [(&'static str, u32)],
        default: u32,
    ) -> Self {
        Self::new(name, Kind::Enum(EnumSpec { default, words, several: false, check: None }))
    }

    pub(super) const fn special(name: &'static str, special: Special) -> Self {
        let mut spec = Self::new(name, Kind::Special(special));
        spec.multi_arg = !matches!(special, Special::Dir | Special::KeyspaceEvents);
        spec
    }

    pub(super) const fn unit(mut self, unit: Unit) -> Self {
        if let Kind::Int(int) = &mut self.kind {
            int.unit = unit;
        }
        self
    }

    pub(super) const fn cores(mut self) -> Self {
        if let Kind::Int(int) = &mut self.kind {
            int.cores = true;
        }
        self
    }

    pub(super) const fn clamp(mut self, least: i128, greatest: i128) -> Self {
        if let Kind::Int(int) = &mut self.kind {
            int.clamp = Some((least, greatest));
        }
        self
    }

    pub(super) const fn check_int(mut self, check: IntCheck) -> Self {
        if let Kind::Int(int) = &mut self.kind {
            int.check = Some(check);
        }
        self
    }

    pub(super) const fn check(mut self, check: TextCheck) -> Self {
        if let Kind::Text(text) = &mut self.kind {
            text.check = Some(check);
        }
        self
    }

    pub(super) const fn several(mut self, check: WordCheck) -> Self {
        if let Kind::Enum(words) = &mut self.kind {
            words.several = true;
            words.check = Some(check);
        }
        self.multi_arg = true;
        self
    }

    pub(super) const fn binary(mut self) -> Self {
        if let Kind::Text(text) = &mut self.kind {
            text.binary = true;
        }
        self
    }

    pub(super) const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    pub(super) const fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    pub(super) const fn settable_unchanged(mut self) -> Self {
        self.settable_unchanged = true;
        self
    }

    pub(super) const fn protected(mut self) -> Self {
        self.protected = true;
        self
    }

    pub(super) const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    pub(super) const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    pub(super) const fn deny_loading(mut self) -> Self {
        self.deny_loading = true;
        self
    }

    pub(super) const fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    pub(super) const fn inert(mut self) -> Self {
        self.inert = true;
        self
    }

    pub(super) const fn doc(mut self, doc: &'static [&'static str]) -> Self {
        self.doc = doc;
        self
    }

    /// The documentation as one paragraph.
    pub fn doc_text(&self) -> String {
        self.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }
}

/// Declares the parameters of one group: an [`Id`] constant each, whose documentation is also the parameter's own,
/// and `SPECS`, the slice of their descriptions in the same order. `after` is the number of the first one.
macro_rules! parameters {
    (after $base:expr; $($(#[doc = $doc:literal])+ $name:ident = $spec:expr;)+) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Index { $($name,)+ END }
        $($(#[doc = $doc])+ pub const $name: Id = Id($base + Index::$name as u16);)+
        pub(in super::super) const END: u16 = $base + Index::END as u16;
        pub(in super::super) const SPECS: &[Spec] = &[$($spec.doc(&[$($doc),+]),)+];
    };
}
pub(super) use parameters;
