//! The arithmetic of the history against a plain one, and what a restart keeps.

#![expect(clippy::float_cmp, reason = "whole numbers")]

use std::fmt::Write;
use std::fs;

use proptest::prelude::*;

use super::series::{Cardinality, SeriesKind, select};
use super::*;

const EVERY: i64 = 10 * SECOND;

fn tracks() -> Vec<TrackedSeries> {
    vec![
        TrackedSeries {
            selector: select("c_total"),
            kind: SeriesKind::Counter,
            cardinality: Cardinality::Few,
        },
        TrackedSeries {
            selector: select("g"),
            kind: SeriesKind::Gauge(Fold::Highest),
            cardinality: Cardinality::Few,
        },
        TrackedSeries {
            selector: select("t"),
            kind: SeriesKind::Gauge(Fold::Last),
            cardinality: Cardinality::Few,
        },
        TrackedSeries {
            selector: select("h"),
            kind: SeriesKind::Histogram,
            cardinality: Cardinality::Few,
        },
    ]
}

fn history() -> History {
    History::new(tracks(), EVERY)
}

fn save(history: &mut History) {
    let (file, bytes) = history.snapshot().unwrap();
    history.saved(&file.write(&bytes));
}

fn text(counter: f64, gauge: f64) -> String {
    let mut text = String::new();
    writeln!(text, "c_total {counter}\ng {gauge}\nt {gauge}").unwrap();
    writeln!(text, "h_bucket{{le=\"1\"}} {counter}\nh_bucket{{le=\"+Inf\"}} {counter}").unwrap();
    text
}

fn number(history: &History, track: &str) -> usize {
    history.columns().iter().position(|column| column.track == track).unwrap()
}

/// Of each interval with rows: start, watched time, increase, highest gauge, last total.
fn seen(
    history: &History,
    from: i64,
    to: i64,
    step: i64,
) -> Vec<(i64, i64, Option<f64>, f64, f64)> {
    let [counter, gauge, total] = ["c_total", "g", "t"].map(|track| number(history, track));
    let intervals = history.read(from, to, step);
    assert!(intervals.windows(2).all(|pair| pair[1].start - pair[0].start == step));
    let intervals = intervals.into_iter().filter(|interval| interval.cells.rows > 0);
    intervals
        .map(|Interval { start, cells }| {
            let (gauge, total) = (cells.get(gauge).unwrap(), cells.get(total).unwrap());
            (start, cells.covered, cells.get(counter), gauge, total)
        })
        .collect()
}

/// What a plain loop over the looks says of the interval that starts here.
fn plainly(looks: &[(i64, f64, f64)], start: i64, step: i64) -> (f64, f64, f64) {
    let (mut increase, mut highest, mut last) = (0.0, f64::MIN, 0.0);
    for pair in looks.windows(2) {
        let ((before, was, _), (at, is, gauge)) = (pair[0], pair[1]);
        let middle = at - (at - before) / 2 - 1;
        if (start..start + step).contains(&middle) {
            increase += if is >= was { is - was } else { is };
            highest = f64::max(highest, gauge);
            last = gauge;
        }
    }
    (increase, highest, last)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn intervals_of_any_length_say_what_a_plain_loop_says(
        steps in proptest::collection::vec((0..20_i32, 0..100_i32, 0..20_u8), 20..200),
        step in prop::sample::select(vec![10, 20, 60, 120, 600]),
    ) {
        let start = 1_700_000_040 * SECOND;
        let mut looks = Vec::new();
        let (mut history, mut counter) = (history(), 0.0);
        for (at, (grown, gauge, fate)) in (0..).zip(steps) {
            // Now and then the process is started anew, and its counter with it.
            counter = if fate == 0 { f64::from(grown) } else { counter + f64::from(grown) };
            let now = start + at * EVERY;
            looks.push((now, counter, f64::from(gauge)));
            history.observe(&text(counter, f64::from(gauge)), now);
        }
        let step = step * SECOND;
        let (from, to) = (start, looks.last().unwrap().0);
        let intervals = seen(&history, from, to, step);
        let first = looks[0];
        for (start, covered, increase, highest, last) in intervals {
            let (plain_increase, mut plain_highest, mut plain_last) = plainly(&looks, start, step);
            if (start..start + step).contains(&(first.0 - 1)) {
                plain_highest = plain_highest.max(first.2);
                plain_last = if covered == 0 { first.2 } else { plain_last };
            }
            prop_assert_eq!(increase.unwrap_or(0.0), plain_increase);
            prop_assert_eq!((highest, last), (plain_highest, plain_last));
        }
    }
}

#[test]
fn what_was_not_watched_is_a_gap_and_its_increase_is_nobodys() {
    let mut history = history();
    let at = |second: i64| 1_700_000_040 * SECOND + second * SECOND;
    for (second, counter) in [(0, 0.0), (10, 5.0), (20, 7.0), (300, 1_000.0), (310, 1_010.0)] {
        history.observe(&text(counter, 1.0), at(second));
    }
    let minutes = seen(&history, at(0), at(310), MINUTE);
    let increases: Vec<_> = minutes.iter().map(|minute| (minute.0, minute.2)).collect();
    assert_eq!(increases, [(at(0), Some(7.0)), (at(240), None), (at(300), Some(10.0))]);
}

#[test]
fn a_clock_that_goes_back_costs_looks_and_nothing_else() {
    let mut history = history();
    for (at, counter) in [(100, 1.0), (110, 3.0), (90, 9.0), (110, 9.0), (120, 10.0)] {
        history.observe(&text(counter, 1.0), at * SECOND);
    }
    let total: f64 = seen(&history, 0, 200 * SECOND, MINUTE).iter().filter_map(|seen| seen.2).sum();
    assert_eq!(total, 9.0);
}

#[test]
fn a_restart_keeps_samples_minutes_and_the_minute_that_had_begun() {
    let directory = tempfile::tempdir().unwrap();
    let at = |look: i64| 1_700_000_040 * SECOND + look * EVERY;
    let mut before = history();
    before.keep_in(directory.path()).unwrap();
    (0..100).for_each(|look: i32| {
        before.observe(&text(f64::from(look) * 2.0, 3.0), at(look.into()));
    });
    save(&mut before);
    let seen_before = seen(&before, at(0), at(99), MINUTE);
    let fine_before = seen(&before, at(0), at(99), EVERY);
    drop(before);

    let mut after = history();
    after.keep_in(directory.path()).unwrap();
    assert_eq!(seen(&after, at(0), at(99), MINUTE), seen_before);
    assert_eq!(seen(&after, at(0), at(99), EVERY), fine_before);
    assert_eq!(after.notices().count(), 0);
    // The counter starts anew; the first look knows no increase, the minute goes on.
    for (look, counter) in [(100, 4.0), (101, 9.0), (102, 9.0), (103, 9.0), (108, 9.0), (109, 9.0)]
    {
        after.observe(&text(counter, 3.0), at(look));
    }
    let minute = seen(&after, at(96), at(103), MINUTE).into_iter().find(|seen| seen.0 == at(96));
    assert_eq!(minute.unwrap().2, Some(2.0 * 3.0 + 5.0));
}

#[test]
fn a_killed_process_loses_what_came_after_the_last_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let at = |look: i64| 1_700_000_040 * SECOND + look * EVERY;
    let mut before = history();
    before.keep_in(directory.path()).unwrap();
    for look in 0..60_i32 {
        before.observe(&text(f64::from(look), 3.0), at(look.into()));
        if look == 29 {
            save(&mut before);
        }
    }
    drop(before);
    let mut after = history();
    after.keep_in(directory.path()).unwrap();
    assert_eq!(after.span(), Some((at(0), at(29))));
    assert_eq!(after.notices().count(), 0);
}

#[test]
fn a_file_that_is_no_snapshot_is_set_aside_and_said() {
    let directory = tempfile::tempdir().unwrap();
    let mut before = history();
    before.keep_in(directory.path()).unwrap();
    (0..9).for_each(|look: i32| before.observe(&text(1.0, 3.0), i64::from(look) * EVERY));
    save(&mut before);
    let path = directory.path().join("history.snapshot");
    let whole = fs::read(&path).unwrap();
    let damaged = [&whole[..whole.len() - 3], b"xyz"].concat();
    for bytes in [damaged, b"metrics1 of another format".to_vec(), Vec::new()] {
        fs::write(&path, &bytes).unwrap();
        let mut after = history();
        after.keep_in(directory.path()).unwrap();
        assert_eq!(after.notices().filter(|notice| notice.contains("set aside")).count(), 1);
        assert_eq!(after.span(), None);
        assert_eq!(fs::read(path.with_extension("damaged")).unwrap(), bytes);
        after.observe(&text(1.0, 1.0), EVERY);
        save(&mut after);
        let mut again = history();
        again.keep_in(directory.path()).unwrap();
        assert_eq!((again.notices().count(), again.span().is_some()), (0, true));
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_said_once_and_costs_no_look() {
    let directory = tempfile::tempdir().unwrap();
    let kept = directory.path().join("metrics");
    let mut history = history();
    history.keep_in(&kept).unwrap();
    fs::remove_dir_all(&kept).unwrap();
    for look in 1..20 {
        history.observe(&text(1.0, 1.0), i64::from(look) * EVERY);
        save(&mut history);
    }
    let of = |history: &History, start| {
        history.notices().filter(|notice| notice.starts_with(start)).count()
    };
    assert_eq!(of(&history, "could not save the history"), 1);
    assert_eq!(history.span().map(|span| span.1), Some(19 * EVERY));
    fs::create_dir_all(&kept).unwrap();
    save(&mut history);
    save(&mut history);
    assert_eq!(of(&history, "the history is saved again"), 1);
}

/// What a week of a busy service costs: about as many columns as the service and its charts have, and 60
/// statements, a third of which run in every minute.
#[test]
fn a_week_stays_below_its_budget_of_memory_and_disk() {
    let directory = tempfile::tempdir().unwrap();
    let tracks = vec![
        TrackedSeries {
            selector: select("c_total").by("x"),
            kind: SeriesKind::Counter,
            cardinality: Cardinality::Few,
        },
        TrackedSeries {
            selector: select("h"),
            kind: SeriesKind::Histogram,
            cardinality: Cardinality::Few,
        },
        TrackedSeries {
            selector: select("g").by("x"),
            kind: SeriesKind::Gauge(Fold::Highest),
            cardinality: Cardinality::Few,
        },
        TrackedSeries {
            selector: select("s").by("x"),
            kind: SeriesKind::Histogram,
            cardinality: Cardinality::Many,
        },
        TrackedSeries {
            selector: select("s_sum").by("x"),
            kind: SeriesKind::Counter,
            cardinality: Cardinality::Many,
        },
    ];
    let mut history = History::new(tracks, EVERY);
    history.keep_in(directory.path()).unwrap();
    let mut runs = [0_i32; 60];
    for look in 1..=400_i32 {
        let mut text = String::new();
        for x in 0..12 {
            writeln!(text, "c_total{{x=\"{x}\"}} {}\ng{{x=\"{x}\"}} {}", look * 7, look * 1_000)
                .unwrap();
        }
        for bound in 0..150 {
            writeln!(text, "h_bucket{{le=\"{bound}\"}} {}", look * bound).unwrap();
        }
        for (x, runs) in runs.iter_mut().enumerate() {
            let of_this_minute = usize::try_from(look / 6).unwrap() % 3 == x % 3;
            *runs += if of_this_minute { 100 } else { 0 };
            for bound in 0..11 {
                let count = if bound < 4 { 0 } else { *runs };
                writeln!(text, "s_bucket{{x=\"{x}\",le=\"{bound}\"}} {count}").unwrap();
            }
            writeln!(text, "s_sum{{x=\"{x}\"}} {}", f64::from(*runs) * 0.001_234).unwrap();
        }
        history.observe(&text, i64::from(look) * EVERY);
    }
    assert_eq!(history.columns().len(), 174 + 60 * 8);
    let per_row = history.fine.bytes() / history.fine.after(i64::MIN).count();
    let week = per_row * (FINE_ROWS + MINUTE_ROWS);
    assert!(week < 6 * 1024 * 1024, "{week} bytes of {per_row} a row");
    let (_, snapshot) = history.snapshot().unwrap();
    let memory = history.fine.bytes() + history.minutes.bytes();
    assert!(snapshot.len() < memory + 100 * 480, "{} for {memory}", snapshot.len());
}
