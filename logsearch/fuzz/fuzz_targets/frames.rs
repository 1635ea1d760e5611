//! Whatever bytes a log file has, reading it ends, and what is whole in it is found.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logsearch::testing::{first_frame, frames_of, read_frames};

fuzz_target!(|bytes: &[u8]| {
    let _ = read_frames(bytes);
    // The same bytes as records of frames, behind the damage: the records are found again. Unless the fuzzer
    // has made a frame that swallows them, checksum and all, as it can.
    let whole = frames_of(bytes);
    let file = [bytes, &whole].concat();
    if first_frame(&file).is_none_or(|at| at >= bytes.len()) {
        assert_eq!(read_frames(&file), read_frames(&whole));
    }
});
