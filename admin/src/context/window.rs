//! The time window shared by all pages: two parameters, relative to now or absolute.

use std::fmt;

use logsearch::store::TimeRange;

use super::time::{self, End};
use crate::format::{self, SECOND, rfc3339_short};

/// Windows offered in the menu.
pub const PRESETS: [&str; 8] = ["5m", "15m", "1h", "3h", "12h", "24h", "7d", "30d"];

/// 30 days in microseconds.
const MONTH: i64 = 30 * 86_400 * SECOND;

/// One end of a time window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// This many microseconds before now.
    Ago(i64),
    /// An absolute time in microseconds since the Unix epoch.
    At(i64),
}

impl Bound {
    /// The absolute time, for the given current time.
    pub fn resolve(self, now: i64) -> i64 {
        match self {
            Self::Ago(ago) => now.saturating_sub(ago),
            Self::At(at) => at,
        }
    }
}

impl fmt::Display for Bound {
    /// Writes the bound as a URL parameter.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ago = match self {
            Self::At(at) => return formatter.write_str(&rfc3339_short(*at)),
            Self::Ago(0) => return formatter.write_str("now"),
            Self::Ago(ago) => ago / SECOND,
        };
        match ago {
            ago if ago % 86_400 == 0 && ago > 86_400 => write!(formatter, "{}d", ago / 86_400),
            ago if ago % 3_600 == 0 => write!(formatter, "{}h", ago / 3_600),
            ago if ago % 60 == 0 => write!(formatter, "{}m", ago / 60),
            ago => write!(formatter, "{ago}s"),
        }
    }
}

/// A time window, resolved at a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Start of the window, inclusive.
    pub from: Bound,
    /// End of the window, exclusive.
    pub to: Bound,
    /// The time at which relative bounds are resolved, in microseconds since the Unix epoch.
    pub now: i64,
    /// Whether a bound could not be parsed and was replaced by the default.
    pub is_misread: bool,
    /// Whether the address names none, so that links leave it out and every page has its own default.
    pub is_implied: bool,
}

/// The default window: the last hour.
const DEFAULT: Bound = Bound::Ago(3_600 * SECOND);

impl Window {
    /// Parses the parameters. Invalid bounds fall back to the default; empty and reversed windows
    /// are corrected.
    pub fn parse(from: Option<&str>, to: Option<&str>, now: i64) -> Self {
        let [from, to] = [from, to].map(|text| text.filter(|text| !text.is_empty()));
        let window = Self::read(from, to, now);
        let is_reversed = window.from.resolve(now) > window.to.resolve(now);
        if is_reversed { Self::read(to.or(Some("now")), from, now) } else { window }
    }

    fn read(from: Option<&str>, to: Option<&str>, now: i64) -> Self {
        let ends = [(from, End::From), (to, End::To)];
        let [first, last] = ends.map(|(text, end)| time::parse(text?, end, now));
        Self {
            from: first.unwrap_or(DEFAULT),
            to: last.unwrap_or(Bound::Ago(0)),
            now,
            is_misread: (from.is_some() && first.is_none()) || (to.is_some() && last.is_none()),
            is_implied: [first, last] == [None, None],
        }
    }

    /// An absolute window.
    pub fn absolute(from: i64, to: i64, now: i64) -> Self {
        let (from, to) = (Bound::At(from.min(to)), Bound::At(to.max(from)));
        Self { from, to, now, is_misread: false, is_implied: false }
    }

    /// Whether both windows have the same ends.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.from, self.to) == (other.from, other.to)
    }

    /// Whether the window ends now.
    pub fn is_live(&self) -> bool {
        self.to == Bound::Ago(0)
    }

    /// The range to search, at least one microsecond long.
    pub fn range(&self) -> TimeRange {
        let from = self.from.resolve(self.now);
        // A live window includes what was recorded in this very microsecond.
        let to = self.to.resolve(self.now).saturating_add(i64::from(self.is_live()));
        TimeRange { from, to: to.max(from.saturating_add(1)) }
    }

    /// The range to look up items outside of the window, so that moving the window never breaks a
    /// page: from 30 days before its end to the future.
    pub fn surroundings(&self) -> TimeRange {
        let to = self.range().to;
        TimeRange { from: to.saturating_sub(MONTH), to: to.max(self.now) }
    }

    /// The length of the window in microseconds.
    pub fn length(&self) -> i64 {
        let range = self.range();
        range.to.saturating_sub(range.from)
    }

    /// The same window with fixed ends, so that a link shows the same tomorrow.
    #[must_use]
    pub fn pinned(&self) -> Self {
        let range = self.range();
        Self::absolute(range.from, range.to, self.now)
    }

    /// The window moved by half its length, later or earlier.
    #[must_use]
    pub fn shifted(&self, later: bool) -> Self {
        let (range, half) = (self.range(), self.length() / 2);
        let by = if later { half } else { -half };
        Self::absolute(range.from.saturating_add(by), range.to.saturating_add(by), self.now)
    }

    /// The window of the same length that ends where this one begins.
    #[must_use]
    pub fn preceding(&self) -> Self {
        let from = self.from.resolve(self.now);
        let length = self.to.resolve(self.now).saturating_sub(from).max(SECOND);
        Self::absolute(from.saturating_sub(length), from, self.now)
    }

    /// A window three times as long, with the same center, or up to now for a live window.
    #[must_use]
    pub fn wider(&self) -> Self {
        let length = self.length();
        if self.is_live() {
            let length = length.saturating_mul(3) / (60 * SECOND) * (60 * SECOND);
            let from = Bound::Ago(length.max(60 * SECOND));
            return Self { from, is_implied: false, ..*self };
        }
        let range = self.range();
        Self::absolute(range.from.saturating_sub(length), range.to.saturating_add(length), self.now)
    }

    /// The label in the menu: `last 15m`, or both bounds.
    pub fn label(&self) -> String {
        if self.is_live() && matches!(self.from, Bound::Ago(_)) {
            return format!("last {}", self.from);
        }
        let range = self.range();
        let same_day = format::day_number(range.from) == format::day_number(range.to);
        let (from, to) = (format::date_time(range.from), format::date_time(range.to));
        if same_day {
            let time = to.split(' ').nth(1).unwrap_or_default();
            return format!("{from} – {time}");
        }
        format!("{from} – {to}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000_000;

    #[test]
    fn a_bound_reads_back_from_its_parameter() {
        for bound in
            [0, 1, 90, 3_600, 5_400, 86_400, 7 * 86_400].map(|ago| Bound::Ago(ago * SECOND))
        {
            assert_eq!(time::parse(&bound.to_string(), End::From, NOW), Some(bound), "{bound}");
        }
        for bound in [0, NOW, NOW + 1, NOW + SECOND / 2].map(Bound::At) {
            assert_eq!(time::parse(&bound.to_string(), End::To, NOW), Some(bound), "{bound}");
        }
    }

    #[test]
    fn a_reversed_or_unreadable_window_is_put_right() {
        let window = Window::parse(Some("now"), Some("1h"), NOW);
        assert_eq!((window.from, window.to), (Bound::Ago(3_600 * SECOND), Bound::Ago(0)));
        let misread = Window::parse(Some("nonsense"), None, NOW);
        assert!(misread.is_implied && misread.is_same(&Window::parse(Some("1h"), None, NOW)));
        let days = Window::parse(Some("today"), Some("yesterday"), NOW).range();
        assert_eq!((days.to - days.from) % SECOND, 1, "from yesterday to now");
        let range = Window::parse(Some("5"), Some("5"), NOW).range();
        assert!(range.from < range.to);
    }

    #[test]
    fn moving_keeps_the_length_and_widening_contains() {
        let window = Window::parse(Some("1h"), None, NOW).pinned();
        assert_eq!(window.shifted(false).length(), window.length());
        let wide = window.wider().range();
        assert!(wide.from < window.range().from && wide.to > window.range().to);
    }
}
