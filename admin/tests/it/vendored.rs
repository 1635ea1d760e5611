//! What browsers are given: copied files as their makers published them, and all of it in few bytes.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// Bytes of all assets, and of the scripts that are our own, both compressed.
const ALL: usize = 60 * 1024;
const OWN_SCRIPTS: usize = 15 * 1024;

fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets")
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())
        })
        .collect()
}

fn compressed(bytes: &[u8]) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().len()
}

#[test]
fn copied_files_are_what_the_lock_file_says_and_no_other_is_there() {
    let mut files = files(&assets().join("vendor"));
    let lock = String::from_utf8(files.remove("vendor.lock").unwrap()).unwrap();
    let locked: BTreeMap<&str, &str> = lock
        .lines()
        .map(|line| line.split_once("  ").unwrap())
        .map(|(hash, name)| (name, hash))
        .collect();
    assert!(locked.len() >= 2, "{lock}");
    assert_eq!(locked.len(), files.len());
    for (name, bytes) in &files {
        let digits =
            Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
        let hash = digits.concat();
        assert_eq!(locked.get(name.as_str()).copied(), Some(hash.as_str()), "{name}");
    }
}

#[test]
fn assets_stay_small() {
    let own = files(&assets());
    let scripts = own.iter().filter(|(name, _)| name.split('.').next_back() == Some("js"));
    let scripts: usize = scripts.map(|(_, bytes)| compressed(bytes)).sum();
    assert!(scripts > 1_000 && scripts < OWN_SCRIPTS, "{scripts} bytes of scripts");
    let vendored = files(&assets().join("vendor"));
    let all: usize = own.values().chain(vendored.values()).map(|bytes| compressed(bytes)).sum();
    assert!(all < ALL, "{all} bytes of assets");
}
