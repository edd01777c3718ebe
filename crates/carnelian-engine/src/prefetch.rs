//! Telling the processor what will be read soon, so that the waits for memory of several look-ups overlap.

/// Asks for the cache lines of an item, the first two of them. Only a hint: nothing is read.
#[inline(always)]
pub(crate) fn item<T: ?Sized>(item: &T) {
    let start = std::ptr::from_ref(item).cast::<i8>();
    line(start);
    if size_of_val(item) > LINE {
        line(start.wrapping_add(LINE));
    }
}

/// Asks for the first cache line of an item that will be written: other cores give it up.
#[inline(always)]
pub(crate) fn item_to_write<T: ?Sized>(item: &T) {
    line_to_write(std::ptr::from_ref(item).cast::<i8>());
}

/// Asks for the first sixteen of these bytes.
#[inline(always)]
pub(crate) fn header(bytes: &[u8]) {
    let start = bytes.as_ptr().cast::<i8>();
    line(start);
    if start.addr() % LINE > LINE - 16 {
        line(start.wrapping_add(LINE));
    }
}

/// Asks for the cache lines of an entry of common size that these bytes begin with.
#[inline(always)]
pub(crate) fn lines(bytes: &[u8]) {
    let start = bytes.as_ptr().cast::<i8>();
    line(start);
    line(start.wrapping_add(LINE));
    // One that begins at the end of a line reaches into the third.
    if start.addr() % LINE >= 48 {
        line(start.wrapping_add(2 * LINE));
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

#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code, reason = "what the intrinsic becomes depends on the compiler's flags")]
fn line_to_write(address: *const i8) {
    // SAFETY: prefetching never faults and never changes memory, whatever the address. Processors without this instruction
    // take it for none.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
}

/// Other processors have no stable intrinsic for it.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn line(_: *const i8) {}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn line_to_write(_: *const i8) {}
