//! Replies: what a client reads, as a tree.

use crate::writer::ReplyWriter;

/// One value a server sent.
///
/// The wire's distinctions are kept, so that what was read can be compared with what another server sends and written
/// again: texts are bytes because nothing promises UTF-8, and the null string and the null array of RESP2 differ.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reply {
    /// A simple string, such as `OK`.
    Simple(Vec<u8>),
    /// An error, its code included: `ERR no such key`. Also RESP3's errors of any length.
    Error(Vec<u8>),
    /// An integer.
    Integer(i64),
    /// A string of bytes.
    Bulk(Vec<u8>),
    /// No value: RESP2's null string, or RESP3's null.
    Null,
    /// No value, where RESP2 has an array.
    NullArray,
    /// Values in order.
    Array(Vec<Reply>),
    /// Keys and values in the order sent.
    Map(Vec<(Reply, Reply)>),
    /// Values in the order sent; nothing checks that they differ.
    Set(Vec<Reply>),
    /// A message outside the order of requests and replies.
    Push(Vec<Reply>),
    /// A floating point number.
    Double(f64),
    /// A truth value.
    Boolean(bool),
    /// An integer of any size, in decimal as it was sent.
    BigNumber(String),
    /// A text and its format, `txt` or `mkd`.
    Verbatim {
        /// Three bytes that name the format.
        format: [u8; 3],
        /// The text itself.
        text: Vec<u8>,
    },
    /// A value with attributes sent before it.
    Attribute {
        /// Keys and values in the order sent.
        attributes: Vec<(Reply, Reply)>,
        /// The value.
        reply: Box<Reply>,
    },
}

impl Reply {
    /// The bytes of a text of any kind, errors included; `None` for anything else.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Simple(text) | Self::Error(text) | Self::Bulk(text) | Self::Verbatim { text, .. } => {
                Some(text)
            }
            Self::BigNumber(digits) => Some(digits.as_bytes()),
            Self::Attribute { reply, .. } => reply.as_bytes(),
            _ => None,
        }
    }

    /// As [`as_bytes`](Self::as_bytes), if the bytes are UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// The value of an integer, or of a text that is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            Self::Attribute { reply, .. } => reply.as_i64(),
            Self::Error(_) => None,
            other => carnelian_encoding::number::parse_i64(other.as_bytes()?),
        }
    }

    /// The values of an array, set or push.
    pub fn as_slice(&self) -> Option<&[Reply]> {
        match self {
            Self::Array(values) | Self::Set(values) | Self::Push(values) => Some(values),
            Self::Attribute { reply, .. } => reply.as_slice(),
            _ => None,
        }
    }

    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        match self {
            Self::Null | Self::NullArray => true,
            Self::Attribute { reply, .. } => reply.is_null(),
            _ => false,
        }
    }

    /// The text of an error.
    pub fn error(&self) -> Option<&[u8]> {
        match self {
            Self::Error(text) => Some(text),
            Self::Attribute { reply, .. } => reply.error(),
            _ => None,
        }
    }

    /// Write this value, in the forms of the writer's protocol.
    pub fn write_to(&self, writer: &mut ReplyWriter) {
        match self {
            // A simple string that is no UTF-8 is not something this writer would otherwise send.
            Self::Simple(text) => writer.simple(&String::from_utf8_lossy(text)),
            Self::Error(text) => writer.error(text),
            Self::Integer(value) => writer.integer(*value),
            Self::Bulk(bytes) => writer.bulk(bytes),
            Self::Null => writer.null(),
            Self::NullArray => writer.null_array(),
            Self::Double(value) => writer.double(*value),
            Self::Boolean(value) => writer.boolean(*value),
            Self::BigNumber(digits) => writer.big_number(digits),
            Self::Verbatim { format, text } => writer.verbatim(&String::from_utf8_lossy(format), text),
            Self::Array(values) => {
                writer.array(values.len());
                write_values(values, writer);
            }
            Self::Set(values) => {
                writer.set(values.len());
                write_values(values, writer);
            }
            Self::Push(values) => {
                writer.push(values.len());
                write_values(values, writer);
            }
            Self::Map(pairs) => {
                writer.map(pairs.len());
                write_pairs(pairs, writer);
            }
            Self::Attribute { attributes, reply } => {
                if writer.attribute(attributes.len()) {
                    write_pairs(attributes, writer);
                }
                reply.write_to(writer);
            }
        }
    }
}

fn write_values(values: &[Reply], writer: &mut ReplyWriter) {
    for value in values {
        value.write_to(writer);
    }
}

fn write_pairs(pairs: &[(Reply, Reply)], writer: &mut ReplyWriter) {
    for (key, value) in pairs {
        key.write_to(writer);
        value.write_to(writer);
    }
}
