//! Lists: a sequence of listpacks of bounded size, with elements too large for one on their own.

use crate::settings::Settings;
use carnelian_encoding::listpack::{Element, Listpack, Pos, entry_encoded_size};
use carnelian_encoding::number::parse_i64;
use std::collections::VecDeque;

/// Bytes of a listpack whatever its entries: header and end mark.
const LISTPACK_OVERHEAD: usize = 7;
/// Bytes that a node may reach when its size is limited by a number of entries.
const COUNTED_NODE_MAX_BYTES: usize = 8192;

/// One stretch of a list.
#[derive(Clone)]
pub enum ListNode {
    /// Several elements in a listpack; never empty.
    Packed(Listpack),
    /// One element that is too large to share a listpack.
    Plain(Vec<u8>),
}

/// A look at one stretch of a list.
pub enum ListNodeRef<'a> {
    /// Several elements in a listpack.
    Packed(&'a Listpack),
    /// One large element.
    Plain(&'a [u8]),
}

impl ListNode {
    fn len(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.len(),
            Self::Plain(_) => 1,
        }
    }

    fn get(&self, offset: usize) -> Option<Element<'_>> {
        match self {
            Self::Packed(packed) => packed.seek(offset as isize).map(|position| packed.get(position)),
            Self::Plain(bytes) => (offset == 0).then_some(Element::Str(bytes)),
        }
    }

    fn single(value: &[u8], limits: Limits) -> Self {
        if limits.is_large(value.len()) {
            return Self::Plain(value.to_vec());
        }
        let mut packed = Listpack::new();
        packed.push_back(value);
        Self::Packed(packed)
    }
}

/// The limits of a node, from `list-max-listpack-size`.
#[derive(Clone, Copy)]
struct Limits {
    entries: usize,
    bytes: usize,
    large: usize,
}

impl Limits {
    fn new(settings: &Settings) -> Self {
        let fill = settings.list_max_listpack_size();
        let (entries, bytes) = if fill >= 0 {
            (fill.max(1) as usize, COUNTED_NODE_MAX_BYTES)
        } else {
            (usize::MAX, 4096 << (fill.unsigned_abs().min(5) - 1))
        };
        let large = match settings.list_packed_threshold() {
            0 => bytes,
            threshold => threshold - 1,
        };
        Self { entries, bytes, large }
    }

    /// Whether an element of `len` bytes gets a node of its own.
    fn is_large(self, len: usize) -> bool {
        len > self.large
    }

    fn fits(self, packed: &Listpack, value: &[u8]) -> bool {
        // The size first: a huge listpack from a snapshot file has to count its entries.
        packed.byte_len() + entry_encoded_size(value) <= self.bytes && packed.len() < self.entries
    }
}

/// A sequence of elements, fast at both ends.
#[derive(Clone, Default)]
pub struct List {
    nodes: VecDeque<ListNode>,
    len: usize,
}

/// The end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The head.
    Left,
    /// The tail.
    Right,
}

impl List {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a whole node, as snapshot files hold them. Empty nodes are left out; a listpack above the limits is taken
    /// as it is.
    pub fn push_node(&mut self, node: ListNode) {
        if node.len() > 0 {
            self.len += node.len();
            self.nodes.push_back(node);
        }
    }

    /// The nodes from head to tail.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = ListNodeRef<'_>> {
        self.nodes.iter().map(|node| match node {
            ListNode::Packed(packed) => ListNodeRef::Packed(packed),
            ListNode::Plain(bytes) => ListNodeRef::Plain(bytes),
        })
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an element at one end. O(1).
    pub fn push(&mut self, end: End, value: &[u8], settings: &Settings) {
        let limits = Limits::new(settings);
        self.len += 1;
        let node = match end {
            End::Left => self.nodes.front_mut(),
            End::Right => self.nodes.back_mut(),
        };
        if !limits.is_large(value.len())
            && let Some(ListNode::Packed(packed)) = node
            && limits.fits(packed, value)
        {
            match end {
                End::Left => packed.push_front(value),
                End::Right => packed.push_back(value),
            }
            return;
        }
        if let Some(ListNode::Packed(full)) = node {
            // Nothing will be added to it soon: it gives back what it reserved for growing.
            full.shrink_to_fit();
        }
        let node = ListNode::single(value, limits);
        match end {
            End::Left => self.nodes.push_front(node),
            End::Right => self.nodes.push_back(node),
        }
    }

    /// Removes and returns the element at one end. O(1).
    pub fn pop(&mut self, end: End) -> Option<Vec<u8>> {
        self.pop_with(end, |element| element.to_vec())
    }

    /// Removes the element at one end after `take` has seen it; `None` when there is none. O(1).
    #[inline]
    pub fn pop_with<T>(&mut self, end: End, take: impl FnOnce(Element<'_>) -> T) -> Option<T> {
        let node = match end {
            End::Left => self.nodes.front_mut(),
            End::Right => self.nodes.back_mut(),
        }?;
        let (taken, emptied) = match node {
            ListNode::Plain(bytes) => (take(Element::Str(bytes)), true),
            ListNode::Packed(packed) => {
                let position = match end {
                    End::Left => packed.first(),
                    End::Right => packed.last(),
                }?;
                let taken = take(packed.get(position));
                packed.delete(position);
                (taken, packed.is_empty())
            }
        };
        self.len -= 1;
        if emptied {
            match end {
                End::Left => self.nodes.pop_front(),
                End::Right => self.nodes.pop_back(),
            };
        }
        Some(taken)
    }

    /// Index from the head for an index that may count from the tail (-1 is the last).
    fn absolute(&self, index: i64) -> Option<usize> {
        let index = if index < 0 { index.checked_add(self.len as i64)? } else { index };
        usize::try_from(index).ok().filter(|index| *index < self.len)
    }

    /// Node and offset in it of an absolute index, found from the nearer end. O(nodes).
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        if index <= self.len / 2 {
            let mut rest = index;
            for (number, node) in self.nodes.iter().enumerate() {
                if rest < node.len() {
                    return Some((number, rest));
                }
                rest -= node.len();
            }
        } else {
            let mut rest = self.len - 1 - index;
            for (number, node) in self.nodes.iter().enumerate().rev() {
                if rest < node.len() {
                    return Some((number, node.len() - 1 - rest));
                }
                rest -= node.len();
            }
        }
        None
    }

    /// The element at `index`, negative ones counted from the tail. O(nodes).
    pub fn get(&self, index: i64) -> Option<Element<'_>> {
        let (node, offset) = self.locate(self.absolute(index)?)?;
        self.nodes.get(node)?.get(offset)
    }

    /// Replaces the element at `index`; false when there is none.
    pub fn set(&mut self, index: i64, value: &[u8], settings: &Settings) -> bool {
        let Some((number, offset)) = self.absolute(index).and_then(|index| self.locate(index)) else {
            return false;
        };
        let limits = Limits::new(settings);
        match self.nodes.get_mut(number) {
            Some(ListNode::Packed(packed))
                if !limits.is_large(value.len())
                    && (packed.len() == 1
                        || packed.byte_len() + entry_encoded_size(value) <= limits.bytes) =>
            {
                if let Some(position) = packed.seek(offset as isize) {
                    packed.replace(position, value);
                }
            }
            Some(ListNode::Plain(bytes)) if limits.is_large(value.len()) => *bytes = value.to_vec(),
            _ => {
                self.remove_in_node(number, offset);
                self.insert_in_node(number, offset, value, limits);
            }
        }
        true
    }

    /// Inserts before the element that has `index` (absolute) now, or at the end for `len()`.
    pub fn insert(&mut self, index: usize, value: &[u8], settings: &Settings) {
        let limits = Limits::new(settings);
        match self.locate(index) {
            Some((number, offset)) => self.insert_in_node(number, offset, value, limits),
            None => self.push(End::Right, value, settings),
        }
    }

    fn insert_in_node(&mut self, number: usize, offset: usize, value: &[u8], limits: Limits) {
        self.len += 1;
        let large = limits.is_large(value.len());
        if let Some(ListNode::Packed(packed)) = self.nodes.get_mut(number)
            && !large
            && offset <= packed.len()
            && limits.fits(packed, value)
        {
            match packed.seek(offset as isize) {
                Some(position) => {
                    packed.insert_before(position, value);
                }
                None => packed.push_back(value),
            }
            return;
        }
        let at_start = offset == 0 || number >= self.nodes.len();
        if at_start {
            // The neighbour before may have room, so that inserting in front of a full node does not fragment the list.
            if !large
                && let Some(ListNode::Packed(before)) =
                    number.checked_sub(1).and_then(|before| self.nodes.get_mut(before))
                && limits.fits(before, value)
            {
                before.push_back(value);
                return;
            }
            self.nodes.insert(number.min(self.nodes.len()), ListNode::single(value, limits));
            return;
        }
        if let Some(ListNode::Packed(packed)) = self.nodes.get_mut(number)
            && offset < packed.len()
        {
            let mut tail = packed.clone();
            let count = packed.len();
            packed.delete_range(offset as isize, count - offset);
            tail.delete_range(0, offset);
            self.nodes.insert(number + 1, ListNode::Packed(tail));
        }
        let node = ListNode::single(value, limits);
        self.nodes.insert(number + 1, node);
        self.merge_around(number + 1, limits);
    }

    /// Joins a node with its neighbours where the result stays within the limits.
    fn merge_around(&mut self, number: usize, limits: Limits) {
        for left in [number, number.wrapping_sub(1)] {
            let (Some(ListNode::Packed(a)), Some(ListNode::Packed(b))) =
                (self.nodes.get(left), self.nodes.get(left.wrapping_add(1)))
            else {
                continue;
            };
            let bytes = a.byte_len() + b.byte_len() - LISTPACK_OVERHEAD;
            if a.len() + b.len() > limits.entries || bytes > limits.bytes {
                continue;
            }
            if let Some(ListNode::Packed(b)) = self.nodes.remove(left + 1)
                && let Some(ListNode::Packed(a)) = self.nodes.get_mut(left)
            {
                a.append(b.view());
            }
        }
    }

    fn remove_in_node(&mut self, number: usize, offset: usize) {
        let emptied = match self.nodes.get_mut(number) {
            Some(ListNode::Packed(packed)) => {
                if let Some(position) = packed.seek(offset as isize) {
                    packed.delete(position);
                    self.len -= 1;
                }
                packed.is_empty()
            }
            Some(ListNode::Plain(_)) => {
                self.len -= 1;
                true
            }
            None => false,
        };
        if emptied {
            self.nodes.remove(number);
        }
    }

    /// Removes `count` elements from the absolute index `start` on. O(nodes).
    pub fn remove_range(&mut self, start: usize, count: usize) {
        let count = count.min(self.len.saturating_sub(start));
        let Some((first, offset)) = self.locate(start) else { return };
        self.len -= count;
        let mut left = count;
        let mut number = first;
        if offset > 0 {
            left -= self.trim_node(first, offset, left);
            number += 1;
        }
        // Whole nodes go at once, so that the ones behind move once.
        let begin = number;
        while let Some(node) = self.nodes.get(number)
            && left >= node.len()
            && left > 0
        {
            left -= node.len();
            number += 1;
        }
        self.nodes.drain(begin..number);
        if left > 0 {
            self.trim_node(begin, 0, left);
        }
    }

    /// Removes up to `count` elements inside one node, never all of them; returns how many.
    fn trim_node(&mut self, number: usize, offset: usize, count: usize) -> usize {
        let Some(ListNode::Packed(packed)) = self.nodes.get_mut(number) else { return 0 };
        let count = count.min(packed.len() - offset);
        packed.delete_range(offset as isize, count);
        count
    }

    /// Removes up to `limit` elements equal to `value`, beginning at `from`; returns how many. O(n).
    pub fn remove_matching(&mut self, from: End, value: &[u8], limit: usize) -> usize {
        let needle = Needle::new(value);
        let mut removed = 0;
        let mut emptied = false;
        let count = self.nodes.len();
        for step in 0..count {
            if removed == limit {
                break;
            }
            let number = match from {
                End::Left => step,
                End::Right => count - 1 - step,
            };
            let node = &mut self.nodes[number];
            match node {
                ListNode::Packed(packed) => {
                    removed += remove_in_packed(packed, from, &needle, limit - removed);
                    emptied |= packed.is_empty();
                }
                ListNode::Plain(bytes) if bytes == value => {
                    // An empty listpack marks the place until the end: removing nodes one by one moves the others
                    // each time.
                    *node = ListNode::Packed(Listpack::new());
                    removed += 1;
                    emptied = true;
                }
                ListNode::Plain(_) => {}
            }
        }
        if emptied {
            self.nodes.retain(|node| node.len() > 0);
        }
        self.len -= removed;
        removed
    }

    /// Calls `found` with the absolute index of each element equal to `value`, beginning at `from` and looking at no
    /// more than `limit` elements, until it returns false. O(n).
    pub fn find(&self, from: End, value: &[u8], limit: usize, mut found: impl FnMut(usize) -> bool) {
        let needle = Needle::new(value);
        let mut go_on = |(index, element)| !needle.is(element) || found(index);
        match from {
            End::Left => {
                self.iter().take(limit).enumerate().all(&mut go_on);
            }
            End::Right => {
                let last = self.len.wrapping_sub(1);
                self.iter()
                    .rev()
                    .take(limit)
                    .enumerate()
                    .all(|(index, element)| go_on((last - index, element)));
            }
        }
    }

    /// The elements from head to tail. Seeking to the start of a [`range`](Self::range) is O(nodes).
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Element<'_>> {
        self.nodes.iter().flat_map(|node| match node {
            ListNode::Packed(packed) => Elements::Packed(packed.iter()),
            ListNode::Plain(bytes) => Elements::Plain(Some(bytes)),
        })
    }

    /// Calls `visit` with up to `count` elements from the absolute index `start` on. O(nodes + count), without an
    /// allocation.
    #[inline]
    pub fn for_range(&self, start: usize, count: usize, mut visit: impl FnMut(Element<'_>)) {
        let Some((number, offset)) = self.locate(start) else { return };
        let mut left = count;
        let mut offset = offset;
        for node in self.nodes.range(number..) {
            if left == 0 {
                return;
            }
            match node {
                ListNode::Packed(packed) => {
                    let mut position = packed.seek(offset as isize);
                    while left > 0
                        && let Some(current) = position
                    {
                        visit(packed.get(current));
                        left -= 1;
                        position = packed.next(current);
                    }
                }
                ListNode::Plain(bytes) => {
                    visit(Element::Str(bytes));
                    left -= 1;
                }
            }
            offset = 0;
        }
    }

    /// Up to `count` elements from the absolute index `start` on.
    pub fn range(&self, start: usize, count: usize) -> impl Iterator<Item = Element<'_>> {
        let (number, offset) = self.locate(start).unwrap_or((self.nodes.len(), 0));
        let first = self.nodes.get(number).map(|node| match node {
            ListNode::Packed(packed) => RangeHead::Packed(packed, packed.seek(offset as isize)),
            ListNode::Plain(bytes) => RangeHead::Plain(Some(bytes)),
        });
        let rest = self.nodes.iter().skip(number + 1).flat_map(|node| match node {
            ListNode::Packed(packed) => Elements::Packed(packed.iter()),
            ListNode::Plain(bytes) => Elements::Plain(Some(bytes)),
        });
        first.into_iter().flatten().chain(rest).take(count)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let elements: usize = self
            .nodes
            .iter()
            .map(|node| match node {
                ListNode::Packed(packed) => packed.capacity(),
                ListNode::Plain(bytes) => bytes.capacity(),
            })
            .sum();
        elements + self.nodes.capacity() * size_of::<ListNode>()
    }

    /// Asserts every structural invariant. O(nodes).
    #[doc(hidden)]
    pub fn check(&self) {
        assert_eq!(self.nodes.iter().map(ListNode::len).sum::<usize>(), self.len);
        assert!(self.nodes.iter().all(|node| node.len() > 0), "a node is empty");
    }
}

/// A value that elements are compared with.
struct Needle<'a> {
    bytes: &'a [u8],
    integer: Option<i64>,
}

impl<'a> Needle<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, integer: parse_i64(bytes) }
    }

    #[inline]
    fn is(&self, element: Element<'_>) -> bool {
        match element {
            Element::Str(bytes) => bytes == self.bytes,
            Element::Int(value) => self.integer == Some(value),
        }
    }
}

fn remove_in_packed(packed: &mut Listpack, from: End, needle: &Needle<'_>, limit: usize) -> usize {
    let mut removed = 0;
    match from {
        End::Left => {
            let mut position = packed.first();
            while removed < limit
                && let Some(found) = position.and_then(|from| packed.find(from, needle.bytes, 0))
            {
                position = packed.delete(found);
                removed += 1;
            }
        }
        End::Right => {
            let mut position = packed.last();
            while removed < limit
                && let Some(current) = position
            {
                position = packed.prev(current);
                if needle.is(packed.get(current)) {
                    packed.delete(current);
                    removed += 1;
                }
            }
        }
    }
    removed
}

enum Elements<'a> {
    Packed(carnelian_encoding::listpack::Iter<'a>),
    Plain(Option<&'a [u8]>),
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        match self {
            Self::Packed(elements) => elements.next(),
            Self::Plain(bytes) => bytes.take().map(Element::Str),
        }
    }
}

impl DoubleEndedIterator for Elements<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Self::Packed(elements) => elements.next_back(),
            Self::Plain(bytes) => bytes.take().map(Element::Str),
        }
    }
}

enum RangeHead<'a> {
    Packed(&'a Listpack, Option<Pos>),
    Plain(Option<&'a [u8]>),
}

impl<'a> Iterator for RangeHead<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        match self {
            Self::Packed(packed, position) => {
                let current = (*position)?;
                *position = packed.next(current);
                Some(packed.get(current))
            }
            Self::Plain(bytes) => bytes.take().map(Element::Str),
        }
    }
}
