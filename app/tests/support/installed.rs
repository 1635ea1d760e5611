//! Whether the programs and rights are there that tests need. Every test binary uses this file, so that
//! what is missing is a failure in CI and a printed line everywhere else.

use std::io::Write;
use std::path::PathBuf;

/// Where a program is, or `None` and one line that says that a test is left out; in CI it must be there.
pub fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Where Debian keeps servers, which not everybody searches.
    let servers = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let mut folders = std::env::split_paths(&path).chain(servers);
    let found = folders.find_map(|folder| Some(folder.join(program)).filter(|path| path.exists()));
    if found.is_none() {
        skip(program);
    }
    found
}

/// Says that a test is left out for want of something; fails in CI.
pub fn skip(missing: &str) {
    assert!(std::env::var_os("CI").is_none(), "{missing} is missing");
    // Not `eprintln!`, which the test harness keeps to itself when a test passes.
    let line = format!("skipped: a test for want of {missing}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
