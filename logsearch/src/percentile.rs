//! Percentiles by the nearest rank, which are always a number of the set.

/// The place, from 1 on, of the smallest of so many sorted numbers that `percent` percent of them do not
/// exceed.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank is between 1 and the number of records"
)]
pub fn nearest_rank(percent: f64, count: u64) -> u64 {
    ((percent / 100.0 * count as f64).ceil() as u64).clamp(1, count.max(1))
}

/// The smallest of the sorted numbers that so many percent of them do not exceed; `None` of none.
pub fn of_sorted(sorted: &[f64], percent: f64) -> Option<f64> {
    let rank = nearest_rank(percent, sorted.len() as u64);
    sorted.get(usize::try_from(rank - 1).ok()?).copied()
}
