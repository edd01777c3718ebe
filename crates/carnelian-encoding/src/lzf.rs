//! LZF, the compression of strings in RDB files.
//!
//! A stream is a sequence of two things. A control byte below 32 says that so many bytes plus one follow as they are.
//! Any other one is a copy of earlier output: its top three bits are the length less two (7 says that one more byte is to
//! be added), its lower five and the next byte are the distance less one. The format is that of Marc Lehmann's liblzf, and
//! the compressor makes the choices that liblzf makes in Redis, so that files come out the same.

/// Greatest distance of a copy.
const MAX_DISTANCE: usize = 1 << 13;
/// Greatest length of a copy.
const MAX_COPY: usize = 264;
/// Greatest run of literal bytes.
const MAX_LITERALS: usize = 32;
/// Bits of a hash of three bytes. The hash is liblzf's: which matches are found depends on which hashes are the same.
const HASH_BITS: u32 = 16;
/// No stream decompresses to more than this many times its length: three bytes make at most `MAX_COPY`.
pub const MAX_RATIO: u64 = MAX_COPY as u64 / 3;

/// Compresses strings, with a table that is kept from one to the next and never cleared.
pub struct Compressor {
    /// Where a hash of three bytes was last seen, counted from `base`, over all strings compressed so far.
    /// Made when it is first needed.
    table: Vec<u32>,
    /// Where the current string starts, in the count of the table. Entries below are those of earlier strings.
    base: u32,
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new()
    }
}

fn hash(bytes: &[u8]) -> usize {
    let three = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
    ((three >> (24 - HASH_BITS)).wrapping_sub(three.wrapping_mul(5)) & ((1 << HASH_BITS) - 1)) as usize
}

impl Compressor {
    /// A compressor; takes 256 KiB once it has something to do.
    pub fn new() -> Self {
        Self { table: Vec::new(), base: 1 }
    }

    /// Appends the compressed form of `input` to `out` if it takes at most `limit` bytes (or a few less, as in
    /// liblzf), and says whether it does.
    /// Otherwise `out` is left as it was. O(input).
    pub fn compress(&mut self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        if u32::try_from(input.len()).is_err() {
            return false;
        }
        let len = input.len() as u32;
        if self.table.is_empty() {
            self.table = vec![0; 1 << HASH_BITS];
        } else if self.base.checked_add(len).is_none() {
            self.table.fill(0);
            self.base = 1;
        }
        let fits = self.compress_within(input, limit, out);
        self.base = self.base.saturating_add(len);
        if !fits {
            out.truncate(start);
        }
        fits
    }

    fn compress_within(&mut self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let (mut at, mut literals_from) = (0, 0);
        while at + 3 <= input.len() {
            let slot = &mut self.table[hash(&input[at..])];
            let candidate = slot.checked_sub(self.base).map(|from| from as usize);
            *slot = self.base + at as u32;
            // The very first byte is never copied from: in liblzf it cannot be told from an empty slot.
            let Some(from) = candidate.filter(|&from| {
                from > 0 && at - from <= MAX_DISTANCE && input[from..from + 3] == input[at..at + 3]
            }) else {
                at += 1;
                continue;
            };
            let literals = at - literals_from;
            let size = size_with_open_run(out.len() - start, literals);
            if size + 4 >= limit.saturating_add(usize::from(literals.is_multiple_of(MAX_LITERALS))) {
                return false;
            }
            put_literals(out, &input[literals_from..at]);
            // liblzf leaves the last two bytes to the literals, but its unrolled loop runs over that by up to two.
            let max = match input.len() - at - 2 {
                17 | 18 => 19,
                max => max.clamp(3, MAX_COPY),
            };
            let len = 3 + input[from + 3..]
                .iter()
                .zip(&input[at + 3..at + max])
                .take_while(|(a, b)| a == b)
                .count();
            put_copy(out, at - from, len);
            at += len;
            literals_from = at;
            // Of the starts within the copy only the last two are remembered.
            if at + 3 <= input.len() {
                for inside in [at - 2, at - 1] {
                    self.table[hash(&input[inside..])] = self.base + inside as u32;
                }
            }
        }
        if size_with_open_run(out.len() - start, at - literals_from) + 3 > limit {
            return false;
        }
        put_literals(out, &input[literals_from..]);
        true
    }
}

/// How far liblzf has written when so many literals are waiting: it writes them as they come, and sets the control byte
/// of the next run aside. What it gives up on depends on this.
fn size_with_open_run(written: usize, literals: usize) -> usize {
    written + literals + literals / MAX_LITERALS + 1
}

fn put_literals(out: &mut Vec<u8>, literals: &[u8]) {
    for run in literals.chunks(MAX_LITERALS) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

fn put_copy(out: &mut Vec<u8>, distance: usize, len: usize) {
    let distance = distance - 1;
    let high = (distance >> 8) as u8;
    let len = len - 2;
    if len < 7 {
        out.push((len as u8) << 5 | high);
    } else {
        out.push(7 << 5 | high);
        out.push((len - 7) as u8);
    }
    out.push(distance as u8);
}

/// A stream is damaged, or does not make the length that was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LzfError;

impl std::fmt::Display for LzfError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "damaged LZF stream")
    }
}

impl std::error::Error for LzfError {}

/// Decompresses a stream that makes exactly `len` bytes. Nothing is reserved for a length that the input cannot make.
///
/// # Errors
/// [`LzfError`] if it is damaged or makes another length.
pub fn decompress(input: &[u8], len: usize) -> Result<Vec<u8>, LzfError> {
    let mut out = Vec::new();
    decompress_into(input, len, &mut out)?;
    Ok(out)
}

/// Decompresses a stream that makes exactly `len` bytes into `out`, whose content is replaced and whose memory is used.
/// After an error it holds a part of the output.
///
/// # Errors
/// [`LzfError`] if the stream is damaged or makes another length.
pub fn decompress_into(input: &[u8], len: usize, out: &mut Vec<u8>) -> Result<(), LzfError> {
    out.clear();
    if len as u64 > input.len() as u64 * MAX_RATIO {
        return Err(LzfError);
    }
    out.reserve_exact(len);
    let mut rest = input;
    while let Some((&control, behind)) = rest.split_first() {
        let control = control as usize;
        if control < MAX_LITERALS {
            let (literals, behind) = behind.split_at_checked(control + 1).ok_or(LzfError)?;
            out.extend_from_slice(literals);
            rest = behind;
        } else {
            let (copied, distance, behind) = match (control >> 5, behind) {
                (7, &[more, low, ref behind @ ..]) => (more as usize + 9, low, behind),
                (short @ 1..7, &[low, ref behind @ ..]) => (short + 2, low, behind),
                _ => return Err(LzfError),
            };
            let distance = ((control & 0x1F) << 8 | distance as usize) + 1;
            let from = out.len().checked_sub(distance).ok_or(LzfError)?;
            if copied > len - out.len() {
                return Err(LzfError);
            }
            // A copy may reach into itself; then it repeats, and each round at most doubles what is there.
            let mut left = copied;
            while left > 0 {
                let step = left.min(out.len() - from);
                out.extend_from_within(from..from + step);
                left -= step;
            }
            rest = behind;
        }
        if out.len() > len {
            return Err(LzfError);
        }
    }
    if out.len() == len { Ok(()) } else { Err(LzfError) }
}
