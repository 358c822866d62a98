//! Where an index keeps its bytes. Knows no paths: whoever opens a file hands it in.

use std::fmt;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// Bytes that grow at their end and are read again from any place.
///
/// An index is the only one that writes to its storage while it has it.
pub trait Storage: fmt::Debug {
    /// Returns how many bytes there are.
    ///
    /// # Errors
    ///
    /// Returns what the system says.
    fn length(&self) -> io::Result<u64>;

    /// Fills `into` with the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// Returns an error if there are not so many, or what the system says.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// Adds `bytes` at the end.
    ///
    /// # Errors
    ///
    /// Returns what the system says; a part of the bytes may be there then.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Drops what lies behind the first `length` bytes.
    ///
    /// # Errors
    ///
    /// Returns what the system says.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// Memory, for an index that need not outlive the process.
impl Storage for Vec<u8> {
    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start.saturating_add(into.len());
        into.copy_from_slice(self.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.truncate(usize::try_from(length).map_err(io::Error::other)?);
        Ok(())
    }
}

/// Storage of whatever kind.
impl Storage for Box<dyn Storage + Send + Sync> {
    fn length(&self) -> io::Result<u64> {
        (**self).length()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        (**self).read_at(offset, into)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        (**self).append(bytes)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        (**self).cut(length)
    }
}

/// A file that is open for reading and writing.
///
/// What was appended survives the end of the process; it is not forced to the disk, because what a loss of power takes
/// is found when it is read, and can be made anew.
impl Storage for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, into, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, mut offset: u64, mut into: &mut [u8]) -> io::Result<()> {
        while !into.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(self, into, offset)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => {
                    offset += read as u64;
                    into = into.get_mut(read..).unwrap_or_default();
                }
            }
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::End(0))?;
        self.write_all(bytes)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}
