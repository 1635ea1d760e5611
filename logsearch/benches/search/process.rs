//! What the system says about this process and its files.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// CPU time of this process so far.
pub fn cpu_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, behind_name) = stat.rsplit_once(')').context("/proc/self/stat is cut off")?;
    let ticks = behind_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}

pub fn peak_megabytes() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim_end_matches("kB").trim().parse::<f64>()? / 1e3)
}

/// Bytes of the files below a directory with one of these extensions or names; of all when none is
/// given.
pub fn bytes_below(path: &Path, kinds: &[&str]) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let sizes = entries.flatten().map(|entry| {
        let path = entry.path();
        let part = path.extension().or_else(|| path.file_name());
        let is_wanted = kinds.is_empty() || kinds.iter().any(|kind| part == Some(kind.as_ref()));
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes_below(&path, kinds),
            Ok(meta) if is_wanted => meta.len(),
            _ => 0,
        }
    });
    sizes.sum()
}
