//! The question before a change by GET that nobody can prove to come from the site itself. A link of another
//! site, a redirect or an image would otherwise follow somebody or sign the visitor out.

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
struct ConfirmPage {
    visit: Visit,
    question: String,
    /// What the button says.
    change: &'static str,
    /// Where it posts to: the address that was asked for.
    action: String,
    /// Where a visitor goes who did not want it.
    back: String,
}

impl ConfirmPage {
    fn new(visit: Visit, path: &str) -> Self {
        let action = path.to_owned();
        let Some((page, last)) = path.rsplit_once('/').filter(|(page, _)| !page.is_empty()) else {
            let question = "Do you want to sign out?".to_owned();
            return Self { visit, question, change: "Sign out", action, back: "/".to_owned() };
        };
        let name = page.rsplit('/').next().unwrap_or_default();
        let name = percent_decode_str(name).decode_utf8_lossy();
        let (verb, change) =
            if last == "follow" { ("follow", "Follow") } else { ("unfollow", "Unfollow") };
        let question = format!("Do you want to {verb} {}?", links::shown(&name));
        Self { visit, question, change, action, back: page.to_owned() }
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
