//! The color theme: as the browser prefers, until the operator chooses one, which is stored in a
//! cookie.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

/// The name of the cookie, and of the field in the form that sets it.
pub const NAME: &str = "theme";

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split("; ")).filter_map(|one| one.split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// The color theme of the panel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Follows the browser's preference.
    #[default]
    Auto,
    /// Light theme.
    Light,
    /// Dark theme.
    Dark,
}

impl Theme {
    const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The name used in forms, the cookie and markup.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Parses a name; unknown names are `Auto`.
    pub fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.as_str() == name).unwrap_or_default()
    }

    /// Reads the theme from the request's cookies.
    pub fn of(headers: &HeaderMap) -> Self {
        cookie(headers, NAME).map_or_else(Self::default, Self::parse)
    }

    /// The name of the chosen theme; `None` for `Auto`.
    pub fn chosen(self) -> Option<&'static str> {
        (self != Self::Auto).then(|| self.as_str())
    }

    /// All names, each with whether it is the current one.
    pub fn choices(self) -> [(&'static str, bool); 3] {
        Self::ALL.map(|theme| (theme.as_str(), theme == self))
    }

    /// The value of `color-scheme` for the browser's own controls.
    pub fn schemes(self) -> &'static str {
        match self {
            Self::Auto => "light dark",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_cookie_chooses_nothing() {
        let theme =
            |cookie: &str| Theme::of(&HeaderMap::from_iter([(COOKIE, cookie.parse().unwrap())]));
        assert_eq!(theme("a=b; theme=dark; c=d"), Theme::Dark);
        assert_eq!(theme("theme=light"), Theme::Light);
        assert_eq!([theme("theme=\"><x"), theme("xtheme=dark"), theme("theme")], [Theme::Auto; 3]);
    }
}
