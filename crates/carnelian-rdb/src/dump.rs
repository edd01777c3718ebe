//! The payloads of `DUMP` and `RESTORE`: type and value as in a file, the version in two bytes, and a checksum of both.

use crate::encode::Encoder;
use crate::error::RdbError;
use crate::format::Crc;
use crate::read::{Object, ReadOptions, Reader};

/// Bytes behind the value: version and checksum.
const FOOTER: usize = 10;

/// Why a payload is refused before its value is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpError {
    /// It is too short, its version is newer than what is known, or its checksum is wrong. `RESTORE` has one error for
    /// all three: `ERR DUMP payload version or checksum are wrong`.
    VersionOrChecksum,
}

impl std::fmt::Display for DumpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DUMP payload version or checksum are wrong")
    }
}

impl std::error::Error for DumpError {}

/// Writes a payload: `value` calls one method of the encoder without a key.
pub fn write(
    encoder: &mut Encoder,
    out: &mut Vec<u8>,
    version: u16,
    value: impl FnOnce(&mut Encoder, &mut Vec<u8>),
) {
    let start = out.len();
    value(encoder, out);
    out.extend_from_slice(&version.to_le_bytes());
    let mut crc = Crc::new();
    crc.update(&out[start..]);
    out.extend_from_slice(&crc.value().to_le_bytes());
}

/// Checks version and checksum of a payload; gives the type and value.
///
/// # Errors
/// [`DumpError::VersionOrChecksum`].
pub fn verify(payload: &[u8]) -> Result<&[u8], DumpError> {
    let wrong = DumpError::VersionOrChecksum;
    let split = payload.len().checked_sub(FOOTER).filter(|&len| len > 0).ok_or(wrong)?;
    let (body, footer) = payload.split_at(split);
    let &[v0, v1, ref stored @ ..] = footer else { return Err(wrong) };
    let stored = u64::from_le_bytes(stored.try_into().map_err(|_| wrong)?);
    let mut crc = Crc::new();
    crc.update(&payload[..split + 2]);
    // In a file zero stands for no checksum. A payload always has one.
    let right = stored == crc.value() && u32::from(u16::from_le_bytes([v0, v1])) <= crate::VERSION_MAX;
    if right { Ok(body) } else { Err(wrong) }
}

/// Reads the value of a payload that [`verify`] has let through.
///
/// # Errors
/// Whatever is wrong with the value (`ERR Bad data format`).
pub fn read(body: &[u8], options: ReadOptions) -> Result<Object, RdbError> {
    Reader::value_only(body, options)
}
