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
    total: Option<u64>,
    last: Instant,
    shown: u64,
    host: String,
}

impl Progress {
    /// `total` commands are to come, if that is known.
    pub fn new(total: Option<u64>, host: &str) -> Self {
        let bar = stderr().is_terminal().then(|| bar(total));
        Self { bar, total, last: Instant::now(), shown: 0, host: host.to_owned() }
    }

    /// Reports progress after a command.
    pub fn tick(&mut self, report: &Report) {
        let every = if self.bar.is_some() { BAR_EVERY } else { LINE_EVERY };
        if self.last.elapsed() < every {
            return;
        }
        self.last = Instant::now();
        let p95 = report.percentile(95).as_secs_f64() * 1e3;
        let errors = report.errors();
        if let Some(bar) = &self.bar {
            bar.set_position(report.requests());
            bar.set_message(format!("{errors} errors, p95 {p95:.1} ms"));
        } else {
            let of = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
            let requests = report.requests();
            self.line(&format!("{requests}{of} commands, {errors} errors, p95 {p95:.1} ms"));
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
    let template = "{bar:40} {pos}/{len} {per_sec} {eta} {msg}";
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
