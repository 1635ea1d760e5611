//! The third-party notice names exactly the packages that the program is built from.

use std::path::Path;
use std::process::Command;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn the_notice_fits_the_lock_file() {
    let output =
        Command::new(root().join(".github/scripts/notice.sh")).arg("--check").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
#[test]
fn the_notice_holds_the_text_of_every_package_in_its_table() {
    let notice = std::fs::read_to_string(root().join(".github/THIRD-PARTY.md")).unwrap();
    let (tables, texts) = notice.split_once("## Texts\n").unwrap();
    let mut named = std::collections::BTreeSet::new();
    for line in texts.lines().filter_map(|line| line.strip_prefix("Used by ")) {
        named.extend(line.trim_end_matches('.').split(", ").map(str::to_owned));
    }
    let rows: Vec<_> = tables.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 100, "{rows:?}");
    for row in rows {
        let cells: Vec<_> = row.split(" | ").collect();
        let package = format!("{} {}", cells[1], cells[2].trim_end_matches(" |"));
        assert!(named.contains(&package), "no licence text for {package}");
    }
}
