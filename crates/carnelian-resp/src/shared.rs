//! Texts that a reply refers to instead of copying them.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

/// Shortest text, in bytes, that is referred to. From here on that takes less time than copying it (`docs/design/blobs.md`).
const SHARED_MIN: usize = 8 * 1024;

/// Whether referring to part of a text is worth it. A reference keeps the whole text in memory, so that the part has to be
/// half of it at least: a client cannot hold much more memory than what it is owed.
#[inline]
pub(crate) fn is_worth_sharing(text: &Arc<Vec<u8>>, part: &Range<usize>) -> bool {
    part.len() >= SHARED_MIN && part.len() >= text.capacity() / 2
}

/// What is still to be sent of one text.
#[derive(Debug)]
struct Part {
    /// Where in the buffer it belongs: behind the byte before this offset.
    at: usize,
    text: Arc<Vec<u8>>,
    rest: Range<usize>,
}

impl Part {
    fn bytes(&self) -> &[u8] {
        self.text.get(self.rest.clone()).unwrap_or_default()
    }
}

/// The texts that belong between the bytes of a buffer, in their order.
#[derive(Debug, Default)]
pub(crate) struct SharedParts {
    parts: VecDeque<Part>,
    /// What they have all together.
    bytes: usize,
}

impl SharedParts {
    /// Bytes of all texts that are still to be sent.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes that keeping count of them takes.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.parts.capacity() * size_of::<Part>()
    }

    /// Adds a text behind the first `at` bytes of the buffer and all other texts.
    pub(crate) fn push(&mut self, at: usize, text: Arc<Vec<u8>>, part: Range<usize>) {
        self.bytes += part.len();
        self.parts.push_back(Part { at, text, rest: part });
    }

    /// Forgets the texts behind the first `len` bytes of the buffer. A text lies inside its reply and never at its end.
    pub(crate) fn truncate(&mut self, len: usize) {
        while let Some(part) = self.parts.pop_back_if(|part| part.at >= len) {
            self.bytes -= part.rest.len();
        }
    }

    /// The bytes behind the first `at` have moved back by `extra`.
    pub(crate) fn moved(&mut self, at: usize, extra: usize) {
        for part in self.parts.iter_mut().rev().take_while(|part| part.at > at) {
            part.at += extra;
        }
    }

    /// The first `count` bytes of the buffer are gone.
    pub(crate) fn shift(&mut self, count: usize) {
        for part in &mut self.parts {
            part.at -= count;
        }
    }

    /// Calls `visit` with every piece of the whole from byte `from` of the buffer on, until that does not want more.
    fn visit<'a>(&'a self, buf: &'a [u8], from: usize, mut visit: impl FnMut(&'a [u8]) -> bool) {
        let mut sent = from;
        for part in self.parts.iter().skip_while(|part| part.at < from) {
            if part.at > sent && !visit(&buf[sent..part.at]) {
                return;
            }
            sent = part.at;
            if !visit(part.bytes()) {
                return;
            }
        }
        if sent < buf.len() {
            visit(&buf[sent..]);
        }
    }

    /// Fills `slices` with what comes first from byte `sent` of the buffer on; returns how many there are.
    pub(crate) fn slices<'a>(&'a self, buf: &'a [u8], sent: usize, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        if slices.is_empty() {
            return 0;
        }
        self.visit(buf, sent, |bytes| {
            slices[count] = IoSlice::new(bytes);
            count += 1;
            count < slices.len()
        });
        count
    }

    /// Everything from byte `sent` of the buffer on in one piece.
    pub(crate) fn copied(&self, buf: &[u8], sent: usize) -> Vec<u8> {
        let mut whole = Vec::with_capacity(buf.len() + self.bytes);
        self.visit(buf, sent, |bytes| {
            whole.extend_from_slice(bytes);
            true
        });
        whole
    }

    /// So many bytes have been sent from byte `sent` of the buffer on. Texts that have been sent are let go of. Returns how
    /// much of the buffer is sent now.
    pub(crate) fn advance(&mut self, mut sent: usize, mut count: usize) -> usize {
        while let Some(part) = self.parts.front_mut() {
            let before = (part.at - sent).min(count);
            sent += before;
            count -= before;
            if sent < part.at {
                return sent;
            }
            let of_text = part.rest.len().min(count);
            part.rest.start += of_text;
            self.bytes -= of_text;
            count -= of_text;
            if !part.rest.is_empty() {
                return sent;
            }
            self.parts.pop_front();
        }
        sent + count
    }
}
