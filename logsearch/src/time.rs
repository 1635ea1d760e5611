//! Spans of time and places of records in the order of a store.

/// A half-open span of time, in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// Start, inclusive, in microseconds since the Unix epoch.
    pub from: i64,
    /// End, exclusive, in microseconds since the Unix epoch.
    pub to: i64,
}

impl TimeRange {
    /// The range of all timestamps.
    pub const ALL: Self = Self { from: i64::MIN, to: i64::MAX };

    /// Whether a time is inside.
    pub const fn contains(&self, timestamp: i64) -> bool {
        self.from <= timestamp && timestamp < self.to
    }

    /// The finest usual interval (1 ms to 30 days) that cuts this range into at most so many, in
    /// microseconds; more than 30 days when the range is that long.
    pub fn interval(&self, at_most: usize) -> i64 {
        const SECOND: i64 = 1_000_000;
        const DAY: i64 = 86_400 * SECOND;
        const STEPS: [i64; 24] = [
            1_000,
            10_000,
            100_000,
            SECOND,
            2 * SECOND,
            5 * SECOND,
            10 * SECOND,
            15 * SECOND,
            30 * SECOND,
            60 * SECOND,
            120 * SECOND,
            300 * SECOND,
            600 * SECOND,
            900 * SECOND,
            1_800 * SECOND,
            3_600 * SECOND,
            7_200 * SECOND,
            10_800 * SECOND,
            21_600 * SECOND,
            43_200 * SECOND,
            DAY,
            7 * DAY,
            14 * DAY,
            30 * DAY,
        ];
        let at_most = i128::try_from(at_most.clamp(1, 10_000)).unwrap_or(1);
        let fits = |step: i64| intervals(*self, step) <= at_most;
        let longer = (2..).map(|times| times * 30 * DAY).take(i16::MAX as usize);
        STEPS.into_iter().chain(longer).find(|step| fits(*step)).unwrap_or(i64::MAX)
    }
}

/// Number of aligned intervals that overlap a range.
pub(crate) fn intervals(range: TimeRange, interval: i64) -> i128 {
    if range.from >= range.to {
        return 0;
    }
    let first = range.from.div_euclid(interval);
    let last = (range.to - 1).div_euclid(interval);
    i128::from(last) - i128::from(first) + 1
}

/// The place of a record in the order of a store: `(timestamp, sequence)`.
pub type Cursor = (i64, u64);
