//! Bytes from a source, counted and checksummed.

use crate::error::{ErrorKind, RdbError};
use crate::format::{Crc, string};
use carnelian_encoding::lzf;
use carnelian_encoding::number;
use std::io::Read;

/// Bytes read from the source at once.
const BUFFER: usize = 64 * 1024;

/// Reads the building blocks of the format.
pub(crate) struct Source<R> {
    inner: R,
    buffer: Vec<u8>,
    /// What of the buffer has been given out, and what of that the checksum has not seen yet.
    at: usize,
    hashed: usize,
    crc: Crc,
    /// Offset in the file of the start of the buffer.
    buffer_offset: u64,
    string_max: u64,
}

impl<R: Read> Source<R> {
    pub(crate) fn new(inner: R, string_max: u64) -> Self {
        Self { inner, buffer: Vec::new(), at: 0, hashed: 0, crc: Crc::new(), buffer_offset: 0, string_max }
    }

    /// Bytes given out so far.
    pub(crate) fn offset(&self) -> u64 {
        self.buffer_offset + self.at as u64
    }

    /// The checksum of all bytes given out so far.
    pub(crate) fn checksum(&mut self) -> u64 {
        self.hash();
        self.crc.value()
    }

    /// The source, and what was read from it but not given out.
    pub(crate) fn into_parts(self) -> (R, Vec<u8>) {
        let mut rest = self.buffer;
        rest.drain(..self.at);
        (self.inner, rest)
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> RdbError {
        RdbError { kind, offset: self.offset() }
    }

    pub(crate) fn corrupt<T>(&self, what: &'static str) -> Result<T, RdbError> {
        Err(self.error(ErrorKind::Corrupt(what)))
    }

    fn hash(&mut self) {
        self.crc.update(&self.buffer[self.hashed..self.at]);
        self.hashed = self.at;
    }

    /// Makes at least one more byte available, or fails.
    fn fill(&mut self) -> Result<(), RdbError> {
        if self.at < self.buffer.len() {
            return Ok(());
        }
        self.hash();
        self.buffer_offset += self.at as u64;
        (self.at, self.hashed) = (0, 0);
        self.buffer.resize(BUFFER, 0);
        loop {
            match self.inner.read(&mut self.buffer) {
                Ok(0) => {
                    self.buffer.clear();
                    return Err(self.error(ErrorKind::UnexpectedEof));
                }
                Ok(len) => {
                    self.buffer.truncate(len);
                    return Ok(());
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.buffer.clear();
                    return Err(self.error(ErrorKind::Io(error)));
                }
            }
        }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, RdbError> {
        self.fill()?;
        let byte = self.buffer[self.at];
        self.at += 1;
        Ok(byte)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], RdbError> {
        let mut bytes = [0; N];
        let mut done = 0;
        while done < N {
            self.fill()?;
            let step = (N - done).min(self.buffer.len() - self.at);
            bytes[done..done + step].copy_from_slice(&self.buffer[self.at..self.at + step]);
            self.at += step;
            done += step;
        }
        Ok(bytes)
    }

    /// Reads so many bytes. Memory grows with what arrives, not with what is asked for.
    pub(crate) fn bytes(&mut self, len: u64) -> Result<Vec<u8>, RdbError> {
        let mut bytes = Vec::with_capacity(len.min(BUFFER as u64) as usize);
        let mut left = len;
        while left > 0 {
            self.fill()?;
            let step = left.min((self.buffer.len() - self.at) as u64) as usize;
            bytes.extend_from_slice(&self.buffer[self.at..self.at + step]);
            self.at += step;
            left -= step as u64;
        }
        Ok(bytes)
    }

    pub(crate) fn i64_le(&mut self) -> Result<i64, RdbError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64_le(&mut self) -> Result<u64, RdbError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn f64_le(&mut self) -> Result<f64, RdbError> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    /// Reads a length, or the encoding of a string in its place.
    fn len_or_encoding(&mut self) -> Result<LenOrEncoding, RdbError> {
        let first = self.u8()?;
        Ok(LenOrEncoding::Len(match first >> 6 {
            0 => first as u64,
            1 => ((first & 0x3F) as u64) << 8 | self.u8()? as u64,
            3 => return Ok(LenOrEncoding::Encoding(first & 0x3F)),
            _ => match first {
                0x80 => u32::from_be_bytes(self.array()?) as u64,
                0x81 => u64::from_be_bytes(self.array()?),
                _ => return Err(self.error(ErrorKind::BadLength(first))),
            },
        }))
    }

    /// Reads a length or a number.
    pub(crate) fn len(&mut self) -> Result<u64, RdbError> {
        match self.len_or_encoding()? {
            LenOrEncoding::Len(len) => Ok(len),
            LenOrEncoding::Encoding(encoding) => Err(self.error(ErrorKind::BadLength(0xC0 | encoding))),
        }
    }

    /// Reads a string as bytes.
    pub(crate) fn string(&mut self) -> Result<Vec<u8>, RdbError> {
        Ok(match self.string_or_int()? {
            Text::Bytes(bytes) => bytes,
            Text::Int(int) => number::format_i64(int).as_bytes().to_vec(),
        })
    }

    /// Reads a string, which may have been stored as an integer.
    pub(crate) fn string_or_int(&mut self) -> Result<Text, RdbError> {
        let encoding = match self.len_or_encoding()? {
            LenOrEncoding::Len(len) => {
                self.check_len(len)?;
                return Ok(Text::Bytes(self.bytes(len)?));
            }
            LenOrEncoding::Encoding(encoding) => encoding,
        };
        Ok(match encoding {
            string::INT_8 => Text::Int(i8::from_le_bytes(self.array()?) as i64),
            string::INT_16 => Text::Int(i16::from_le_bytes(self.array()?) as i64),
            string::INT_32 => Text::Int(i32::from_le_bytes(self.array()?) as i64),
            string::LZF => {
                let compressed_len = self.len()?;
                let len = self.len()?;
                self.check_len(compressed_len)?;
                self.check_len(len)?;
                let compressed = self.bytes(compressed_len)?;
                let bytes = lzf::decompress(&compressed, len as usize);
                Text::Bytes(bytes.map_err(|_| self.error(ErrorKind::BadLzf))?)
            }
            _ => return Err(self.error(ErrorKind::BadStringEncoding(encoding))),
        })
    }

    fn check_len(&self, len: u64) -> Result<(), RdbError> {
        if len > self.string_max {
            return Err(self.error(ErrorKind::TooLong { len, limit: self.string_max }));
        }
        Ok(())
    }
}

enum LenOrEncoding {
    Len(u64),
    Encoding(u8),
}

/// A string of a file.
pub(crate) enum Text {
    Bytes(Vec<u8>),
    Int(i64),
}
