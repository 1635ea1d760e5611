//! Figures over time, for charts: samples of the last two hours and minutes of the last days, in memory
//! and now and then as a snapshot on disk. Kept are the series that charts show and not every one of the
//! exposition; counters by their increase, so that intervals of any length add up, restarts included.
//! What was not watched has no row: a gap is a gap, not zero.

mod columns;
pub mod exposition;
mod ring;
mod rollup;
mod row;
mod scrape;
mod series;
mod snapshot;

use std::collections::VecDeque;
use std::io;
use std::path::Path;

pub use columns::{Column, Fold};
pub use rollup::Bucket;
pub use series::{Cardinality, Selector, SeriesKind, TrackedSeries, select};

use crate::format::SECOND;
use columns::Columns;
use ring::Ring;
use rollup::Rollup;
use row::{Row, encode};
use scrape::Scrape;
use snapshot::{Snapshot, SnapshotFile};

/// Length of a rolled-up interval.
pub const MINUTE: i64 = 60 * SECOND;
/// Raw samples kept: two hours at one every ten seconds.
const FINE_ROWS: usize = 720;
/// Minute rows kept: one week.
const MINUTE_ROWS: usize = 7 * 24 * 60;
/// Memory limits of samples and minutes, in bytes.
const FINE_BYTES: usize = 1024 * 1024;
const MINUTE_BYTES: usize = 10 * 1024 * 1024;
/// Maximum number of notices about losses kept for the page.
const NOTICES: usize = 5;

/// The metric history in memory and on disk.
pub struct History {
    columns: Columns,
    scrape: Scrape,
    fine: Ring,
    minutes: Ring,
    rollup: Rollup,
    file: Option<SnapshotFile>,
    /// Whether the last snapshot could not be written.
    is_unsaved: bool,
    /// Sampling interval; after a longer gap it is unknown when counters increased.
    every: i64,
    last: Option<i64>,
    notices: VecDeque<String>,
    bad_lines: u64,
}

/// One interval of a query result.
#[derive(Clone, Debug, Default)]
pub struct Interval {
    /// Start of the interval, in microseconds since the Unix epoch.
    pub start: i64,
    /// Values in the interval.
    pub cells: Bucket,
}

impl History {
    /// Creates an empty history of these series, sampled every `every` microseconds.
    pub fn new(tracks: Vec<TrackedSeries>, every: i64) -> Self {
        Self {
            columns: Columns::default(),
            scrape: Scrape::new(tracks),
            fine: Ring::new(FINE_ROWS, FINE_BYTES),
            minutes: Ring::new(MINUTE_ROWS, MINUTE_BYTES),
            rollup: Rollup::new(MINUTE),
            file: None,
            is_unsaved: false,
            every,
            last: None,
            notices: VecDeque::new(),
            bad_lines: 0,
        }
    }

    /// Loads the snapshot from this directory, created if missing, and saves later ones there. Samples
    /// taken before are dropped. A file that is not a valid snapshot is set aside, with a notice.
    pub fn keep_in(&mut self, directory: &Path) -> io::Result<()> {
        let file = SnapshotFile::new(directory)?;
        if let Some(bytes) = file.read()? {
            if let Some(snapshot) = Snapshot::decode(&bytes) {
                self.restore(snapshot);
            } else {
                let aside = file.set_aside()?.display().to_string();
                tracing::warn!("set a damaged metric history aside as history.damaged");
                self.say(format!("the history was damaged and is set aside in {aside}"));
            }
        }
        self.file = Some(file);
        Ok(())
    }

    fn restore(&mut self, snapshot: Snapshot) {
        self.columns = snapshot.columns;
        self.scrape.forget();
        self.fine = Ring::new(FINE_ROWS, FINE_BYTES);
        self.minutes = Ring::new(MINUTE_ROWS, MINUTE_BYTES);
        self.rollup = Rollup::new(MINUTE);
        for minute in snapshot.minutes {
            self.minutes.push(minute);
        }
        let rolled_up_to = self.minutes.last().map_or(i64::MIN, |row| row.at);
        for sample in snapshot.samples {
            if sample.middle() >= rolled_up_to {
                self.roll_up(&sample);
            }
            self.fine.push(sample);
        }
    }

    /// The encoded history and the file it belongs in; `None` without a directory.
    pub fn snapshot(&self) -> Option<(SnapshotFile, Vec<u8>)> {
        let file = self.file.clone()?;
        Some((file, snapshot::encode(self.columns.all(), &self.fine, &self.minutes)))
    }

    /// Reports, once each, that snapshots cannot be written and that they can be again.
    pub fn saved(&mut self, written: &io::Result<()>) {
        match written {
            Err(error) if !self.is_unsaved => {
                tracing::warn!(error.message = %error, "could not save the metric history");
                self.say(format!("could not save the history, retrying: {error}"));
            }
            Ok(()) if self.is_unsaved => self.say("the history is saved again".to_owned()),
            _ => {}
        }
        self.is_unsaved = written.is_err();
    }

    /// Takes a sample: the text of the exposition and its time. A sample that is not newer than the
    /// last is ignored.
    pub fn observe(&mut self, text: &str, now: i64) {
        let passed = self.last.map(|last| now.saturating_sub(last));
        if passed.is_some_and(|passed| passed <= 0) {
            return;
        }
        if passed.is_some_and(|passed| passed > self.every.saturating_mul(3)) {
            self.scrape.forget();
        }
        let knows_before = self.scrape.knows_before();
        self.last = Some(now);
        let exposition = exposition::parse(text);
        self.bad_lines += exposition.bad_lines;
        let cells = self.scrape.read(&exposition, &mut self.columns);
        let covered = passed.filter(|_| knows_before).unwrap_or(0);
        let row = Row { at: now, covered, cells: encode(&cells) };
        self.roll_up(&row);
        self.fine.push(row);
    }

    fn roll_up(&mut self, row: &Row) {
        if let Some(minute) = self.rollup.add(row, &self.columns) {
            self.minutes.push(minute);
        }
    }

    fn say(&mut self, notice: String) {
        self.notices.push_back(notice);
        if self.notices.len() > NOTICES {
            self.notices.pop_front();
        }
    }

    /// Notices about the history.
    pub fn notices(&self) -> impl Iterator<Item = &str> {
        self.notices.iter().map(String::as_str)
    }

    /// Number of exposition lines that could not be parsed since the process started.
    pub fn bad_lines(&self) -> u64 {
        self.bad_lines
    }

    /// Which columns there are; values of a [`Bucket`] are numbered like them.
    pub fn columns(&self) -> &[Column] {
        self.columns.all()
    }

    /// Time of the first and the last known sample.
    pub fn span(&self) -> Option<(i64, i64)> {
        let first = self.minutes.first().into_iter().chain(self.fine.first());
        let first = first.map(|row| row.at.saturating_sub(row.covered)).min()?;
        Some((first, self.fine.last().or(self.minutes.last())?.at))
    }

    /// The finest resolution available since this time, in microseconds.
    pub fn finest(&self, since: i64) -> i64 {
        let fine = self.fine.first().map_or(i64::MAX, |row| row.at.saturating_sub(row.covered));
        let has_older = self.minutes.first().is_some_and(|row| row.at <= fine);
        if since < fine && has_older { MINUTE } else { self.every }
    }

    /// Contiguous intervals of so many microseconds, aligned to the Unix epoch, that touch
    /// `from..to`, all of the first and the last; where nothing was seen, without rows.
    pub fn read(&self, from: i64, to: i64, step: i64) -> Vec<Interval> {
        let first = from.div_euclid(step);
        let count = usize::try_from((to - 1).div_euclid(step) - first + 1).unwrap_or(0);
        let mut intervals = vec![Interval::default(); count];
        for (interval, number) in intervals.iter_mut().zip(first..) {
            interval.start = number.saturating_mul(step);
        }
        for row in self.rows(first.saturating_mul(step), step) {
            let at = usize::try_from(row.middle().div_euclid(step) - first);
            if let Some(interval) = at.ok().and_then(|at| intervals.get_mut(at)) {
                interval.cells.add(row, &self.columns);
            }
        }
        intervals
    }

    /// Aggregates a time range into one interval, at the finest available resolution.
    pub fn total(&self, from: i64, to: i64) -> Bucket {
        let mut cells = Bucket::default();
        let rows = self.rows(from, self.finest(from));
        for row in rows.filter(|row| (from..to).contains(&row.middle())) {
            cells.add(row, &self.columns);
        }
        cells
    }

    /// What ended after this time, oldest first and nothing twice. A finer step than a minute is asked
    /// for only where every sample is still known.
    fn rows(&self, since: i64, step: i64) -> impl Iterator<Item = &Row> {
        let rolled_up_to = self.minutes.last().filter(|_| step >= MINUTE).map(|row| row.at);
        let boundary = rolled_up_to.unwrap_or(i64::MIN);
        let minutes = self.minutes.after(since).take_while(move |row| row.at <= boundary);
        minutes.chain(self.fine.after(since).filter(move |row| row.middle() >= boundary))
    }
}

#[cfg(test)]
mod tests;
