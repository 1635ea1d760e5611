//! `minitwit logs stats`: what the store keeps and may keep, its partitions, how far it is behind, and what
//! was lost before it, as lines of a name and a fact.

use std::time::Duration;

use logsearch::embedded::{DiskStatus, Limits, PartitionState, PartitionStatus};
use logsearch::record::Level;
use logsearch::store::StoreStatus;
use logsearch::{Counts, Reason};

use crate::control::Stats;

const DAY: u64 = 86_400;

/// Formats the statistics as lines without line breaks.
pub fn lines(stats: &Stats) -> Vec<String> {
    let Stats { status, disk, counts } = stats;
    // Nothing bounds what is only looked at, which is when no service runs.
    let mut lines = store(status, disk, counts.as_ref().map(|_| &disk.limits));
    lines.extend(counts.iter().flat_map(emitted));
    lines.extend(counts.iter().flat_map(sinks));
    lines.extend(disk.partitions.iter().map(partition));
    lines.extend(status.notices.iter().map(|notice| line("notice", notice)));
    lines
}

fn line(name: &str, fact: &str) -> String {
    format!("{name:<18}{fact}")
}

fn store(status: &StoreStatus, disk: &DiskStatus, limits: Option<&Limits>) -> Vec<String> {
    let bound = |text: &dyn Fn(&Limits) -> String| limits.map_or(String::new(), text);
    let oldest = status.oldest.map_or_else(|| "-".to_owned(), time);
    let mut lines = vec![
        line("records", &status.records.to_string()),
        line(
            "oldest",
            &(oldest + &bound(&|limits| format!(", retention {}", age(limits.max_age)))),
        ),
        line(
            "on disk",
            &(mebibytes(status.bytes)
                + &bound(&|limits| format!(" of max. {}", mebibytes(limits.max_bytes)))),
        ),
        line("searchable until", &time(status.searchable_until)),
        line("not fsynced", &format!("{} records", disk.unsynced)),
    ];
    if let Some(Limits { min_free_bytes, free_bytes: Some(free), .. }) = limits {
        let floor = mebibytes(*min_free_bytes);
        lines.push(line("disk", &format!("{} free, reserve {floor}", mebibytes(*free))));
    }
    lines
}

fn emitted(counts: &Counts) -> Vec<String> {
    let (queued, room) = (counts.queued_bytes as u64, counts.capacity_bytes as u64);
    let (emitted, dropped) = (counts.emitted_total(), counts.dropped_total());
    let mut lines = vec![
        line("queue", &format!("{} of {}", mebibytes(queued), mebibytes(room))),
        line("since start", &format!("{emitted} emitted, {dropped} dropped")),
    ];
    for (level, reason) in Level::ALL.into_iter().flat_map(|level| Reason::ALL.map(|r| (level, r)))
    {
        let lost = counts.dropped[level as usize][reason as usize];
        if lost > 0 {
            let (level, reason) = (level.as_str(), reason.as_str());
            lines.push(line("dropped", &format!("{lost} at level {level}, reason {reason}")));
        }
    }
    lines
}

/// Sinks that lost something, and what the last process lost.
fn sinks(counts: &Counts) -> Vec<String> {
    let lost = [
        (counts.stderr_dropped, "not written to standard error"),
        (counts.file_dropped, "not written to the log file"),
        (counts.lost_at_last_shutdown, "lost at the last shutdown"),
    ];
    let lost = lost.into_iter().filter(|(count, _)| *count > 0);
    lost.map(|(count, what)| line("sinks", &format!("{count} {what}"))).collect()
}

fn partition(one: &PartitionStatus) -> String {
    let span = one
        .span
        .map_or_else(|| "empty".to_owned(), |(from, to)| format!("{} to {}", time(from), time(to)));
    let state = match one.state {
        PartitionState::Active => "active",
        PartitionState::Closed => "closed",
        PartitionState::Rebuilding => "rebuilding, not searchable yet",
        PartitionState::Damaged => "damaged, not searched",
    };
    let (records, size, segments) = (one.records, mebibytes(one.bytes), one.segments);
    let fact =
        format!("{}  {span}  {records} records  {size}  {segments} segments  {state}", one.name);
    line("partition", &fact)
}

fn time(micros: i64) -> String {
    let time = jiff::Timestamp::from_microsecond(micros);
    time.map_or_else(|_| "-".to_owned(), |time| time.to_string())
}

fn age(age: Duration) -> String {
    match age.as_secs() {
        seconds if seconds >= DAY && seconds.is_multiple_of(DAY) => {
            format!("{} days", seconds / DAY)
        }
        seconds => format!("{seconds} s"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_a_person_should_know_has_a_line() {
        let one = PartitionStatus {
            name: "p-00000000000000000007".into(),
            span: Some((0, 1_500_000)),
            records: 12,
            bytes: 3 << 20,
            segments: 2,
            state: PartitionState::Damaged,
        };
        let status = StoreStatus {
            records: 40,
            bytes: 5 << 20,
            oldest: Some(0),
            notices: vec!["one partition is damaged".into()],
            ..StoreStatus::default()
        };
        let limits = Limits {
            max_age: Duration::from_hours(14 * 24),
            max_bytes: 1 << 31,
            min_free_bytes: 512 << 20,
            free_bytes: Some(1 << 30),
        };
        let disk = DiskStatus { segments: 2, partitions: vec![one], limits, unsynced: 3 };
        let mut counts = Counts { emitted: [0, 50, 0, 1, 0], ..Counts::default() };
        counts.dropped[Level::Debug as usize][Reason::QueueFull as usize] = 10;
        let lines = lines(&Stats { status, disk, counts: Some(counts) }).join("\n");
        let wanted = "\
records           40
oldest            1970-01-01T00:00:00Z, retention 14 days
on disk           5.0 MiB of max. 2048.0 MiB
searchable until  1970-01-01T00:00:00Z
not fsynced       3 records
disk              1024.0 MiB free, reserve 512.0 MiB
queue             0.0 MiB of 0.0 MiB
since start       51 emitted, 10 dropped
dropped           10 at level debug, reason queue_full
partition         p-00000000000000000007  1970-01-01T00:00:00Z to 1970-01-01T00:00:01.5Z  \
12 records  3.0 MiB  2 segments  damaged, not searched
notice            one partition is damaged";
        assert_eq!(lines, wanted);
    }
}
