//! Style and scripts, in the binary. An address carries a hash over all of them, so browsers may keep it for ever, and a module that imports its neighbor gets the one that
//! belongs to it. There is no file system behind it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::context::error::PanelError;
use crate::context::links::Links;

#[derive(RustEmbed)]
#[folder = "assets"]
struct Assets;

/// Characters of the hash in an address.
const HASH_LENGTH: usize = 12;
/// The style of every page.
const STYLE: &str = "admin.css";

/// The style of the panel, for the host's log-in page, which is outside the guard.
pub fn stylesheet() -> String {
    let file = Assets::get(STYLE);
    file.map_or_else(String::new, |file| String::from_utf8_lossy(&file.data).into_owned())
}

/// A file name for [`stylesheet`] that changes with its content.
pub fn stylesheet_name() -> String {
    format!("{}-{STYLE}", hash())
}

/// Where an asset of that name is, as it is in this program.
pub fn url(links: &Links, name: &str) -> String {
    links.asset(hash(), name)
}

/// A hash over all assets, in hexadecimal digits.
fn hash() -> &'static str {
    static HASH: LazyLock<String> = LazyLock::new(|| {
        let mut hasher = DefaultHasher::new();
        for name in Assets::iter() {
            let digest = Assets::get(&name).map(|file| file.metadata.sha256_hash());
            (name, digest).hash(&mut hasher);
        }
        format!("{:016x}", hasher.finish())[..HASH_LENGTH].to_owned()
    });
    &HASH
}

/// `GET /assets/{hash}/{*name}`. An old hash gets the new content, but not for ever.
pub async fn get(Path((wanted, name)): Path<(String, String)>) -> Result<Response, PanelError> {
    let content_type = content_type(&name).ok_or(PanelError::NotFound)?;
    let file = Assets::get(&name).ok_or(PanelError::NotFound)?;
    let cache =
        if wanted == hash() { "private, max-age=31536000, immutable" } else { "private, no-cache" };
    let headers = [(CACHE_CONTROL, cache), (CONTENT_TYPE, content_type)];
    Ok((headers, file.data).into_response())
}

/// Other files of the folder are about the assets, not assets.
fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => Some("text/css; charset=utf-8"),
        Some("js") => Some("text/javascript; charset=utf-8"),
        Some("svg") => Some("image/svg+xml"),
        _ => None,
    }
}
