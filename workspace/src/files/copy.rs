//! Bytes from one file to another, piece by piece, no more than allowed.

use std::io::{self, Read, Write};

use takopi_core::port::workspace::FileError;

use super::Trip;

/// How much is copied between two looks at the stop signal.
const PIECE_BYTES: usize = 256 * 1024;

/// Copies all of `from`; returns how much that was.
///
/// # Errors
/// [`FileError::TooLarge`] once there are more than `max_bytes`, however small the file was said to be.
pub(super) fn copy(
    trip: &Trip,
    from: &mut impl Read,
    to: &mut impl Write,
    max_bytes: u64,
) -> Result<u64, FileError> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut copied = 0_u64;
    loop {
        trip.unless_stopped()?;
        let read = match from.read(&mut piece) {
            Ok(0) => return Ok(copied),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(trip.failed(error)),
        };
        copied += read as u64;
        if copied > max_bytes {
            return Err(trip.too_large());
        }
        to.write_all(&piece[..read]).map_err(|error| trip.broken(error))?;
    }
}

impl Trip {
    /// Returns what a failed write means: the archive's own bound comes as one.
    pub(super) fn broken(&self, error: io::Error) -> FileError {
        if error.kind() == io::ErrorKind::FileTooLarge { self.too_large() } else { self.failed(error) }
    }
}
