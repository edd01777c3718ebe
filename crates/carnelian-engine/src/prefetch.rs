//! Telling the processor what will be read soon, so that the waits for memory of several look-ups overlap.

/// Asks for the cache lines of an item, the first two of them. Only a hint: nothing is read.
#[inline(always)]
pub(crate) fn item<T: ?Sized>(item: &T) {
    first_lines(std::ptr::from_ref(item).cast(), size_of_val(item));
}

/// Asks for the first two cache lines of some bytes.
#[inline(always)]
pub(crate) fn lines(bytes: &[u8]) {
    first_lines(bytes.as_ptr().cast(), bytes.len());
}

#[inline(always)]
fn first_lines(start: *const i8, bytes: usize) {
    line(start);
    if bytes > LINE {
        line(start.wrapping_add(LINE));
    }
}

/// Bytes of a cache line.
const LINE: usize = 64;

#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code, reason = "the intrinsic takes a raw pointer")]
fn line(address: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: prefetching never faults and never changes memory, whatever the address; these are of live items besides.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
}

/// Other processors have no stable intrinsic for it.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn line(_: *const i8) {}
