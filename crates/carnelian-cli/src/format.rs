//! Replies as text, byte for byte as `redis-cli` prints them.

use std::io::Write;

use carnelian_resp::{Protocol, Reply, ReplyWriter, quote_arg};

use crate::options::{Layout, Options};
use crate::quote::{push_ascii_json, push_json};

/// The layout and what separates raw values.
pub(crate) struct Formatter<'a> {
    pub(crate) layout: Layout,
    element_delimiter: &'a [u8],
    reply_delimiter: &'a [u8],
}

impl<'a> Formatter<'a> {
    pub(crate) fn new(options: &'a Options) -> Self {
        Self {
            layout: options.layout,
            element_delimiter: &options.element_delimiter,
            reply_delimiter: &options.reply_delimiter,
        }
    }

    /// Append a whole reply with what ends it. `verbatim` prints the bare content whatever the layout: for reports
    /// such as INFO, which are made to be read as they are.
    pub(crate) fn push(&self, out: &mut Vec<u8>, reply: &Reply, verbatim: bool) {
        if verbatim {
            return self.push_raw(out, reply);
        }
        match self.layout {
            Layout::Formatted => push_formatted(out, reply, &mut String::new()),
            Layout::Raw => {
                self.push_raw(out, reply);
                out.extend_from_slice(self.reply_delimiter);
            }
            Layout::Csv => {
                push_csv(out, reply);
                out.push(b'\n');
            }
            Layout::Json => {
                push_json_value(out, reply, push_json);
                out.push(b'\n');
            }
            Layout::QuotedJson => {
                push_json_value(out, reply, push_ascii_json);
                out.push(b'\n');
            }
        }
    }

    /// As [`Formatter::push`] for a push that came on its own; invalidations have a form for people.
    pub(crate) fn push_message(&self, out: &mut Vec<u8>, message: &Reply) {
        if self.layout == Layout::Formatted
            && let Reply::Push(parts) = message
            && let [kind, Reply::Array(keys)] = parts.as_slice()
            && kind.as_bytes().is_some_and(|kind| kind.starts_with(b"invalidate"))
        {
            out.extend_from_slice(b"-> invalidate: ");
            for (i, key) in keys.iter().enumerate() {
                out.extend_from_slice(if i > 0 { b", '" } else { b"'" });
                out.extend_from_slice(key.as_bytes().unwrap_or_default());
                out.push(b'\'');
            }
            return out.push(b'\n');
        }
        self.push(out, message, false);
    }

    fn push_raw(&self, out: &mut Vec<u8>, reply: &Reply) {
        match reply {
            Reply::Error(text) => {
                out.extend_from_slice(text);
                out.push(b'\n');
            }
            Reply::Simple(text) | Reply::Bulk(text) | Reply::Verbatim { text, .. } => {
                out.extend_from_slice(text);
            }
            Reply::Boolean(value) => out.extend_from_slice(if *value { b"(true)" } else { b"(false)" }),
            Reply::Array(values) | Reply::Set(values) | Reply::Push(values) => {
                for (i, value) in values.iter().enumerate() {
                    if i > 0 {
                        out.extend_from_slice(self.element_delimiter);
                    }
                    self.push_raw(out, value);
                }
            }
            Reply::Map(pairs) => {
                for (i, (key, value)) in pairs.iter().enumerate() {
                    if i > 0 {
                        out.extend_from_slice(self.element_delimiter);
                    }
                    self.push_raw(out, key);
                    out.push(b' ');
                    self.push_raw(out, value);
                }
            }
            Reply::Attribute { reply, .. } => self.push_raw(out, reply),
            Reply::Null | Reply::NullArray => {}
            number => push_number(out, number),
        }
    }
}

/// Append the decimal text of an integer, double or big number; of anything else, nothing.
fn push_number(out: &mut Vec<u8>, reply: &Reply) {
    match reply {
        Reply::Integer(value) => {
            let _ = write!(out, "{value}");
        }
        Reply::Double(value) => {
            // The digits and their layout are the protocol's; take them from the one place that knows.
            let mut writer = ReplyWriter::new(Protocol::Resp3);
            writer.double(*value);
            let wire = writer.buf();
            out.extend_from_slice(wire.strip_prefix(b",").unwrap_or(wire).trim_ascii_end());
        }
        Reply::BigNumber(digits) => out.extend_from_slice(digits.as_bytes()),
        _ => {}
    }
}

/// Append a reply for a person, a newline at its end. `indent` is what later lines begin with; the first has its
/// place already.
fn push_formatted(out: &mut Vec<u8>, reply: &Reply, indent: &mut String) {
    match reply {
        Reply::Error(text) => {
            out.extend_from_slice(b"(error) ");
            out.extend_from_slice(text);
        }
        Reply::Simple(text) | Reply::Verbatim { text, .. } => out.extend_from_slice(text),
        Reply::Bulk(text) => quote_arg(out, text),
        Reply::Null | Reply::NullArray => out.extend_from_slice(b"(nil)"),
        Reply::Boolean(value) => out.extend_from_slice(if *value { b"(true)" } else { b"(false)" }),
        Reply::Array(values) if values.is_empty() => out.extend_from_slice(b"(empty array)"),
        Reply::Set(values) if values.is_empty() => out.extend_from_slice(b"(empty set)"),
        Reply::Push(values) if values.is_empty() => out.extend_from_slice(b"(empty push)"),
        Reply::Map(pairs) if pairs.is_empty() => out.extend_from_slice(b"(empty hash)"),
        Reply::Array(values) | Reply::Push(values) => return push_numbered(out, values, ')', indent),
        Reply::Set(values) => return push_numbered(out, values, '~', indent),
        Reply::Map(pairs) => return push_numbered_pairs(out, pairs, indent),
        Reply::Attribute { reply, .. } => return push_formatted(out, reply, indent),
        number => {
            out.extend_from_slice(match number {
                Reply::Integer(_) => b"(integer) ".as_slice(),
                Reply::Double(_) => b"(double) ",
                Reply::BigNumber(_) => b"(big number) ",
                _ => b"",
            });
            push_number(out, number);
        }
    }
    out.push(b'\n');
}

fn push_numbered(out: &mut Vec<u8>, values: &[Reply], mark: char, indent: &mut String) {
    let width = decimal_width(values.len());
    let outer = indent.len();
    for (i, value) in values.iter().enumerate() {
        let _ = write!(out, "{}{:width$}{mark} ", if i == 0 { "" } else { &indent[..outer] }, i + 1);
        deeper(indent, width, |indent| push_formatted(out, value, indent));
    }
}

fn push_numbered_pairs(out: &mut Vec<u8>, pairs: &[(Reply, Reply)], indent: &mut String) {
    let width = decimal_width(pairs.len());
    let outer = indent.len();
    for (i, (key, value)) in pairs.iter().enumerate() {
        let _ = write!(out, "{}{:width$}# ", if i == 0 { "" } else { &indent[..outer] }, i + 1);
        deeper(indent, width, |indent| {
            push_formatted(out, key, indent);
            out.pop(); // The newline: the value follows on the key's last line.
            out.extend_from_slice(b" => ");
            if spans_lines(value) {
                out.push(b'\n');
                out.extend_from_slice(indent.as_bytes());
            }
            push_formatted(out, value, indent);
        });
    }
}

/// Run `body` with the indent of what stands behind a number of `width` digits, its mark and a blank.
fn deeper(indent: &mut String, width: usize, body: impl FnOnce(&mut String)) {
    let outer = indent.len();
    indent.extend(std::iter::repeat_n(' ', width + 2));
    body(indent);
    indent.truncate(outer);
}

fn decimal_width(number: usize) -> usize {
    number.checked_ilog10().map_or(1, |digits| digits as usize + 1)
}

/// Whether the formatted value takes more than one line.
fn spans_lines(reply: &Reply) -> bool {
    match reply {
        Reply::Array(values) | Reply::Set(values) | Reply::Push(values) => match values.as_slice() {
            [] => false,
            [only] => spans_lines(only),
            _ => true,
        },
        Reply::Map(pairs) => match pairs.as_slice() {
            [] => false,
            [(_, only)] => spans_lines(only),
            _ => true,
        },
        Reply::Attribute { reply, .. } => spans_lines(reply),
        _ => false,
    }
}

fn push_csv(out: &mut Vec<u8>, reply: &Reply) {
    match reply {
        Reply::Error(text) => {
            out.extend_from_slice(b"ERROR,");
            quote_arg(out, text);
        }
        Reply::Simple(text) | Reply::Bulk(text) | Reply::Verbatim { text, .. } => quote_arg(out, text),
        Reply::Null | Reply::NullArray => out.extend_from_slice(b"NULL"),
        Reply::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Reply::Array(values) | Reply::Set(values) | Reply::Push(values) => {
            push_separated(out, values, push_csv);
        }
        Reply::Map(pairs) => push_separated(out, pairs, |out, (key, value)| {
            push_csv(out, key);
            out.push(b',');
            push_csv(out, value);
        }),
        Reply::Attribute { reply, .. } => push_csv(out, reply),
        number => push_number(out, number),
    }
}

fn push_json_value(out: &mut Vec<u8>, reply: &Reply, push_text: fn(&mut Vec<u8>, &[u8])) {
    match reply {
        Reply::Error(text) => {
            out.extend_from_slice(b"error:");
            push_text(out, text);
        }
        Reply::Simple(text) | Reply::Bulk(text) | Reply::Verbatim { text, .. } => push_text(out, text),
        Reply::Null | Reply::NullArray => out.extend_from_slice(b"null"),
        Reply::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Reply::Array(values) | Reply::Set(values) | Reply::Push(values) => {
            out.push(b'[');
            push_separated(out, values, |out, value| push_json_value(out, value, push_text));
            out.push(b']');
        }
        Reply::Map(pairs) => {
            out.push(b'{');
            push_separated(out, pairs, |out, (key, value)| {
                push_json_key(out, key, push_text);
                out.push(b':');
                push_json_value(out, value, push_text);
            });
            out.push(b'}');
        }
        Reply::Attribute { reply, .. } => push_json_value(out, reply, push_text),
        number => push_number(out, number),
    }
}

/// JSON knows only strings as keys; anything else goes between quotes in the form it has as a value.
fn push_json_key(out: &mut Vec<u8>, key: &Reply, push_text: fn(&mut Vec<u8>, &[u8])) {
    let start = out.len();
    push_json_value(out, key, push_text);
    if out.get(start) != Some(&b'"') && !matches!(key, Reply::Error(_)) {
        out.insert(start, b'"');
        out.push(b'"');
    }
}

fn push_separated<T>(out: &mut Vec<u8>, values: &[T], mut push: impl FnMut(&mut Vec<u8>, &T)) {
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        push(out, value);
    }
}
