//! How far a simulation is: a bar on a terminal, else a line every few seconds; and its first errors,
//! in the form in which the course's client prints them.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::report::Report;
use super::scenario::Command;
use super::target::Outcome;

/// Time between progress lines without a terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Minimum time between updates of the progress bar.
const BAR_EVERY: Duration = Duration::from_millis(200);
/// Errors that are printed; the report counts all.
const MAX_SHOWN: u64 = 20;

/// Shows progress on standard error.
pub struct Progress {
    bar: Option<ProgressBar>,
    end: End,
    started: Instant,
    last: Instant,
    shown: u64,
    host: String,
}

/// What ends a simulation, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct End {
    /// Number of commands that are to come.
    pub total: Option<u64>,
    /// Time after which no command is sent.
    pub duration: Option<Duration>,
}

impl End {
    /// The time that is left after so many commands in so long: until the duration is over or, at this rate, the
    /// commands are.
    fn left(self, requests: u64, elapsed: Duration) -> Option<Duration> {
        let of_time = self.duration.map(|duration| duration.saturating_sub(elapsed));
        let of_commands = self.total.filter(|_| requests > 0).map(|total| {
            elapsed.div_f64(as_float(requests)).mul_f64(as_float(total.saturating_sub(requests)))
        });
        of_time.into_iter().chain(of_commands).min()
    }

    /// Count, rate, errors, slowness and time left, in one line.
    fn status(self, report: &Report, elapsed: Duration) -> String {
        let (requests, errors) = (report.requests(), report.errors());
        let of = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
        let rate = as_float(requests) / elapsed.as_secs_f64().max(1e-3);
        let p95 = report.percentile(95).as_secs_f64() * 1e3;
        let left = self.left(requests, elapsed).map(|left| {
            let seconds = left.as_secs();
            format!(", {}:{:02} left", seconds / 60, seconds % 60)
        });
        let left = left.unwrap_or_default();
        format!("{requests}{of} commands, {rate:.1}/s, {errors} errors, p95 {p95:.1} ms{left}")
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn as_float(number: u64) -> f64 {
    number as f64
}

impl Progress {
    /// Begins now.
    pub fn new(end: End, host: &str) -> Self {
        let bar = stderr().is_terminal().then(|| bar(end.total));
        let now = Instant::now();
        Self { bar, end, started: now, last: now, shown: 0, host: host.to_owned() }
    }

    /// Reports progress after a command.
    pub fn tick(&mut self, report: &Report) {
        let every = if self.bar.is_some() { BAR_EVERY } else { LINE_EVERY };
        if self.last.elapsed() < every {
            return;
        }
        self.last = Instant::now();
        let status = self.end.status(report, self.started.elapsed());
        if let Some(bar) = &self.bar {
            bar.set_position(report.requests());
            bar.set_message(status);
        } else {
            self.line(&status);
        }
    }

    /// Reports a failed command.
    pub fn error(&mut self, now: Timestamp, command: &Command, outcome: &Outcome) {
        self.shown += 1;
        if self.shown > MAX_SHOWN {
            return;
        }
        let time = now.strftime("%Y-%m-%dT%H:%M:%SZ");
        let kind = match outcome {
            Outcome::Status(status) => status.to_string(),
            Outcome::Failed(kind) => (*kind).to_owned(),
        };
        let action = command.action().name();
        self.line(&format!("{time},{},{},{kind},{action}", self.host, command.id));
        if self.shown == MAX_SHOWN {
            self.line("further errors are counted but not shown");
        }
    }

    /// Takes the bar away.
    pub fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            // Nobody reads it any more; the report still goes to standard output.
            None => _ = writeln!(stderr().lock(), "{text}"),
        }
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let Some(total) = total else { return ProgressBar::new_spinner() };
    let bar = ProgressBar::new(total);
    let template = "{bar:40} {msg}";
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::scenario::Action;

    #[test]
    fn a_status_has_count_rate_errors_and_the_time_that_is_left() {
        let mut report = Report::default();
        for status in [204, 204, 204, 500] {
            report.add(Action::Tweet, &Outcome::Status(status), Duration::from_millis(2));
        }
        let after = |end: End, seconds| end.status(&report, Duration::from_secs(seconds));
        let duration = Some(Duration::from_secs(90));
        let endless = after(End { total: None, duration }, 2);
        assert!(endless.starts_with("4 commands, 2.0/s, 1 errors, p95 "), "{endless}");
        assert!(endless.ends_with(", 1:28 left"), "{endless}");
        let file = after(End { total: Some(10), duration: None }, 2);
        assert!(file.starts_with("4 of 10 commands") && file.ends_with(", 0:03 left"), "{file}");
        let both = after(End { total: Some(1_000), duration }, 100);
        assert!(both.ends_with(", 0:00 left"), "{both}");
        assert!(!after(End::default(), 2).contains("left"));
    }
}
