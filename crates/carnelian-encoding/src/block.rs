//! Memory that a listpack or an intset lies in.

/// One piece of memory whose bytes can be made more or fewer at any place: that of a structure of its own, or a part of something
/// larger.
pub trait Block {
    /// The bytes.
    fn bytes(&self) -> &[u8];

    /// The bytes, for changing them.
    fn bytes_mut(&mut self) -> &mut [u8];

    /// Makes the `old` bytes at `at` into `new` bytes that are not defined, and gives all bytes as they are then.
    fn splice(&mut self, at: usize, old: usize, new: usize) -> &mut [u8];
}

impl Block for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }

    fn splice(&mut self, at: usize, old: usize, new: usize) -> &mut [u8] {
        let len = self.len();
        if new > old {
            self.resize(len + new - old, 0);
        }
        self.copy_within(at + old..len, at + new);
        self.truncate(len + new - old);
        self
    }
}
