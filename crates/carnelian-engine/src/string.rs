//! String values: an integer or bytes.

use carnelian_encoding::listpack::Element;
use carnelian_encoding::number::parse_i64;
use std::sync::Arc;

/// Longest string, in bytes, whose encoding Redis names `embstr`.
const EMBEDDED_MAX: usize = 44;
/// Longest text of a 64-bit integer.
const INTEGER_MAX: usize = 20;

/// The integer that a text is, if its canonical encoding is one. O(n).
#[inline]
pub(crate) fn as_integer(bytes: &[u8]) -> Option<i64> {
    if may_be_integer(bytes) { parse_i64(bytes) } else { None }
}

/// Whether a text is short enough for an integer.
#[inline]
pub(crate) fn may_be_integer(bytes: &[u8]) -> bool {
    bytes.len() <= INTEGER_MAX
}

/// What a string value holds, and where.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// An integer.
    Int(i64),
    /// Bytes in the entry of the key.
    Bytes(&'a [u8]),
    /// Bytes of their own. They can be kept for longer than the lock: whoever changes the value then copies it first, so
    /// that what is kept stays as it is.
    Blob(&'a Arc<Vec<u8>>),
}

/// A look at a string value.
#[derive(Clone, Copy, Debug)]
pub struct StringRef<'a>(Look<'a>);

/// One word less than a [`Content`] and a flag: it is handed up for every GET.
#[derive(Clone, Copy, Debug)]
enum Look<'a> {
    Int(i64),
    Text(&'a [u8]),
    Edited(&'a [u8]),
    Blob(&'a Arc<Vec<u8>>),
}

impl<'a> StringRef<'a> {
    #[inline]
    pub(crate) fn int(value: i64) -> Self {
        Self(Look::Int(value))
    }

    #[inline]
    pub(crate) fn text(bytes: &'a [u8]) -> Self {
        Self(Look::Text(bytes))
    }

    #[inline]
    pub(crate) fn edited(bytes: &'a [u8]) -> Self {
        Self(Look::Edited(bytes))
    }

    #[inline]
    pub(crate) fn blob(blob: &'a Arc<Vec<u8>>) -> Self {
        Self(Look::Blob(blob))
    }

    /// The content and where it is.
    #[inline]
    pub fn content(&self) -> Content<'a> {
        match self.0 {
            Look::Text(bytes) | Look::Edited(bytes) => Content::Bytes(bytes),
            Look::Int(value) => Content::Int(value),
            Look::Blob(blob) => Content::Blob(blob),
        }
    }

    /// The content, without copying it.
    #[inline]
    pub fn get(&self) -> Element<'a> {
        match self.content() {
            Content::Int(value) => Element::Int(value),
            Content::Bytes(bytes) => Element::Str(bytes),
            Content::Blob(blob) => Element::Str(blob),
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
    #[inline]
    pub fn as_int(&self) -> Option<i64> {
        match self.get() {
            Element::Int(value) => Some(value),
            Element::Str(bytes) => parse_i64(bytes),
        }
    }

    /// Name of the encoding, as OBJECT ENCODING gives it.
    pub fn encoding(&self) -> &'static str {
        match self.0 {
            Look::Int(_) => "int",
            Look::Text(bytes) if bytes.len() <= EMBEDDED_MAX => "embstr",
            Look::Text(_) | Look::Edited(_) | Look::Blob(_) => "raw",
        }
    }

    /// A value of its own. O(n).
    pub fn to_value(&self) -> StringValue {
        match self.0 {
            Look::Int(value) => StringValue::from_int(value),
            Look::Text(bytes) => StringValue::from_text(bytes),
            Look::Edited(bytes) => StringValue::from_raw(bytes.to_vec()),
            Look::Blob(blob) => StringValue::from_raw(blob.to_vec()),
        }
    }
}

/// A string value on its own.
#[derive(Clone, Debug)]
pub struct StringValue(Repr);

#[derive(Clone, Debug)]
enum Repr {
    Int(i64),
    Text { bytes: Vec<u8>, edited: bool },
    Blob(Arc<Vec<u8>>),
}

impl StringValue {
    /// The value in its canonical encoding: text that reads back as the same integer is kept as one. O(n).
    pub fn new(bytes: &[u8]) -> Self {
        as_integer(bytes).map_or_else(|| Self::from_text(bytes), Self::from_int)
    }

    /// An integer value.
    pub fn from_int(value: i64) -> Self {
        Self(Repr::Int(value))
    }

    /// A text that is not looked at for being an integer, as results of floating-point arithmetic are kept. O(n).
    pub fn from_text(bytes: &[u8]) -> Self {
        Self(Repr::Text { bytes: bytes.to_vec(), edited: false })
    }

    /// A value that has been edited in place and stays growable, whatever it holds.
    pub fn from_raw(bytes: Vec<u8>) -> Self {
        Self(Repr::Text { bytes, edited: true })
    }

    /// A value that may be shared.
    pub(crate) fn from_blob(blob: Arc<Vec<u8>>) -> Self {
        Self(Repr::Blob(blob))
    }

    /// A look at the value.
    #[inline]
    pub fn view(&self) -> StringRef<'_> {
        match &self.0 {
            Repr::Int(value) => StringRef::int(*value),
            Repr::Text { bytes, edited: false } => StringRef::text(bytes),
            Repr::Text { bytes, edited: true } => StringRef::edited(bytes),
            Repr::Blob(blob) => StringRef::blob(blob),
        }
    }

    /// The text as it lies beside the arena. O(1) unless it is an integer.
    pub(crate) fn into_blob(self) -> Arc<Vec<u8>> {
        match self.0 {
            Repr::Int(_) => Arc::new(self.view().get().to_vec()),
            Repr::Text { bytes, .. } => Arc::new(bytes),
            Repr::Blob(blob) => blob,
        }
    }

    pub(crate) fn is_edited(&self) -> bool {
        matches!(self.0, Repr::Text { edited: true, .. } | Repr::Blob(_))
    }
}
