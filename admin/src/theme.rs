//! Light or dark: as the browser says, until somebody chooses, which a cookie keeps.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::response::{IntoResponse, Redirect, Response};

use crate::change::Own;
use crate::panel::Panel;

/// Where the choice is sent.
pub const PATH: &str = "/theme";
const NAME: &str = "theme";
/// A year.
const MAX_AGE: u32 = 365 * 24 * 3_600;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the browser says.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// As forms, cookie and markup name it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// By its name; whatever else is the browser's business.
    fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.as_str() == name).unwrap_or_default()
    }

    /// What the cookies of a request say.
    pub fn of(headers: &HeaderMap) -> Self {
        let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            texts.flat_map(|text| text.split("; ")).filter_map(|one| one.split_once('='));
        pairs.find(|(name, _)| *name == NAME).map_or_else(Self::default, |(_, is)| Self::parse(is))
    }

    /// The choice, if there was one.
    pub fn chosen(self) -> Option<&'static str> {
        (self != Self::Auto).then(|| self.as_str())
    }

    /// All names, and which it is.
    pub fn choices(self) -> [(&'static str, bool); 3] {
        Self::ALL.map(|theme| (theme.as_str(), theme == self))
    }

    /// What the browser may draw by itself, in the words of `color-scheme`.
    pub fn schemes(self) -> &'static str {
        match self {
            Self::Auto => "light dark",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// `POST /theme`: keeps the choice and goes back to the page it was made on.
pub async fn choose(State(panel): State<Arc<Panel>>, own: Own) -> Response {
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

    #[test]
    fn a_foreign_cookie_chooses_nothing() {
        let theme =
            |cookie: &str| Theme::of(&HeaderMap::from_iter([(COOKIE, cookie.parse().unwrap())]));
        assert_eq!(theme("a=b; theme=dark; c=d"), Theme::Dark);
        assert_eq!(theme("theme=light"), Theme::Light);
        assert_eq!([theme("theme=\"><x"), theme("xtheme=dark"), theme("theme")], [Theme::Auto; 3]);
    }
}
