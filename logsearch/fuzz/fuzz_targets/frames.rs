//! Whatever bytes a log file has, reading it ends, and what is whole in it is found.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logsearch::testing::{frames_of, read_frames};

fuzz_target!(|bytes: &[u8]| {
    let damaged = read_frames(bytes);
    // The same bytes as records of a frame, behind the damage: the frame is found again.
    let whole = frames_of(bytes);
    let mut file = bytes.to_vec();
    file.extend_from_slice(&whole);
    assert!(read_frames(&file) >= read_frames(&whole).min(1), "{damaged} before");
});
