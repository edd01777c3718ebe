//! String values: an integer, a short string of fixed size, or a growable one.

use crate::prefetch;
use carnelian_encoding::listpack::Element;
use carnelian_encoding::number::parse_i64;

/// Longest string, in bytes, whose encoding Redis names `embstr`.
const EMBEDDED_MAX: usize = 44;
/// Longest text of a 64-bit integer.
const INTEGER_MAX: usize = 20;

/// A string value in the smallest encoding that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringValue(Repr);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Repr {
    Int(i64),
    Embedded(Box<[u8]>),
    Raw(Vec<u8>),
}

impl StringValue {
    /// The value in its canonical encoding: text that reads back as the same integer is kept as one. O(n).
    #[inline]
    pub fn new(bytes: &[u8]) -> Self {
        if bytes.len() <= INTEGER_MAX
            && let Some(integer) = parse_i64(bytes)
        {
            return Self(Repr::Int(integer));
        }
        Self::from_text(bytes)
    }

    /// An integer value.
    pub fn from_int(value: i64) -> Self {
        Self(Repr::Int(value))
    }

    /// A text that is not looked at for being an integer, as results of floating-point arithmetic are kept. O(n).
    pub fn from_text(bytes: &[u8]) -> Self {
        Self(if bytes.len() <= EMBEDDED_MAX {
            Repr::Embedded(bytes.into())
        } else {
            Repr::Raw(bytes.to_vec())
        })
    }

    /// Replaces the content; the same as a new value, but memory that fits is used again. O(n).
    #[inline]
    pub fn assign(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Repr::Int(value) if bytes.len() <= INTEGER_MAX => match parse_i64(bytes) {
                Some(integer) => *value = integer,
                None => *self = Self::from_text(bytes),
            },
            Repr::Embedded(old) if old.len() == bytes.len() => {
                if bytes.len() <= INTEGER_MAX
                    && let Some(integer) = parse_i64(bytes)
                {
                    self.0 = Repr::Int(integer);
                } else {
                    old.copy_from_slice(bytes);
                }
            }
            // Memory that is much too large is given back.
            Repr::Raw(old)
                if bytes.len() > EMBEDDED_MAX
                    && (bytes.len()..=2 * bytes.len()).contains(&old.capacity()) =>
            {
                old.clear();
                old.extend_from_slice(bytes);
            }
            _ => *self = Self::new(bytes),
        }
    }

    /// A value that has been edited in place and stays growable, whatever it holds.
    pub fn from_raw(bytes: Vec<u8>) -> Self {
        Self(Repr::Raw(bytes))
    }

    /// The content, without copying it.
    #[inline]
    pub fn get(&self) -> Element<'_> {
        match &self.0 {
            Repr::Int(value) => Element::Int(*value),
            Repr::Embedded(bytes) => Element::Str(bytes),
            Repr::Raw(bytes) => Element::Str(bytes),
        }
    }

    /// Length of the content in bytes.
    pub fn len(&self) -> usize {
        self.get().len()
    }

    /// Whether the content is the empty string.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The content as an integer, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match &self.0 {
            Repr::Int(value) => Some(*value),
            Repr::Embedded(bytes) => parse_i64(bytes),
            Repr::Raw(bytes) => parse_i64(bytes),
        }
    }

    /// The content for editing in place. The value is `raw` from then on. O(n) the first time, O(1) after.
    pub fn make_raw(&mut self) -> &mut Vec<u8> {
        if !matches!(self.0, Repr::Raw(_)) {
            self.0 = Repr::Raw(self.get().to_vec());
        }
        match &mut self.0 {
            Repr::Raw(bytes) => bytes,
            _ => unreachable!("made raw just above"),
        }
    }

    /// Name of the encoding, as OBJECT ENCODING gives it.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Int(_) => "int",
            Repr::Embedded(_) => "embstr",
            Repr::Raw(_) => "raw",
        }
    }

    #[inline]
    pub(crate) fn prefetch(&self) {
        match &self.0 {
            Repr::Int(_) => {}
            Repr::Embedded(bytes) => prefetch::item(&**bytes),
            Repr::Raw(bytes) => prefetch::item(bytes.as_slice()),
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.0 {
            Repr::Int(_) => 0,
            Repr::Embedded(bytes) => bytes.len(),
            Repr::Raw(bytes) => bytes.capacity(),
        }
    }
}
