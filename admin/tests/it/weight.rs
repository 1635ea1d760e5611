//! What pages weigh as they are sent.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::harness::App;

/// All assets together, our own modules, and a page of a hundred records, in bytes.
const ASSETS: usize = 60 * 1024;
const MODULES: usize = 15 * 1024;
const PAGE: usize = 40 * 1024;

/// The length at the lowest level of gzip, which is what a service can afford.
fn gzip(bytes: &[u8]) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().len()
}

#[test]
fn assets_are_light() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets");
    let (mut all, mut own) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let weight = gzip(&std::fs::read(&path).unwrap());
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("css" | "js" | "svg")) {
            all += weight;
        }
        if extension == Some("js") && !name.starts_with("uplot") {
            own += weight;
        }
    }
    assert!(own > 1_000 && own < MODULES, "{own} bytes of modules");
    assert!(all < ASSETS, "{all} bytes of assets");
}

#[tokio::test]
async fn a_page_of_a_hundred_records_is_light() {
    let app = App::with_log(3_000).await;
    let page = app.get("/ops/logs?from=24h").await.text;
    assert_eq!(page.matches("<tr class=\"record ").count(), 100);
    let weight = gzip(page.as_bytes());
    assert!(weight < PAGE, "{weight} bytes");
}
