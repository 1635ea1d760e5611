//! Which records are wanted, as a filter for one layer that can be changed while the program runs, for a
//! time if wished. It looks at target and level only; looking at values is what queries are for.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, RwLock};
use tracing::dispatcher::{self, Dispatch, WeakDispatch};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, callsite};
use tracing_subscriber::layer::{Context, Filter};

use crate::record::Level;

/// Levels by target, such as `info,minitwit::db=debug,hyper=off`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    default: LevelFilter,
    /// Longest target first, so that the first that fits is the closest.
    targets: Vec<(String, LevelFilter)>,
}

/// The target of audit records.
const AUDIT: &str = "audit";

/// A directive that would do nothing, or not what it seems to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{directive}` {reason}; allowed are a level for everything and `target=level`, separated by commas, such \
     as `info,minitwit::db=debug`; levels are off, error, warn, info, debug, trace"
)]
pub struct LevelsError {
    directive: String,
    reason: &'static str,
}

impl Levels {
    /// Reads levels: parts with a comma between, each a level for everything or `target=level` for a
    /// module and all below it. Without a level for everything it is `info`.
    ///
    /// # Errors
    /// When a part is neither, has a target that no module can have, or says the same as another.
    pub fn parse(text: &str) -> Result<Self, LevelsError> {
        let mut levels = Self { default: LevelFilter::INFO, targets: Vec::new() };
        let mut seen: Vec<&str> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let refused = |reason| LevelsError { directive: part.to_owned(), reason };
            let (target, level) = match part.split_once('=') {
                Some((target, level)) => (target.trim(), level.trim()),
                None => ("", part),
            };
            if part.contains('=') && !is_target(target) {
                return Err(refused("names no target"));
            }
            let level = named_level(level).ok_or_else(|| refused("names no level"))?;
            if seen.contains(&target) {
                return Err(refused("is about what another part is about"));
            }
            seen.push(target);
            levels.set(target, level);
        }
        Ok(levels)
    }

    fn set(&mut self, target: &str, level: LevelFilter) {
        if target.is_empty() {
            self.default = level;
            return;
        }
        self.targets.push((target.to_owned(), level));
        self.targets.sort_by(|(left, _), (right, _)| {
            right.len().cmp(&left.len()).then_with(|| left.cmp(right))
        });
    }

    /// The level for a target. What was done by whom is recorded at `info` at least, unless its target
    /// is named: whoever turns everything off leaves a trace of it.
    pub fn of(&self, target: &str) -> LevelFilter {
        let fits = |root: &str| {
            let rest = target.strip_prefix(root);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        let found = self.targets.iter().find(|(root, _)| fits(root));
        let least = if target == AUDIT { LevelFilter::INFO } else { LevelFilter::OFF };
        found.map_or(self.default.max(least), |(_, level)| *level)
    }

    /// The most verbose level that any target has.
    pub(crate) fn most_verbose(&self) -> LevelFilter {
        let least = self.of(AUDIT);
        self.targets.iter().map(|(_, level)| *level).fold(self.default.max(least), Ord::max)
    }
}

/// Whether a module can have this name, or code give it to its events: names with `::` between.
fn is_target(text: &str) -> bool {
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.split("::").all(is_name)
}

fn named_level(text: &str) -> Option<LevelFilter> {
    let is_named = text.bytes().all(|byte| byte.is_ascii_alphabetic());
    // Nothing at all, and a number, would be read as a level as well.
    text.parse().ok().filter(|_| is_named && !text.is_empty())
}

impl fmt::Display for Levels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.default)?;
        for (target, level) in &self.targets {
            write!(formatter, ",{target}={level}")?;
        }
        Ok(())
    }
}

/// A per-layer filter: `layer.with_filter(filter)`. Clones are the same filter.
#[derive(Clone, Debug)]
pub struct LevelControl {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    current: RwLock<Levels>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// The configured levels, restored when a temporary change ends.
    usual: Levels,
    until: Option<Instant>,
    /// A thread waits for the end of that time.
    waiting: bool,
}

impl LevelControl {
    /// A filter that starts with these levels.
    pub fn new(levels: Levels) -> Self {
        let state = State { usual: levels.clone(), until: None, waiting: false };
        let shared = Shared {
            current: RwLock::new(levels),
            state: Mutex::new(state),
            changed: Condvar::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The current levels.
    pub fn levels(&self) -> Levels {
        self.shared.current.read().clone()
    }

    /// How long they still hold; `None` when until further notice.
    pub fn remaining(&self) -> Option<Duration> {
        let until = self.shared.state.lock().until?;
        Some(until.saturating_duration_since(Instant::now()))
    }

    /// Changes the levels until further notice.
    pub fn set(&self, levels: Levels) {
        let mut state = self.shared.state.lock();
        state.usual = levels.clone();
        state.until = None;
        self.shared.changed.notify_all();
        self.shared.apply(levels);
    }

    /// Changes the levels for a time; then what held until further notice holds again. A second call
    /// replaces the first. An error means that nothing was changed.
    pub fn set_for(&self, levels: Levels, time: Duration) -> std::io::Result<()> {
        let mut state = self.shared.state.lock();
        if !state.waiting {
            let shared = Arc::clone(&self.shared);
            // Whoever changes the levels hears of their end; holding it would keep a filter that its
            // own subscriber holds.
            let dispatch = dispatcher::get_default(Dispatch::downgrade);
            let thread = std::thread::Builder::new().name("log-levels".to_owned());
            thread.spawn(move || {
                if let Some(levels) = shared.wait_and_revert() {
                    tell_of_revert(&dispatch, &levels);
                }
            })?;
            state.waiting = true;
        }
        state.until = Some(Instant::now() + time);
        self.shared.changed.notify_all();
        self.shared.apply(levels);
        Ok(())
    }
}

impl Shared {
    fn apply(&self, levels: Levels) {
        *self.current.write() = levels;
        // Every place in the code remembers whether it is wanted; this makes them ask again.
        callsite::rebuild_interest_cache();
    }

    /// A thread of its own: filters are not asked while nothing happens, and what is off never asks.
    /// Returns the levels that hold again, or nothing when somebody set others meanwhile.
    fn wait_and_revert(&self) -> Option<Levels> {
        let mut state = self.state.lock();
        let mut reverted = None;
        while let Some(until) = state.until {
            if Instant::now() >= until {
                state.until = None;
                self.apply(state.usual.clone());
                reverted = Some(state.usual.clone());
            } else {
                self.changed.wait_until(&mut state, until);
            }
        }
        state.waiting = false;
        reverted
    }
}

/// An audit record in the name of nobody: the time that somebody had asked for is over.
fn tell_of_revert(dispatch: &WeakDispatch, levels: &Levels) {
    let Some(dispatch) = dispatch.upgrade() else { return };
    dispatcher::with_default(&dispatch, || {
        tracing::info!(
            target: AUDIT,
            { event.action = "levels.revert", user.name = "system", logs.levels = %levels },
            "restored the configured log levels"
        );
    });
}

impl<S> Filter<S> for LevelControl {
    fn enabled(&self, metadata: &Metadata<'_>, _context: &Context<'_, S>) -> bool {
        self.passes(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.passes(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.most_verbose())
    }
}

impl LevelControl {
    /// Whether records of this level and target are wanted at the moment.
    pub(crate) fn wants(&self, level: Level, target: &str) -> bool {
        LevelFilter::from(level) <= self.shared.current.read().of(target)
    }

    /// The most verbose level that any target has at the moment.
    pub(crate) fn most_verbose(&self) -> LevelFilter {
        self.shared.current.read().most_verbose()
    }

    fn passes(&self, metadata: &Metadata<'_>) -> bool {
        self.wants(Level::from(metadata.level()), metadata.target())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_target_decides() {
        let levels = Levels::parse("warn, app=info, app::db=trace , hyper=off").expect("valid");
        assert_eq!(levels.of("app::db::users"), LevelFilter::TRACE);
        assert_eq!(levels.of("app::dbx"), LevelFilter::INFO);
        assert_eq!(levels.of("application"), LevelFilter::WARN);
        assert_eq!(levels.of("hyper"), LevelFilter::OFF);
        assert_eq!(levels.most_verbose(), LevelFilter::TRACE);
        assert_eq!(Levels::parse(&levels.to_string()), Ok(levels));
    }

    #[test]
    fn audit_records_pass_unless_their_target_is_named() {
        let of = |text: &str| Levels::parse(text).expect("valid").of("audit");
        assert_eq!(of("off"), LevelFilter::INFO);
        assert_eq!(of("debug,app=off"), LevelFilter::DEBUG);
        assert_eq!(of("info,audit=off"), LevelFilter::OFF);
    }

    #[test]
    fn a_part_that_would_do_nothing_is_refused_with_what_is_allowed() {
        for text in [
            "loud",
            "app=loud",
            "=info",
            "app=",
            "app",
            "3",
            "app=3",
            "info,[http.server.request]=debug",
            "app[span]=debug",
            "app[{user=a}]=debug",
            "*=debug",
            "app::*=debug",
            "info;app=debug",
            "info app=debug",
            "app:db=debug",
            "app::=debug",
            "::app=debug",
            "app/db=debug",
            "app.db=debug",
            "app =db=debug",
            "\"app=debug\"",
            "app=debug=trace",
            "info,debug",
            "app=info,app=debug",
        ] {
            let error = Levels::parse(text).expect_err(text).to_string();
            assert!(error.contains("`target=level`") && error.contains("trace"), "{error}");
        }
        assert_eq!(Levels::parse("").expect("valid").of("any"), LevelFilter::INFO);
        assert_eq!(Levels::parse(" , WARN ,").expect("valid").of("any"), LevelFilter::WARN);
    }
}
