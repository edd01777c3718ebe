//! Files around encoded entries.

use crate::encode::Encoder;
use crate::format::{Crc, VERSION_DEFAULT, opcode};
use std::io::{self, Write};

/// How to write a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteOptions {
    /// The version, 10 (for Redis 7.0) or 11.
    pub version: u32,
    /// Whether to compress strings (`rdbcompression`).
    pub compress: bool,
    /// Whether to end with a checksum (`rdbchecksum`); else it is 0, which readers take as none.
    pub checksum: bool,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { version: VERSION_DEFAULT, compress: true, checksum: true }
    }
}

/// Frames encoded entries into a file: header before, end mark and checksum behind. Everything it is given goes through
/// the checksum.
pub struct FileWriter<W> {
    inner: W,
    crc: Option<Crc>,
    bytes_written: u64,
    /// For the small records; they are put together here and written at once.
    encoder: Encoder,
    record: Vec<u8>,
}

impl<W: Write> FileWriter<W> {
    /// Starts a file: writes the magic and the version.
    ///
    /// # Errors
    /// Those of `inner`.
    pub fn new(inner: W, options: WriteOptions) -> io::Result<Self> {
        let mut writer = Self {
            inner,
            crc: options.checksum.then(Crc::new),
            bytes_written: 0,
            encoder: Encoder::new(options.version, options.compress),
            record: Vec::new(),
        };
        writer.write_raw(format!("REDIS{:04}", options.version).as_bytes())?;
        Ok(writer)
    }

    /// Writes an auxiliary field, such as `redis-ver`.
    ///
    /// # Errors
    /// Those of the inner writer, as for all that write.
    pub fn aux(&mut self, name: &[u8], value: &[u8]) -> io::Result<()> {
        self.record(|encoder, out| {
            out.push(opcode::AUX);
            encoder.put_string(out, name);
            encoder.put_string(out, value);
        })
    }

    /// Writes the source of a function library.
    ///
    /// # Errors
    /// Those of the inner writer.
    pub fn function(&mut self, source: &[u8]) -> io::Result<()> {
        self.record(|encoder, out| {
            out.push(opcode::FUNCTION2);
            encoder.put_string(out, source);
        })
    }

    /// Says which database the entries that follow belong to.
    ///
    /// # Errors
    /// Those of the inner writer.
    pub fn select_db(&mut self, db: u64) -> io::Result<()> {
        self.record(|encoder, out| {
            out.push(opcode::SELECT_DB);
            encoder.put_len(out, db);
        })
    }

    /// Says how many keys the database has, and how many of them expire, so that a reader can make its tables.
    ///
    /// # Errors
    /// Those of the inner writer.
    pub fn resize_db(&mut self, keys: u64, expires: u64) -> io::Result<()> {
        self.record(|encoder, out| {
            out.push(opcode::RESIZE_DB);
            encoder.put_len(out, keys);
            encoder.put_len(out, expires);
        })
    }

    /// Writes entries that an [`Encoder`] made.
    ///
    /// # Errors
    /// Those of the inner writer.
    pub fn write_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)?;
        if let Some(crc) = &mut self.crc {
            crc.update(bytes);
        }
        self.bytes_written += bytes.len() as u64;
        Ok(())
    }

    /// The inner writer, for flushing and syncing on the way. Bytes written to it directly would not be in the checksum.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// Bytes written so far.
    pub fn bytes_written(&self) -> u64 {
        self.bytes_written
    }

    /// Ends the file with the end mark and the checksum, flushes, and gives the inner writer back. Syncing it to disk is
    /// up to the caller.
    ///
    /// # Errors
    /// Those of the inner writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.write_raw(&[opcode::EOF])?;
        let checksum = self.crc.take().map_or(0, |crc| crc.value());
        self.inner.write_all(&checksum.to_le_bytes())?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    fn record(&mut self, encode: impl FnOnce(&mut Encoder, &mut Vec<u8>)) -> io::Result<()> {
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        encode(&mut self.encoder, &mut record);
        let written = self.write_raw(&record);
        self.record = record;
        written
    }
}

/// An [`Encoder`] and a [`FileWriter`] in one, for whoever writes a file from one thread.
pub struct Writer<W>(FileWriter<W>);

impl<W: Write> Writer<W> {
    /// Starts a file.
    ///
    /// # Errors
    /// Those of `inner`.
    pub fn new(inner: W, options: WriteOptions) -> io::Result<Self> {
        Ok(Self(FileWriter::new(inner, options)?))
    }

    /// Writes the entry (or entries) that the closure encodes.
    ///
    /// # Errors
    /// Those of the inner writer.
    pub fn entry(&mut self, encode: impl FnOnce(&mut Encoder, &mut Vec<u8>)) -> io::Result<()> {
        self.0.record(encode)
    }

    /// See [`FileWriter::finish`].
    ///
    /// # Errors
    /// Those of the inner writer.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

impl<W> std::ops::Deref for Writer<W> {
    type Target = FileWriter<W>;
    fn deref(&self) -> &FileWriter<W> {
        &self.0
    }
}

impl<W> std::ops::DerefMut for Writer<W> {
    fn deref_mut(&mut self) -> &mut FileWriter<W> {
        &mut self.0
    }
}
