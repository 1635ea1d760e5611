//! Files in the binary: style, script, icon. There is no file system behind `/static`.

use axum::extract::{Path, RawQuery};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use rust_embed::RustEmbed;

use crate::error::AppError;

#[derive(RustEmbed)]
#[folder = "assets"]
struct Assets;

/// The address of an asset, which changes with its content, so that browsers may keep it for ever.
pub fn url(name: &str) -> String {
    match Assets::get(name) {
        Some(file) => format!("/static/{name}?v={}", hash(&file)),
        None => format!("/static/{name}"),
    }
}

/// `GET /static/{name}`.
pub async fn get(
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let file = Assets::get(&name).ok_or(AppError::NotFound)?;
    let etag = format!("\"{}\"", hash(&file));
    let is_versioned = query.is_some_and(|query| query == format!("v={}", hash(&file)));
    let cache =
        if is_versioned { "public, max-age=31536000, immutable" } else { "public, no-cache" };
    let fixed = [(CACHE_CONTROL, cache.to_owned()), (ETAG, etag.clone())];
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    Ok((fixed, [(CONTENT_TYPE, content_type(&name))], file.data).into_response())
}

/// `GET /favicon.ico`, which browsers ask for unasked.
pub async fn favicon(headers: HeaderMap) -> Result<Response, AppError> {
    get(Path("icon.svg".to_owned()), RawQuery(None), headers).await
}

/// `GET /robots.txt`: everything may be read.
pub async fn robots() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], "User-agent: *\nAllow: /\n")
}

fn hash(file: &rust_embed::EmbeddedFile) -> String {
    let digest = file.metadata.sha256_hash();
    let start = u64::from_be_bytes(std::array::from_fn(|at| digest[at]));
    format!("{:012x}", start >> 16)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
