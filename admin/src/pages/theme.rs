//! Handler of the theme form; the choice is stored in a cookie.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};

use crate::access::forms::OwnForm;
use crate::access::theme::{NAME, Theme};
use crate::context::panel::Panel;

/// How long the choice is kept, in seconds: a year.
const MAX_AGE: u32 = 365 * 24 * 3_600;

/// `POST /theme`: stores the choice and redirects back.
pub async fn choose(State(panel): State<Arc<Panel>>, own: OwnForm) -> Response {
    let theme = Theme::parse(own.form.get(NAME).unwrap_or_default());
    let base = panel.links.base();
    let cookie = format!(
        "{NAME}={}; Path={base}; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax",
        theme.as_str()
    );
    let back = own.form.get("back").filter(|back| is_page(base, back)).unwrap_or(base);
    ([(SET_COOKIE, cookie)], Redirect::to(back)).into_response()
}

/// Whether that is an address below the prefix, as the form has it: nobody is led elsewhere by it.
fn is_page(base: &str, back: &str) -> bool {
    let is_plain = back.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let rest = back.strip_prefix(base.trim_end_matches('/'));
    let is_below = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    is_plain && is_below && !back.starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_leads_back_into_the_panel_alone() {
        for back in ["/ops", "/ops/logs", "/ops/logs?q=level:error&from=15m", "/ops?from=1h"] {
            assert!(is_page("/ops", back), "{back}");
        }
        for back in ["", "/", "/opsx", "//evil", "https://evil/ops", "/ops/\\evil", "/ops\r\nx: y"]
        {
            assert!(!is_page("/ops", back), "{back}");
        }
        assert!(is_page("/", "/logs") && !is_page("/", "//evil"));
    }
}
