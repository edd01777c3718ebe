//! A vector in segments: pushing never copies more than one segment.

/// log2 of the elements in a full segment.
const SHIFT: u32 = 7;
const SEGMENT: usize = 1 << SHIFT;
const MASK: usize = SEGMENT - 1;

/// A growable array whose elements stay in segments of 128. Small arrays grow as a `Vec` does; a large one never
/// copies its elements to grow, so that one insertion into a table of millions costs what one into a small table costs.
#[derive(Clone)]
pub(crate) struct Segments<T> {
    segments: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Segments<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Segments<T> {
    pub(crate) const fn new() -> Self {
        Self { segments: Vec::new(), len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.segments.get(index >> SHIFT)?.get(index & MASK)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.segments.get_mut(index >> SHIFT)?.get_mut(index & MASK)
    }

    pub(crate) fn push(&mut self, item: T) {
        if self.len & MASK == 0 {
            // The first segment grows by doubling; later ones are needed whole soon.
            let capacity = if self.len == 0 { 0 } else { SEGMENT };
            self.segments.push(Vec::with_capacity(capacity));
        }
        if let Some(last) = self.segments.last_mut() {
            last.push(item);
            self.len += 1;
        }
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let last = self.segments.last_mut()?;
        let item = last.pop()?;
        self.len -= 1;
        // The first segment shrinks as it grew, by halves.
        if self.len < SEGMENT && self.len * 4 <= last.capacity() {
            last.shrink_to(self.len * 2);
        }
        if last.is_empty() {
            self.segments.pop();
            if self.segments.len() * 4 <= self.segments.capacity() {
                self.segments.shrink_to(self.segments.len() * 2);
            }
        }
        Some(item)
    }

    /// Gives the last segment back, unless one of the first `kept` elements is in it.
    #[cold]
    pub(crate) fn shorten(&mut self, kept: usize) {
        let before = self.segments.len().saturating_sub(1) * SEGMENT;
        if kept <= before {
            self.segments.pop();
            self.len = before;
            if before == 0 {
                *self = Self::new();
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.segments.iter().flatten()
    }

    /// Bytes reserved on the heap for the elements themselves.
    pub(crate) fn heap_bytes(&self) -> usize {
        let elements: usize = self.segments.iter().map(Vec::capacity).sum();
        elements * size_of::<T>() + self.segments.capacity() * size_of::<Vec<T>>()
    }
}
