//! URL parameters. Every input is accepted: invalid values fall back to the default, the last of
//! repeated parameters counts, and the query parser handles invalid queries.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use logsearch::fields;
use logsearch::query::Field;

use super::links::{Links, Place, TableOrder, View};
use super::time::{self, End};
use super::window::Window;

/// Auto-refresh intervals in seconds.
pub const REFRESHES: [u32; 4] = [5, 10, 30, 60];
/// Maximum number of columns.
const MAX_COLUMNS: usize = 12;

/// Most characters of a time that could not be read are shown again.
const MAX_TYPED: usize = 60;

/// Parameters as name and value pairs, in order.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl Params {
    /// Parses a query string or a form body.
    pub fn parse(text: &str) -> Self {
        Self(serde_urlencoded::from_str(text).unwrap_or_default())
    }

    /// The value of a parameter, unless it is missing or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// The value of a parameter, even if it is empty.
    pub fn raw(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// All names and values, in order.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// Auto-refresh interval in seconds; one of [`REFRESHES`], or 0.
    fn refresh(&self) -> u32 {
        let wanted = self.get("refresh").and_then(|text| text.parse().ok());
        wanted.filter(|seconds| REFRESHES.contains(seconds)).unwrap_or(0)
    }

    fn orders(&self) -> Vec<TableOrder> {
        self.get("by").map(TableOrder::parse_all).unwrap_or_default()
    }

    /// Reads the time window.
    pub(crate) fn window(&self, now: i64) -> Window {
        Window::parse(self.get("from"), self.get("to"), now)
    }

    /// Ends of the window that cannot be read.
    fn misread(&self, now: i64) -> [Option<String>; 2] {
        [("from", End::From), ("to", End::To)].map(|(name, end)| {
            let text = self.get(name)?;
            time::parse(text, end, now).is_none().then(|| text.chars().take(MAX_TYPED).collect())
        })
    }

    /// Reads window, auto-refresh and orders of tables only, for pages that list no records.
    pub(crate) fn frame(&self, now: i64) -> View {
        self.frame_of(self.window(now))
    }

    /// The view of a page whose window begins elsewhere by default, such as `7d` ago.
    pub(crate) fn frame_from(&self, default: &str, now: i64) -> View {
        let window = self.window(now);
        let implied = Window { is_implied: true, ..Window::parse(Some(default), None, now) };
        self.frame_of(if window.is_implied { implied } else { window })
    }

    /// The view of a page that chooses its own window.
    pub(crate) fn frame_of(&self, window: Window) -> View {
        View {
            refresh: self.refresh(),
            orders: self.orders(),
            misread: self.misread(window.now),
            ..View::of(window)
        }
    }

    /// Reads the complete view.
    pub(crate) fn view(&self, now: i64) -> View {
        let place = |name| self.get(name).and_then(Links::parse_event_id);
        let (older, newer) = (place("older"), place("newer"));
        View {
            q: self.get("q").unwrap_or_default().trim().to_owned(),
            window: self.window(now),
            cols: self.get("cols").map(columns),
            sort: self.get("sort").unwrap_or_default().to_owned(),
            place: match (older, newer) {
                (Some(at), _) => Place::Older(at),
                (None, Some(at)) => Place::Newer(at),
                (None, None) => Place::Start,
            },
            tail: self.get("tail").is_some(),
            fields: self.get("fields").map(str::trim).unwrap_or_default().to_owned(),
            refresh: self.refresh(),
            orders: self.orders(),
            misread: self.misread(now),
        }
    }
}

/// Parses column names: known or dotted fields, deduplicated, by their short names.
fn columns(text: &str) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for field in text.split(',').filter_map(|name| Field::parse(name.trim())) {
        let name = short_name(&field.name);
        if !columns.contains(&name) && columns.len() < MAX_COLUMNS {
            columns.push(name);
        }
    }
    columns
}

/// The short name of a field, as typed in queries.
pub fn short_name(canonical: &str) -> String {
    let known = fields::definition(canonical);
    known.map_or_else(|| Field::of(canonical).typed, |known| known.short_name().to_owned())
}

/// The canonical name of a field for its short name.
pub fn canonical_name(typed: &str) -> String {
    Field::parse(typed).map_or_else(|| typed.to_owned(), |field| field.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_is_a_view() {
        for text in ["", "q=a&q=b", "q=%ff&from=x", "older=1&newer=2-3", "cols=,,a b,,", "&&=&=&"] {
            Params::parse(text).view(0);
        }
        let view = Params::parse("q=a&q=+b+&cols=route,http.route,ms,x.y").view(0);
        assert_eq!(view.q, "b");
        assert_eq!(view.cols, Some(vec!["route".to_owned(), "x.y".to_owned()]));
    }
}
