//! Reading files.

mod legacy;
mod object;
mod source;
mod stream;

pub use object::{ListNode, Object};
pub use stream::{PendingEntry, StreamConsumer, StreamGroup, StreamId, StreamObject};

use crate::encode::Meta;
use crate::error::{ErrorKind, RdbError};
use crate::format::{SLOTS, VERSION_MAX, opcode};
use source::Source;
use std::io::Read;

/// How to read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// Longest string to accept, in bytes. Memory grows with what arrives, so this only bounds how far.
    pub string_max: u64,
    /// Whether to compare the checksum at the end.
    pub verify_checksum: bool,
    /// Whether to look for members and fields that are there twice. A reader that puts them into a table of its own can
    /// look there and save the work; small collections in one block should always be checked.
    pub refuse_duplicates: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { string_max: 1 << 30, verify_checksum: true, refuse_duplicates: true }
    }
}

/// Something that stands in a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An auxiliary field.
    Aux {
        /// Its name.
        name: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
    },
    /// The entries that follow belong to this database.
    SelectDb(u64),
    /// How many keys the database has, and how many of them expire. A hint, to be bounded before it is followed.
    ResizeDb {
        /// Keys.
        keys: u64,
        /// Keys that expire.
        expires: u64,
    },
    /// How many keys a hash slot has.
    SlotInfo {
        /// The slot, below 16384.
        slot: u16,
        /// Keys.
        keys: u64,
        /// Keys that expire.
        expires: u64,
    },
    /// The source of a function library.
    Function(Vec<u8>),
    /// Data of a module beside the keys, skipped.
    ModuleAux {
        /// The nine letters of the module's type.
        name: String,
        /// Offset at which what the module wrote starts.
        offset: u64,
    },
    /// A key and its value.
    Entry(Entry),
    /// The end of the file. The checksum, if there is one, is right.
    Eof(Checksum),
}

/// What the end of a file says about its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// It is that of the content.
    Right,
    /// The file was written without one.
    Disabled,
    /// It was not looked at, or the version has none.
    NotChecked,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Vec<u8>,
    /// Expiry and access information.
    pub meta: Meta,
    /// The value.
    pub value: Object,
}

/// What a reader is at, for error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Start,
    ReadType,
    ReadExpire,
    ReadKey,
    ReadObjectValue,
    CheckSum,
    ReadLen,
    ReadAux,
    ReadModuleAux,
    ReadFunctions,
}

/// Pulls events out of a file. See the crate's documentation for an example.
pub struct Reader<R> {
    source: Source<R>,
    options: ReadOptions,
    version: Option<u32>,
    ended: bool,
    pub(crate) doing: Doing,
    /// Key and type of the entry that is being read; the type stays until the next event is asked for.
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) kind: Option<u8>,
}

impl<R: Read> Reader<R> {
    /// A reader with the default options. It buffers by itself.
    pub fn new(inner: R) -> Self {
        Self::with_options(inner, ReadOptions::default())
    }

    /// A reader with these options.
    pub fn with_options(inner: R, options: ReadOptions) -> Self {
        Self {
            source: Source::new(inner, options.string_max),
            options,
            version: None,
            ended: false,
            doing: Doing::Start,
            key: None,
            kind: None,
        }
    }

    /// The version of the file, once the first event has been asked for.
    pub fn version(&self) -> Option<u32> {
        self.version
    }

    /// Bytes of the file read so far.
    pub fn offset(&self) -> u64 {
        self.source.offset()
    }

    /// The source, and what was read from it beyond the end of the file (an AOF with an RDB preamble goes on there).
    pub fn into_parts(self) -> (R, Vec<u8>) {
        self.source.into_parts()
    }

    /// The next event; `None` behind [`Event::Eof`].
    ///
    /// # Errors
    /// What is wrong with the file and where. Reading cannot go on after one.
    pub fn next_event(&mut self) -> Result<Option<Event>, RdbError> {
        if self.ended {
            return Ok(None);
        }
        let version = match self.version {
            Some(version) => version,
            None => self.read_header()?,
        };
        let mut meta = Meta::default();
        self.kind = None;
        loop {
            self.doing = Doing::ReadType;
            let source = &mut self.source;
            let event = match source.u8()? {
                opcode::EXPIRE_SECONDS => {
                    self.doing = Doing::ReadExpire;
                    meta.expire_ms = Some(i64::from(i32::from_le_bytes(source.array()?)) * 1000);
                    continue;
                }
                opcode::EXPIRE_MS => {
                    self.doing = Doing::ReadExpire;
                    // In memory Redis has -1 stand for no expiry, so that is what it means here.
                    meta.expire_ms = Some(source.i64_le()?).filter(|&time| time != -1);
                    continue;
                }
                opcode::IDLE => {
                    meta.idle_secs = Some(source.len()?);
                    continue;
                }
                opcode::FREQ => {
                    meta.freq = Some(source.u8()?);
                    continue;
                }
                opcode::AUX => {
                    self.doing = Doing::ReadAux;
                    Event::Aux { name: source.string()?, value: source.string()? }
                }
                opcode::SELECT_DB => {
                    self.doing = Doing::ReadLen;
                    Event::SelectDb(source.len()?)
                }
                opcode::RESIZE_DB => {
                    self.doing = Doing::ReadLen;
                    Event::ResizeDb { keys: source.len()?, expires: source.len()? }
                }
                opcode::SLOT_INFO => {
                    self.doing = Doing::ReadLen;
                    let slot = source.len()?;
                    if slot >= SLOTS {
                        return source.corrupt("Slot number out of range");
                    }
                    Event::SlotInfo { slot: slot as u16, keys: source.len()?, expires: source.len()? }
                }
                opcode::MODULE_AUX => {
                    self.doing = Doing::ReadModuleAux;
                    let (id, mark, _when) = (source.len()?, source.len()?, source.len()?);
                    if mark != 2 {
                        return source.corrupt("bad when_opcode");
                    }
                    let offset = source.offset();
                    object::skip_module_value(source)?;
                    Event::ModuleAux { name: object::module_name(id), offset }
                }
                opcode::FUNCTION2 => {
                    self.doing = Doing::ReadFunctions;
                    Event::Function(source.string()?)
                }
                opcode::FUNCTION_PRE_GA => {
                    self.doing = Doing::ReadFunctions;
                    return Err(
                        source.error(ErrorKind::Unsupported { what: "a pre-release function library" })
                    );
                }
                opcode::EOF => Event::Eof(self.read_end(version)?),
                kind => Event::Entry(self.read_entry(kind, meta)?),
            };
            return Ok(Some(event));
        }
    }

    /// Reads type and value of a `DUMP` payload. Nothing may be left over.
    pub(crate) fn value_only(inner: R, options: ReadOptions) -> Result<Object, RdbError> {
        let mut source = Source::new(inner, options.string_max);
        let kind = source.u8()?;
        let object = object::read(&mut source, kind, options)?;
        match source.u8() {
            Err(RdbError { kind: ErrorKind::UnexpectedEof, .. }) => Ok(object),
            Err(error) => Err(error),
            Ok(_) => source.corrupt("Bytes left over behind the value"),
        }
    }

    fn read_header(&mut self) -> Result<u32, RdbError> {
        let [magic @ .., a, b, c, d] = self.source.array::<9>()?;
        let digits = [a, b, c, d];
        if magic != *b"REDIS" || !digits.iter().all(u8::is_ascii_digit) {
            return Err(self.source.error(ErrorKind::BadMagic));
        }
        let version = digits.iter().fold(0, |version, digit| version * 10 + u32::from(digit - b'0'));
        if !(1..=VERSION_MAX).contains(&version) {
            return Err(self.source.error(ErrorKind::BadVersion(version)));
        }
        self.version = Some(version);
        Ok(version)
    }

    fn read_entry(&mut self, kind: u8, meta: Meta) -> Result<Entry, RdbError> {
        if !object::is_known(kind) {
            return Err(self.source.error(ErrorKind::BadType(kind)));
        }
        self.kind = Some(kind);
        self.doing = Doing::ReadKey;
        self.key = Some(self.source.string()?);
        self.doing = Doing::ReadObjectValue;
        let value = object::read(&mut self.source, kind, self.options)?;
        Ok(Entry { key: self.key.take().unwrap_or_default(), meta, value })
    }

    fn read_end(&mut self, version: u32) -> Result<Checksum, RdbError> {
        self.ended = true;
        // Files had no checksum before version 5.
        if version < 5 {
            return Ok(Checksum::NotChecked);
        }
        self.doing = Doing::CheckSum;
        let computed = self.source.checksum();
        let stored = self.source.u64_le()?;
        Ok(match stored {
            _ if !self.options.verify_checksum => Checksum::NotChecked,
            0 => Checksum::Disabled,
            _ if stored == computed => Checksum::Right,
            _ => return Err(self.source.error(ErrorKind::WrongChecksum { stored, computed })),
        })
    }
}
