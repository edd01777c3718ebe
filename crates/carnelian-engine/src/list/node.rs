//! One stretch of a list: a listpack or one large element, either of them as it is or compressed.

use super::limits::Limits;
use super::{End, ListNode, ListNodeRef};
use carnelian_encoding::listpack::entry_encoded_size;
use carnelian_encoding::lzf::{self, Compressor};
use carnelian_encoding::{Block, Element, Listpack, ListpackMut, ListpackRef};
use std::cell::{Cell, RefCell};

/// Fewer bytes than this are not worth compressing. As in Redis.
const COMPRESS_MIN_BYTES: usize = 48;
/// Compression must save more bytes than this. As in Redis.
const COMPRESS_MIN_SAVED: usize = 8;
/// The buffer for reading compressed nodes is kept up to this many bytes: the largest node that a size limit allows.
const SCRATCH_KEPT_BYTES: usize = 64 << 10;

thread_local! {
    /// Its table is too large to make it for each node. What it gives does not depend on what it was used for before.
    static COMPRESSOR: RefCell<(Compressor, Vec<u8>)> = RefCell::new((Compressor::new(), Vec::new()));
    /// Where compressed nodes are decompressed to while they are read.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// One stretch of a list; never empty while it is in one.
#[derive(Clone)]
pub(super) struct Node {
    body: Body,
    /// Number of elements, so that finding an index does not touch the listpacks.
    count: u32,
    /// Compressing these bytes was tried and saves too little.
    incompressible: bool,
}

#[derive(Clone)]
enum Body {
    Packed(Listpack),
    Plain(Box<[u8]>),
    Compressed { lzf: Box<[u8]>, raw_len: u32, plain: bool },
}

/// A node's content while it is read.
#[derive(Clone, Copy)]
pub(super) enum View<'a> {
    Packed(ListpackRef<'a>),
    Plain(&'a [u8]),
}

impl Node {
    pub(super) fn packed(listpack: Listpack) -> Self {
        Self { count: listpack.len() as u32, body: Body::Packed(listpack), incompressible: false }
    }

    /// A node of one element, with room for so many bytes.
    pub(super) fn single(value: &[u8], limits: Limits, room: usize) -> Self {
        if limits.is_large(value.len()) {
            return Self::plain(value.into());
        }
        let mut packed = Listpack::with_capacity(room);
        packed.push_back(value);
        Self::packed(packed)
    }

    fn plain(element: Box<[u8]>) -> Self {
        Self { body: Body::Plain(element), count: 1, incompressible: false }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.count as usize
    }

    /// Size of the listpack, or of the element, before compression.
    pub(super) fn raw_bytes(&self) -> usize {
        match &self.body {
            Body::Packed(packed) => packed.byte_len(),
            Body::Plain(element) => element.len(),
            Body::Compressed { raw_len, .. } => *raw_len as usize,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match &self.body {
            Body::Packed(packed) => packed.capacity(),
            Body::Plain(element) => element.len(),
            Body::Compressed { lzf, .. } => lzf.len(),
        }
    }

    fn is_plain(&self) -> bool {
        matches!(self.body, Body::Plain(_) | Body::Compressed { plain: true, .. })
    }

    pub(super) fn as_ref(&self) -> ListNodeRef<'_> {
        match &self.body {
            Body::Packed(packed) => ListNodeRef::Packed(packed.view()),
            Body::Plain(element) => ListNodeRef::Plain(element),
            &Body::Compressed { ref lzf, raw_len, plain } => {
                ListNodeRef::Compressed { lzf, len: raw_len as usize, plain }
            }
        }
    }

    /// Calls `read` with the content, which is decompressed for it if need be.
    #[inline]
    pub(super) fn with<T>(&self, read: impl FnOnce(View<'_>) -> T) -> T {
        match &self.body {
            Body::Packed(packed) => read(View::Packed(packed.view())),
            Body::Plain(element) => read(View::Plain(element)),
            &Body::Compressed { ref lzf, raw_len, plain } => {
                // Taken, not borrowed: `read` may come across another compressed node.
                let mut scratch = SCRATCH.take();
                decompress(lzf, raw_len, &mut scratch);
                let result = read(if plain {
                    View::Plain(&scratch)
                } else {
                    View::Packed(ListpackRef::trusted(&scratch))
                });
                if scratch.capacity() <= SCRATCH_KEPT_BYTES {
                    SCRATCH.set(scratch);
                }
                result
            }
        }
    }

    /// Compresses the node if it is not and that saves enough.
    #[inline]
    pub(super) fn compress(&mut self) {
        if !self.incompressible && !matches!(self.body, Body::Compressed { .. }) {
            self.try_to_compress();
        }
    }

    fn try_to_compress(&mut self) {
        let (raw, plain) = match &self.body {
            Body::Packed(packed) => (packed.as_bytes(), false),
            Body::Plain(element) => (&element[..], true),
            Body::Compressed { .. } => return,
        };
        self.incompressible = true;
        let Some(raw_len) = u32::try_from(raw.len()).ok().filter(|_| raw.len() >= COMPRESS_MIN_BYTES) else {
            return;
        };
        let compressed = COMPRESSOR.with_borrow_mut(|(compressor, out)| {
            out.clear();
            let saves =
                compressor.compress(raw, raw.len(), out) && out.len() + COMPRESS_MIN_SAVED < raw.len();
            let lzf = saves.then(|| Box::from(out.as_slice()));
            out.shrink_to(SCRATCH_KEPT_BYTES);
            lzf
        });
        match (compressed, &mut self.body) {
            (Some(lzf), body) => {
                *body = Body::Compressed { lzf, raw_len, plain };
                self.incompressible = false;
            }
            // It stays as it is for a while: it gives back what it reserved for growing.
            (None, Body::Packed(packed)) => packed.shrink_to_fit(),
            (None, _) => {}
        }
    }

    /// Decompresses the node if it is compressed.
    #[inline(always)]
    pub(super) fn decompress(&mut self) {
        if let Body::Compressed { .. } = self.body {
            self.decompress_now();
        }
    }

    #[inline(never)]
    fn decompress_now(&mut self) {
        if let &mut Body::Compressed { ref lzf, raw_len, plain } = &mut self.body {
            let mut raw = Vec::new();
            decompress(lzf, raw_len, &mut raw);
            self.body = if plain { Body::Plain(raw.into()) } else { Body::Packed(Listpack::trusted(raw)) };
        }
    }

    /// The listpack, to be changed; `None` for a large element. The number of elements must be brought up to date.
    #[inline]
    fn packed_mut(&mut self) -> Option<&mut Listpack> {
        self.decompress();
        self.incompressible = false;
        match &mut self.body {
            Body::Packed(packed) => Some(packed),
            _ => None,
        }
    }

    /// Whether an element of `len` bytes may be added.
    #[inline]
    pub(super) fn has_room(&self, len: usize, limits: Limits) -> bool {
        !self.is_plain() && !limits.is_large(len) && limits.allow_one_more(self.raw_bytes(), self.len(), len)
    }

    /// Adds an element at one end of a node that has room.
    #[inline]
    pub(super) fn push(&mut self, end: End, value: &[u8]) {
        if let Some(packed) = self.packed_mut() {
            match end {
                End::Left => packed.push_front(value),
                End::Right => packed.push_back(value),
            }
            self.count += 1;
        }
    }

    /// Removes the element at one end after `take` has seen it.
    #[inline]
    pub(super) fn pop_with<T>(&mut self, end: End, take: impl FnOnce(Element<'_>) -> T) -> Option<T> {
        self.decompress();
        self.incompressible = false;
        let taken = match &mut self.body {
            Body::Packed(packed) => {
                let position = match end {
                    End::Left => packed.first(),
                    End::Right => packed.last(),
                }?;
                let taken = take(packed.get(position));
                packed.delete(position);
                taken
            }
            Body::Plain(element) => take(Element::Str(element)),
            Body::Compressed { .. } => return None,
        };
        self.count -= 1;
        Some(taken)
    }

    /// Inserts an element before the one at `offset`, or at the end, in a node that has room.
    pub(super) fn insert(&mut self, offset: usize, value: &[u8]) {
        if let Some(packed) = self.packed_mut() {
            match packed.seek(offset as isize) {
                Some(position) => {
                    packed.insert_before(position, value);
                }
                None => packed.push_back(value),
            }
            self.count += 1;
        }
    }

    /// Replaces the element at `offset`; false when the node cannot take the new one.
    pub(super) fn replace(&mut self, offset: usize, value: &[u8], limits: Limits) -> bool {
        let large = limits.is_large(value.len());
        if self.is_plain() {
            if large {
                *self = Self::plain(value.into());
            }
            return large;
        }
        let count = self.count;
        let Some(packed) = self.packed_mut().filter(|_| !large) else { return false };
        let Some(position) = packed.seek(offset as isize) else { return false };
        let old = packed.get(position).with_bytes(entry_encoded_size);
        let bytes = packed.byte_len() - old + entry_encoded_size(value);
        if count > 1 && !limits.allow_replaced(bytes, packed.byte_len()) {
            return false;
        }
        packed.replace(position, value);
        true
    }

    /// Removes up to `count` elements from `offset` on; returns how many.
    pub(super) fn remove(&mut self, offset: usize, count: usize) -> usize {
        let count = count.min(self.len().saturating_sub(offset));
        if count == self.len() {
            self.count = 0;
        } else if let Some(packed) = self.packed_mut() {
            packed.delete_range(offset as isize, count);
            self.count -= count as u32;
        }
        count
    }

    /// Splits off the elements from `offset` on, which are neither all nor none.
    pub(super) fn split_off(&mut self, offset: usize) -> Option<Self> {
        let packed = self.packed_mut()?;
        let tail = Self::packed(packed.split_off(packed.seek(offset as isize)?));
        self.count -= tail.count;
        Some(tail)
    }

    /// Whether this node and the next one may become one.
    pub(super) fn can_merge(&self, next: &Self, limits: Limits) -> bool {
        !self.is_plain()
            && !next.is_plain()
            && limits.allow_merge(self.raw_bytes() + next.raw_bytes(), self.len() + next.len())
    }

    /// Takes over the elements of the next node.
    pub(super) fn append(&mut self, next: &Self) {
        if let Some(packed) = self.packed_mut() {
            next.with(|next| {
                if let View::Packed(next) = next {
                    packed.append(next);
                }
            });
            self.count += next.count;
        }
    }

    /// Removes up to `limit` elements that equal `value`, beginning at `from`; returns how many.
    pub(super) fn remove_matching(&mut self, from: End, needle: &Needle<'_>, limit: usize) -> usize {
        let has_match = self.with(|view| match view {
            View::Packed(packed) => {
                packed.first().and_then(|first| packed.find(first, needle.bytes, 0)).is_some()
            }
            View::Plain(element) => element == needle.bytes,
        });
        if !has_match || limit == 0 {
            return 0;
        }
        let removed = match self.packed_mut() {
            Some(packed) => remove_in_packed(&mut packed.edit(), from, needle, limit),
            None => 1,
        };
        self.count -= removed as u32;
        removed
    }

    /// Gives back what was reserved for growing.
    pub(super) fn shrink_to_fit(&mut self) {
        if let Body::Packed(packed) = &mut self.body {
            packed.shrink_to_fit();
        }
    }

    /// Asserts that the node is sound, and compressed if it is an inner one that gains from it, and only then.
    pub(super) fn check(&self, inner: bool) {
        assert!(self.count > 0, "a node is empty");
        self.with(|view| match view {
            View::Packed(packed) => {
                assert_eq!(ListpackRef::new(packed.as_bytes()).map(|packed| packed.len()), Ok(self.len()));
                assert_eq!(packed.as_bytes().len(), self.raw_bytes());
            }
            View::Plain(element) => assert_eq!((element.len(), 1), (self.raw_bytes(), self.count)),
        });
        let compressed = matches!(self.body, Body::Compressed { .. });
        assert!(!(compressed && self.incompressible), "a compressed node is called incompressible");
        let mut twin = self.clone();
        twin.decompress();
        twin.incompressible = false;
        twin.compress();
        let gains = matches!(twin.body, Body::Compressed { .. });
        assert_eq!(compressed, inner && gains, "compressed, and should be");
    }
}

impl From<ListNode> for Node {
    fn from(node: ListNode) -> Self {
        match node {
            ListNode::Packed(packed) => Self::packed(packed),
            ListNode::Plain(element) => Self::plain(element.into()),
        }
    }
}

fn decompress(lzf: &[u8], raw_len: u32, out: &mut Vec<u8>) {
    lzf::decompress_into(lzf, raw_len as usize, out).expect("a node was compressed by this program");
}

/// A value that elements are compared with.
pub(super) struct Needle<'a> {
    bytes: &'a [u8],
    integer: Option<i64>,
}

impl<'a> Needle<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, integer: carnelian_encoding::number::parse_i64(bytes) }
    }

    #[inline]
    pub(super) fn is(&self, element: Element<'_>) -> bool {
        match element {
            Element::Str(bytes) => bytes == self.bytes,
            Element::Int(value) => self.integer == Some(value),
        }
    }
}

/// Removes up to `limit` elements equal to the needle from a listpack, wherever that lies, beginning at `from`; returns how
/// many. O(n) for each of them.
pub(super) fn remove_in_packed(
    packed: &mut ListpackMut<'_, impl Block>,
    from: End,
    needle: &Needle<'_>,
    limit: usize,
) -> usize {
    let mut removed = 0;
    match from {
        End::Left => {
            let mut position = packed.view().first();
            while removed < limit
                && let Some(found) = position.and_then(|from| packed.view().find(from, needle.bytes, 0))
            {
                position = packed.delete(found, 1);
                removed += 1;
            }
        }
        End::Right => {
            let mut position = packed.view().last();
            while removed < limit
                && let Some(current) = position
            {
                position = packed.view().prev(current);
                if needle.is(packed.view().get(current)) {
                    packed.delete(current, 1);
                    removed += 1;
                }
            }
        }
    }
    removed
}
