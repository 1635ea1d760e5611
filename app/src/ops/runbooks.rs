//! The runbooks of the alerts, in the binary: a notification links here, and whoever reads it should not
//! have to find a repository first. No log-in stands before them; they hold no secret and no figure.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use rust_embed::RustEmbed;

use super::operator::{style_address, wants_page};
use crate::error::AppError;

#[derive(RustEmbed)]
#[folder = "../alerts/runbooks"]
struct Runbooks;

/// Addresses of the panel and of Grafana as runbooks have them: those of the operations guide.
const PANEL: &str = "http://localhost:5002";
const GRAFANA: &str = "http://localhost:3000";

#[derive(Template)]
#[template(path = "operator_runbook.html")]
struct RunbookPage {
    rule: String,
    rendered_runbook: String,
    style: String,
}

/// The runbook of a rule, in Markdown.
pub fn markdown(rule: &str) -> Option<String> {
    let page = Runbooks::get(&format!("{rule}.md"))?;
    String::from_utf8(page.data.into_owned()).ok()
}

/// Where an address in a runbook leads: to this service under whatever name it has here, and to Grafana
/// where its address is set.
pub fn link(url: &str, grafana: Option<&str>) -> Option<String> {
    if let Some(path) = url.strip_prefix(PANEL).filter(|path| path.starts_with('/')) {
        return Some(path.to_owned());
    }
    if let (Some(path), Some(grafana)) = (url.strip_prefix(GRAFANA), grafana) {
        return Some(format!("{}{path}", grafana.trim_end_matches('/')));
    }
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    is_web.then(|| url.to_owned())
}

/// `GET /runbooks/{alert}`: a page for browsers, Markdown for everything else. The state is the address
/// of Grafana.
pub async fn get(
    State(grafana): State<Option<String>>,
    Path(alert): Path<String>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    // Pages link to each other by the names of their files.
    let rule = alert.trim_end_matches(".md");
    let text = markdown(rule).ok_or(AppError::NotFound)?;
    if !wants_page(&headers) {
        return Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response());
    }
    let to = |url: &str| match url.strip_suffix(".md").filter(|name| !name.contains('/')) {
        Some(name) => Some(format!("/runbooks/{name}")),
        None => link(url, grafana.as_deref()),
    };
    // The page has the name of the rule as its heading.
    let text = text.split_once('\n').map_or("", |(_, rest)| rest);
    let rendered_runbook = admin::markdown_page(text, to);
    let page = RunbookPage { rule: rule.to_owned(), rendered_runbook, style: style_address() };
    Ok(Html(page.render()?).into_response())
}
