//! The question before a change: before one by GET that nobody can prove to come from the site itself, where a
//! link of another site, a redirect or an image would otherwise follow somebody or sign the visitor out; and
//! before one that cannot be undone.

use askama::Template;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;

use super::render::render;
use crate::links;
use crate::middleware::security::{changes_by_get, is_unproven};
use crate::middleware::session::Visit;

#[derive(Template)]
#[template(path = "confirm.html")]
pub(super) struct ConfirmPage {
    pub(super) visit: Visit,
    pub(super) question: String,
    /// Why it is asked.
    pub(super) explanation: &'static str,
    /// What it is about, as somebody wrote it.
    pub(super) quote: Option<String>,
    /// What the button says.
    pub(super) change: &'static str,
    /// Where it posts to.
    pub(super) action: String,
    /// Where a visitor goes who did not want it.
    pub(super) back: String,
}

/// Why a change by GET is asked about.
const UNPROVEN: &str = "Your browser does not say whether MiniTwit or another site sent you here.";

impl ConfirmPage {
    /// Before the change that a path makes by GET.
    fn new(visit: Visit, path: &str) -> Self {
        let unproven = |question, change, back| Self {
            visit,
            question,
            explanation: UNPROVEN,
            quote: None,
            change,
            action: path.to_owned(),
            back,
        };
        let Some((page, last)) = path.rsplit_once('/').filter(|(page, _)| !page.is_empty()) else {
            return unproven("Do you want to sign out?".to_owned(), "Sign out", "/".to_owned());
        };
        let name = page.rsplit('/').next().unwrap_or_default();
        let name = percent_decode_str(name).decode_utf8_lossy();
        let (verb, change) =
            if last == "follow" { ("follow", "Follow") } else { ("unfollow", "Unfollow") };
        let question = format!("Do you want to {verb} {}?", links::shown(&name));
        unproven(question, change, page.to_owned())
    }
}

/// The layer. Who is not signed in has nothing to lose, and what changes by POST has proved its site.
pub async fn ask(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_route = request.extensions().get::<MatchedPath>().is_some();
    let is_asked = is_route && request.method().is_safe() && changes_by_get(path);
    if !is_asked || !is_unproven(request.headers()) {
        return next.run(request).await;
    }
    match request.extensions().get::<Visit>() {
        Some(visit) if visit.user.is_some() => {
            render(&ConfirmPage::new(visit.clone(), path)).into_response()
        }
        _ => next.run(request).await,
    }
}
