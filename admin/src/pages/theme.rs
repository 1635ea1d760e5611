//! Handlers of the forms that choose the theme and the time zone; each choice is stored in a cookie.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};

use crate::access::forms::OwnForm;
use crate::access::theme::{NAME, Theme};
use crate::access::zone;
use crate::context::panel::Panel;
use crate::format::zone::find;

/// How long the choice is kept, in seconds: a year.
const MAX_AGE: u32 = 365 * 24 * 3_600;

/// `POST /theme`: stores the choice and redirects back.
pub async fn choose(State(panel): State<Arc<Panel>>, own: OwnForm) -> Response {
    let theme = Theme::parse(own.form.get(NAME).unwrap_or_default());
    remember(&panel, &own, NAME, theme.as_str())
}

/// `POST /zone`: stores the time zone and redirects back; UTC if there is none of that name.
pub async fn choose_zone(State(panel): State<Arc<Panel>>, own: OwnForm) -> Response {
    let zone = own.form.get(zone::NAME).and_then(find);
    let name = zone.as_ref().and_then(|zone| zone.iana_name()).unwrap_or("UTC");
    remember(&panel, &own, zone::NAME, name)
}

/// Stores a choice in a cookie and leads back to the page with the form.
fn remember(panel: &Panel, own: &OwnForm, name: &str, value: &str) -> Response {
    let base = panel.links.base();
    let cookie = format!("{name}={value}; Path={base}; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax");
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
