//! Light or dark: as the browser says, until somebody chooses, which a cookie keeps.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

/// The name of the cookie, and of the field in the form that sets it.
pub const NAME: &str = "theme";

/// The colors that somebody wants to see the panel in.
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
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// By its name; whatever else is the browser's business.
    pub fn parse(name: &str) -> Self {
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
