//! What pages weigh as they are sent.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::harness::App;

/// All assets together, our own modules, and a page of a hundred records, in bytes.
const ASSETS: usize = 30 * 1024;
const MODULES: usize = 15 * 1024;
const PAGE: usize = 40 * 1024;

/// The length at the lowest level of gzip, which is what a service can afford.
fn gzip(bytes: &[u8]) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().len()
}

/// What the assets of a folder weigh.
fn weight(folder: &str, extensions: &[&str]) -> usize {
    let folder = format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"));
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_asset = |path: &std::path::PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension))
    };
    paths.filter(is_asset).map(|path| gzip(&std::fs::read(path).unwrap())).sum()
}

#[test]
fn assets_are_light() {
    let own = weight("assets", &["js"]);
    assert!(own > 1_000 && own < MODULES, "{own} bytes of modules");
    let kinds = ["css", "js", "svg"];
    let all = weight("assets", &kinds);
    assert!(all < ASSETS, "{all} bytes of assets");
}

#[tokio::test]
async fn a_page_of_a_hundred_records_is_light() {
    let app = App::with_log(3_000).await;
    let answer = app.get("/ops/logs?from=24h").await;
    assert_eq!(answer.page().all("tr.record").len(), 100);
    let weight = gzip(answer.text.as_bytes());
    assert!(weight < PAGE, "{weight} bytes");
}
