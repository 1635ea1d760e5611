//! The checksum of a backup, at its end: a line behind what SQLite or `pg_restore` read, which both ignore. It
//! goes wherever the file goes, which one beside it would not.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

/// How the line starts; the hash in hexadecimal digits and a line feed follow.
const MARK: &[u8] = b"\nminitwit backup, sha256 of the bytes above: ";
/// Length of the line.
const LINE: usize = MARK.len() + 64 + 1;
/// Damaged bytes in the mark that still leave it one.
const TOLERANCE: usize = 8;
/// Bytes of the mark by which the rest of a cut line is known.
const START: usize = 20;

/// What the end of a backup says of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// It is as it was written.
    Matches,
    /// It is not.
    Differs,
    /// It says nothing: the file was made by another program or an earlier version.
    Missing,
}

/// Writes the checksum of a file behind its end.
pub fn append(file: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(file)?;
    let hash = hash(&mut file, u64::MAX)?;
    file.seek(SeekFrom::End(0))?;
    file.write_all(&line(&hash))
}

/// Reads a whole file and compares it with its checksum.
pub fn verify(file: &Path) -> io::Result<Checksum> {
    let mut file = File::open(file)?;
    let length = file.metadata()?.len();
    let tail = LINE.min(usize::try_from(length).unwrap_or(usize::MAX));
    let mut end = vec![0; tail];
    file.seek(SeekFrom::End(-i64::try_from(tail).unwrap_or(0)))?;
    file.read_exact(&mut end)?;
    if !has_mark(&end) {
        return Ok(Checksum::Missing);
    }
    file.rewind()?;
    let expected = line(&hash(&mut file, length - tail as u64)?);
    Ok(if end == expected { Checksum::Matches } else { Checksum::Differs })
}

/// Whether that is a line of ours, even when some of its bytes are damaged or its end is cut off.
fn has_mark(end: &[u8]) -> bool {
    let differing = end.iter().zip(MARK).filter(|(found, wanted)| found != wanted).count();
    let is_line = end.len() == LINE && differing <= TOLERANCE;
    is_line || end.windows(START).any(|window| window == &MARK[..START])
}

fn line(hash: &[u8]) -> Vec<u8> {
    let mut line = MARK.to_vec();
    for byte in hash {
        line.extend_from_slice(format!("{byte:02x}").as_bytes());
    }
    line.push(b'\n');
    line
}

/// The hash of so many bytes from where the file is.
fn hash(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    let mut hash = Sha256::new();
    let mut rest = file.take(length);
    let mut piece = vec![0; 64 * 1024];
    loop {
        match rest.read(&mut piece)? {
            0 => return Ok(hash.finalize().to_vec()),
            read => hash.update(&piece[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let content: Vec<u8> = (0..200_u8).collect();
        std::fs::write(file.path(), &content).unwrap();
        assert_eq!(verify(file.path()).unwrap(), Checksum::Missing);
        append(file.path()).unwrap();
        assert_eq!(verify(file.path()).unwrap(), Checksum::Matches);
        let whole = std::fs::read(file.path()).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(file.path(), &damaged).unwrap();
            assert_eq!(verify(file.path()).unwrap(), Checksum::Differs, "bit {bit}");
        }
        for length in content.len() + START..whole.len() {
            std::fs::write(file.path(), &whole[..length]).unwrap();
            assert_eq!(verify(file.path()).unwrap(), Checksum::Differs, "length {length}");
        }
        for other in ["", "short", "a file of another program"] {
            std::fs::write(file.path(), other).unwrap();
            assert_eq!(verify(file.path()).unwrap(), Checksum::Missing);
        }
    }
}
