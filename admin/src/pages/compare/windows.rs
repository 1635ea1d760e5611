//! The two windows of the page and the parameters that name them: the window of every page is the one after;
//! `before-from` and `before-to` name the other one, and it is as long as the first where one is missing.

use logsearch::store::TimeRange;

use crate::context::links::{Links, View, path};
use crate::context::params::Params;
use crate::context::time::{self, End};
use crate::context::window::{Bound, Window};
use crate::data::two_windows::Pair;
use crate::format::{self, SECOND};

/// The parameters of the window before, as a chart names what a drag sets.
pub const NAMES: &str = "before-from before-to";
const FROM: &str = "before-from";
const TO: &str = "before-to";

/// Both windows.
pub struct Windows {
    pub after: View,
    pub before: View,
    /// Ends of the window before that were chosen, as parameters.
    chosen: [Option<String>; 2],
    /// Ends that could not be read, as they were typed.
    misread: [Option<String>; 2],
}

/// What the form of both windows shows.
pub struct WindowsForm {
    /// What was chosen or typed for the window before; empty where it follows from the other.
    pub before: [String; 2],
    /// What it is then.
    pub implied: [String; 2],
    pub is_misread: bool,
}

impl Windows {
    /// Reads both from the parameters of the page; `frame` has the window after.
    pub fn read(params: &Params, frame: &View) -> Self {
        let after = frame.query(params.get("q").unwrap_or_default().trim());
        let texts = [FROM, TO].map(|name| params.get(name).map(str::to_owned));
        let ends = [(0, End::From), (1, End::To)].map(|(at, end): (usize, End)| {
            time::parse(texts[at].as_deref()?, end, after.window.now)
        });
        let before = before(&after.window, ends);
        let [from, to] = texts;
        let misread = [from.filter(|_| ends[0].is_none()), to.filter(|_| ends[1].is_none())];
        Self {
            before: after.within(before),
            after,
            chosen: ends.map(|end| end.map(|end| end.to_string())),
            misread,
        }
    }

    /// The same with another window before.
    pub fn with_before(&self, window: Window) -> Self {
        Self {
            after: self.after.clone(),
            before: self.after.within(window),
            chosen: [window.from, window.to].map(|end| Some(end.to_string())),
            misread: [None, None],
        }
    }

    /// What is searched.
    pub fn ranges(&self) -> Pair<TimeRange> {
        Pair { before: self.before.window.range(), after: self.after.window.range() }
    }

    /// The parameters of the window before, as far as it was chosen.
    pub fn chosen(&self) -> impl Iterator<Item = (&'static str, String)> {
        let named = [FROM, TO].into_iter().zip(self.chosen.clone());
        named.filter_map(|(name, end)| Some((name, end?)))
    }

    /// The path of the page with the parameters that are its own.
    pub fn path(&self) -> String {
        let chosen: Vec<_> = self.chosen().collect();
        let chosen = chosen.iter().map(|(name, end)| (*name, end.as_str()));
        Links::with_parameters(path::COMPARE, chosen)
    }

    /// The form of both.
    pub fn form(&self) -> WindowsForm {
        let shown = [0, 1].map(|at: usize| {
            self.misread[at].clone().or_else(|| self.chosen[at].clone()).unwrap_or_default()
        });
        let window = self.before.window;
        WindowsForm {
            before: shown,
            implied: [window.from, window.to]
                .map(|end| format::rfc3339_short(end.resolve(window.now) / SECOND * SECOND)),
            is_misread: self.misread.iter().any(Option::is_some),
        }
    }
}

fn before(after: &Window, ends: [Option<Bound>; 2]) -> Window {
    let now = after.now;
    let preceding = after.preceding();
    let length = preceding.length();
    let at = |end: Bound| end.resolve(now);
    match ends {
        [None, None] => preceding,
        [Some(from), None] => Window::absolute(at(from), at(from).saturating_add(length), now),
        [None, Some(to)] => Window::absolute(at(to).saturating_sub(length), at(to), now),
        [Some(from), Some(to)] => {
            let (from, to) = if at(from) > at(to) { (to, from) } else { (from, to) };
            Window { from, to, ..preceding }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_793_491_200_000_000;
    const MINUTE: i64 = 60 * SECOND;

    fn ends(query: &str) -> [i64; 4] {
        let params = Params::parse(query);
        let windows = Windows::read(&params, &params.frame(NOW));
        let Pair { before, after } = windows.ranges();
        [before.from, before.to, after.from, after.to].map(|at| (at - NOW).div_euclid(MINUTE))
    }

    #[test]
    fn before_is_as_long_and_ends_where_after_begins_unless_it_is_named() {
        assert_eq!(ends("from=10m"), [-20, -10, -10, 0]);
        assert_eq!(ends("from=30m&to=20m"), [-40, -30, -30, -20]);
        assert_eq!(ends("from=10m&before-from=1h"), [-60, -50, -10, 0]);
        assert_eq!(ends("from=10m&before-to=1h"), [-70, -60, -10, 0]);
        assert_eq!(ends("from=10m&before-from=1h&before-to=40m"), [-60, -40, -10, 0]);
        assert_eq!(ends("from=10m&before-from=40m&before-to=1h"), [-60, -40, -10, 0], "put right");
        assert_eq!(ends("from=10m&before-from=what"), [-20, -10, -10, 0]);
        assert_eq!(ends("from=now&to=now")[0..2], [-1, 0], "no window is empty");
    }
}
