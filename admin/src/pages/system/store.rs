//! The log store section of System: size, limits, partitions, lag and dropped records.

use logsearch::embedded::{DiskStatus, Limits, PartitionState, PartitionStatus};
use logsearch::record::Level;
use logsearch::store::StoreStatus;
use logsearch::{Counts, Reason};

use crate::context::links::{Links, View, path};
use crate::context::panel::Pipeline;
use crate::context::window::Window;
use crate::format;
use crate::ui::table::{Column, Table, figure, number, text};

/// What the page shows of a store.
pub struct StoreView {
    pub facts: Vec<(&'static str, String)>,
    pub bounds: Vec<BoundView>,
    pub partitions: Table<PartitionRow>,
    /// `None` when the host does not count.
    pub losses: Option<LossesView>,
}

/// Usage of a limit.
pub struct BoundView {
    pub name: &'static str,
    pub used: String,
    pub bound: String,
    /// Of 100; too much is more than `high`.
    pub percent: u64,
    pub high: u64,
    pub hint: &'static str,
}

/// A partition of the table, the newest first.
pub struct PartitionRow {
    pub name: String,
    pub from: String,
    pub to: String,
    pub lasts: String,
    /// The logs of its span; empty while it has none.
    pub url: String,
    pub records: String,
    pub bytes: String,
    pub segments: String,
    pub state: &'static str,
    pub class: &'static str,
    pub hint: &'static str,
}

/// Records that were lost before they reached the store.
pub struct LossesView {
    pub emitted: String,
    pub dropped: String,
    /// Reasons that occurred, in words.
    pub reasons: Vec<&'static str>,
    /// Levels that lost something, with a figure per reason and the sum.
    pub levels: Vec<(&'static str, Vec<String>, String)>,
}

impl StoreView {
    /// Of a store, of how it lies on its disk, and of what feeds it.
    pub fn new(status: &StoreStatus, pipeline: &Pipeline, view: &View, links: &Links) -> Self {
        let disk = pipeline.disk.as_ref().map(|disk| disk());
        let counts = pipeline.counts.as_ref().map(|counts| counts());
        let (disk, counts) = (disk.as_ref(), counts.as_ref());
        let now = view.window.now;
        let at = (view, links, path::SYSTEM);
        let newest_first = disk.into_iter().flat_map(|disk| disk.partitions.iter().rev());
        Self {
            facts: facts(status, disk, counts, now),
            bounds: disk.map_or_else(Vec::new, |disk| bounds(status, &disk.limits, now)),
            partitions: Table::new(
                "partitions",
                &COLUMNS,
                newest_first.cloned().collect(),
                at,
                |one| partition_row(&one, view, links),
            ),
            losses: counts.map(losses),
        }
    }
}

fn facts(
    status: &StoreStatus,
    disk: Option<&DiskStatus>,
    counts: Option<&Counts>,
    now: i64,
) -> Vec<(&'static str, String)> {
    let lag = now.saturating_sub(status.searchable_until).max(0);
    let oldest = status.oldest.map_or_else(|| "–".to_owned(), |at| format::ago(at, now));
    let mut facts = vec![
        ("records", format::count(status.records)),
        ("on disk", size(status.bytes)),
        ("oldest record", oldest),
        ("search lag", format::duration(lag)),
    ];
    if let Some(disk) = disk {
        facts.push(("not yet fsynced", format::plural(disk.unsynced, "record")));
    }
    if let Some(Counts { queued_bytes, capacity_bytes, .. }) = counts {
        let (queued, room) = (*queued_bytes as u64, *capacity_bytes as u64);
        facts.push(("writer queue", format!("{} of {}", size(queued), size(room))));
    }
    facts.extend(counts.into_iter().flat_map(sink_losses));
    facts
}

/// What sinks beside the store did not take.
fn sink_losses(counts: &Counts) -> impl Iterator<Item = (&'static str, String)> {
    let lost = [
        ("not on standard error", counts.stderr_dropped),
        ("not in the log file", counts.file_dropped),
        ("lost at the last shutdown", counts.lost_at_last_shutdown),
    ];
    let lost = lost.into_iter().filter(|(_, count)| *count > 0);
    lost.map(|(name, count)| (name, format::plural(count, "record")))
}

fn bounds(status: &StoreStatus, limits: &Limits, now: i64) -> Vec<BoundView> {
    let micros = i64::try_from(limits.max_age.as_micros()).unwrap_or(i64::MAX);
    let age = status.oldest.map_or(0, |oldest| now.saturating_sub(oldest).max(0));
    let share = |used: u64, bound: u64| {
        u64::try_from(u128::from(used) * 100 / u128::from(bound.max(1))).unwrap_or(100).min(100)
    };
    let mut bounds = vec![
        BoundView {
            name: "age",
            used: format::about(age),
            bound: format::about(micros),
            percent: share(age.unsigned_abs(), micros.unsigned_abs()),
            high: 100,
            hint: "Partitions with only older records are deleted.",
        },
        BoundView {
            name: "size",
            used: size(status.bytes),
            bound: size(limits.max_bytes),
            percent: share(status.bytes, limits.max_bytes),
            high: 100,
            hint: "The oldest partition is deleted.",
        },
    ];
    if let Some(free) = limits.free_bytes {
        bounds.push(BoundView {
            name: "free disk",
            used: format!("{} free", size(free)),
            bound: format!("at least {}", size(limits.min_free_bytes)),
            percent: share(limits.min_free_bytes, free.max(limits.min_free_bytes)),
            high: 90,
            hint: "With less free space, the oldest partition is deleted.",
        });
    }
    bounds
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn size(bytes: u64) -> String {
    format::bytes(bytes as f64)
}

/// The columns of the partitions.
const COLUMNS: [Column<PartitionStatus>; 8] = [
    text("partition", |one| one.name.clone()),
    figure("from", |one| number(one.span.map(|span| span.0))),
    figure("to", |one| number(one.span.map(|span| span.1))),
    figure("time span", |one| number(one.span.map(|(from, to)| to - from))),
    figure("records", |one| number(Some(one.records.cast_signed()))),
    figure("on disk", |one| number(Some(one.bytes.cast_signed()))),
    figure("segments", |one| number(Some(one.segments.cast_signed()))),
    text("state", |one| format!("{:?}", one.state)),
];

fn partition_row(one: &PartitionStatus, view: &View, links: &Links) -> PartitionRow {
    let now = view.window.now;
    let (state, class, hint) = match one.state {
        PartitionState::Active => ("active", "", "accepts new records"),
        PartitionState::Closed => ("closed", "", "complete, read-only"),
        PartitionState::Rebuilding => ("rebuilding", "warn", "not searchable yet"),
        PartitionState::Damaged => ("damaged", "error", "not searched"),
    };
    let at = |time: Option<i64>| time.map_or_else(|| "–".to_owned(), format::day_time);
    let url = |(from, to): (i64, i64)| {
        let window = Window::absolute(from, to.saturating_add(1), now);
        links.logs(&View::of(window))
    };
    PartitionRow {
        name: one.name.clone(),
        from: at(one.span.map(|span| span.0)),
        to: at(one.span.map(|span| span.1)),
        lasts: one.span.map_or_else(String::new, |(from, to)| format::about(to - from)),
        url: one.span.map(url).unwrap_or_default(),
        records: format::count(one.records),
        bytes: size(one.bytes),
        segments: format::count(one.segments),
        state,
        class,
        hint,
    }
}

fn losses(counts: &Counts) -> LossesView {
    let occurred: Vec<Reason> =
        Reason::ALL.into_iter().filter(|reason| counts.dropped_for(*reason) > 0).collect();
    let lost = Level::ALL.into_iter().filter(|level| counts.dropped_at(*level) > 0);
    let level = |level: Level| {
        let of = |reason: &Reason| format::count(counts.dropped[level as usize][*reason as usize]);
        let sum = format::count(counts.dropped_at(level));
        (level.as_str(), occurred.iter().map(of).collect(), sum)
    };
    LossesView {
        emitted: format::count(counts.emitted_total()),
        dropped: format::count(counts.dropped_total()),
        levels: lost.map(level).collect(),
        reasons: occurred.into_iter().map(in_words).collect(),
    }
}

fn in_words(reason: Reason) -> &'static str {
    match reason {
        Reason::QueueFull => "queue full",
        Reason::TooLarge => "too large",
        Reason::Nested => "nested too deeply",
        Reason::Disk => "disk write failed",
        Reason::Evicted => "log full before indexing",
        Reason::Shutdown => "after shutdown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_told_by_level_and_reason_and_add_up() {
        let mut counts = Counts { emitted: [1_000, 20, 3, 0, 0], ..Counts::default() };
        assert!(losses(&counts).levels.is_empty());
        counts.dropped[Level::Info as usize][Reason::QueueFull as usize] = 40;
        counts.dropped[Level::Info as usize][Reason::Disk as usize] = 2;
        counts.dropped[Level::Error as usize][Reason::Disk as usize] = 1;
        let view = losses(&counts);
        assert_eq!((view.emitted.as_str(), view.dropped.as_str()), ("1,023", "43"));
        assert_eq!(view.reasons, ["queue full", "disk write failed"]);
        let mut levels = view.levels;
        levels.sort_unstable();
        let figures = |first: &str, second: &str| vec![first.to_owned(), second.to_owned()];
        assert_eq!(
            levels,
            [
                (Level::Error.as_str(), figures("0", "1"), "1".to_owned()),
                (Level::Info.as_str(), figures("40", "2"), "42".to_owned()),
            ]
        );
    }
}
