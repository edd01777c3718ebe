//! The arguments of one request, as ranges into the buffer they were read into.

use std::ops::Index;
use std::slice::SliceIndex;

/// Where one argument lies in a buffer. Both figures are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Number of bytes.
    pub len: usize,
}

/// The arguments of a request, command name first. Nothing is copied: each is a [`Span`] of `buf`.
///
/// A span that does not lie inside `buf` reads as an empty argument in [`get`](Args::get) and iteration;
/// spans that come from [`RequestParser`](crate::RequestParser) always lie inside.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    buf: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// The arguments that `spans` cut out of `buf`.
    #[inline]
    pub const fn new(buf: &'a [u8], spans: &'a [Span]) -> Self {
        Self { buf, spans }
    }

    /// Number of arguments, the command name included.
    #[inline]
    pub const fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is no argument at all, as after an empty request.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Argument `i`, or `None` past the last one.
    #[inline]
    pub fn get(&self, i: usize) -> Option<&'a [u8]> {
        self.spans.get(i).map(|span| cut(self.buf, *span))
    }

    /// The arguments in order.
    #[inline]
    pub fn iter(&self) -> ArgsIter<'a> {
        ArgsIter { buf: self.buf, spans: self.spans.iter() }
    }

    /// A part of the arguments, for example `args.slice(1..)`. A range that does not fit gives no arguments.
    #[inline]
    pub fn slice<R>(&self, range: R) -> Args<'a>
    where
        R: SliceIndex<[Span], Output = [Span]>,
    {
        Args { buf: self.buf, spans: self.spans.get(range).unwrap_or(&[]) }
    }

    /// A copy that outlives the buffer: two allocations, whatever the number of arguments.
    pub fn to_owned(&self) -> OwnedArgs {
        OwnedArgs::collect(self.iter())
    }

    /// Sum of the lengths of all arguments, in bytes.
    pub fn bytes(&self) -> usize {
        self.spans.iter().map(|span| span.len).sum()
    }
}

#[inline]
fn cut(buf: &[u8], span: Span) -> &[u8] {
    // A sum that wraps is before the start, and so outside as well.
    buf.get(span.start..span.start.wrapping_add(span.len)).unwrap_or_default()
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    /// Argument `i`. Panics past the last argument; the arity of a command is checked before its handler runs.
    #[inline]
    fn index(&self, i: usize) -> &[u8] {
        cut(self.buf, self.spans[i])
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = &'a [u8];
    type IntoIter = ArgsIter<'a>;

    #[inline]
    fn into_iter(self) -> ArgsIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Args<'a> {
    type Item = &'a [u8];
    type IntoIter = ArgsIter<'a>;

    #[inline]
    fn into_iter(self) -> ArgsIter<'a> {
        self.iter()
    }
}

impl PartialEq for Args<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Args<'_> {}

/// Iterator over [`Args`].
#[derive(Debug, Clone)]
pub struct ArgsIter<'a> {
    buf: &'a [u8],
    spans: std::slice::Iter<'a, Span>,
}

impl<'a> Iterator for ArgsIter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.spans.next().map(|span| cut(self.buf, *span))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl DoubleEndedIterator for ArgsIter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.spans.next_back().map(|span| cut(self.buf, *span))
    }
}

impl ExactSizeIterator for ArgsIter<'_> {}

/// Arguments that own their bytes: for commands queued by MULTI, blocked clients, logs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnedArgs {
    buf: Box<[u8]>,
    spans: Box<[Span]>,
}

impl OwnedArgs {
    /// Arguments made of the given byte strings, in order.
    pub fn from_slices(slices: &[impl AsRef<[u8]>]) -> Self {
        Self::collect(slices.iter().map(AsRef::as_ref))
    }

    fn collect<'a>(slices: impl ExactSizeIterator<Item = &'a [u8]> + Clone) -> Self {
        let mut buf = Vec::with_capacity(slices.clone().map(<[u8]>::len).sum());
        let mut spans = Vec::with_capacity(slices.len());
        for slice in slices {
            spans.push(Span { start: buf.len(), len: slice.len() });
            buf.extend_from_slice(slice);
        }
        Self { buf: buf.into_boxed_slice(), spans: spans.into_boxed_slice() }
    }

    /// The borrowed form that handlers take.
    #[inline]
    pub fn as_args(&self) -> Args<'_> {
        Args::new(&self.buf, &self.spans)
    }

    /// Bytes this holds on the heap.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        self.buf.len() + size_of_val(&*self.spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_survive_being_owned() {
        let words: [&[u8]; 4] = [b"SET", b"", b"\r\n\0", b"value"];
        let owned = OwnedArgs::from_slices(&words);
        let args = owned.as_args();
        assert_eq!(args.iter().collect::<Vec<_>>(), words);
        assert_eq!(&args[3], b"value");
        assert_eq!(args.get(4), None);
        assert_eq!(args.bytes(), 11);
        assert_eq!(args.to_owned(), owned);
        assert_eq!(owned.heap_bytes(), 11 + 4 * size_of::<Span>());
        assert_eq!(args.slice(2..).iter().collect::<Vec<_>>(), words[2..]);
        assert!(args.slice(5..).is_empty());
        assert_eq!(args.iter().next_back(), Some(words[3]));
    }

    #[test]
    fn a_span_outside_the_buffer_is_empty() {
        let spans = [Span { start: 2, len: 5 }, Span { start: usize::MAX, len: usize::MAX }];
        let args = Args::new(b"abc", &spans);
        assert_eq!(args.get(0), Some(&b""[..]));
        assert_eq!(args.get(1), Some(&b""[..]));
    }
}
