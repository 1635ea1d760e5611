//! Reading log files in memory, for the fuzzer: the frame format itself is private to `wal`.

use crate::codec;
use crate::record::LogRecord;
use crate::wal::frame::{self, Parsed};

/// Reads bytes as a log file is read after damage: every whole frame, and behind anything else the
/// next one. The number of records found.
pub fn read_frames(bytes: &[u8]) -> usize {
    let mut at = 0;
    let mut records = 0;
    while at < bytes.len() {
        match frame::parse(&bytes[at..]) {
            Parsed::Frame(found) => {
                at += found.length();
                records += codec::records(found.records).map(LogRecord::from).count();
            }
            Parsed::Incomplete | Parsed::Corrupt => match frame::resync(bytes, at + 1) {
                Some(next) => at = next,
                None => break,
            },
        }
    }
    records
}

/// The encoded records at the start of these bytes, written as frames.
pub fn frames_of(records: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    frame::write(records, &mut file);
    file
}

/// Where the first whole frame starts.
pub fn first_frame(bytes: &[u8]) -> Option<usize> {
    frame::resync(bytes, 0)
}
