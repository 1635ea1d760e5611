//! Which segments of a partition to merge. Only neighbors at its end, so that segments stay in the order of
//! arrival; merging them is `partition`'s.

/// Neighbors of one size that are merged into one.
const MERGE_WIDTH: u32 = 8;
/// Segments up to this size are level 0; each further level is [`MERGE_WIDTH`] times as large.
const SMALL_SEGMENT: u32 = 2_000;
/// Larger ones stay as they are: merging them again costs more than another segment to search.
pub const LARGE_SEGMENT: u32 = 400_000;

/// How many of the newest segments to merge: all up to a level when enough are of that very level. Fewer
/// would have a few small ones rewrite a large one again and again.
pub fn run_to_merge(sizes: &[u32]) -> usize {
    let level = |size: u32| (size / SMALL_SEGMENT + 1).ilog(MERGE_WIDTH);
    (0..level(LARGE_SEGMENT))
        .find_map(|limit| {
            let run = || sizes.iter().rev().take_while(|size| level(**size) <= limit);
            let enough =
                run().filter(|size| level(**size) == limit).count() >= MERGE_WIDTH as usize;
            enough.then(|| run().count())
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::run_to_merge;

    #[test]
    fn only_the_newest_segments_of_a_level_are_merged() {
        assert_eq!(run_to_merge(&[]), 0);
        assert_eq!(run_to_merge(&[500; 7]), 0);
        assert_eq!(run_to_merge(&[500; 8]), 8);
        assert_eq!(run_to_merge(&[&[100_000][..], &[500; 8]].concat()), 8);
        assert_eq!(run_to_merge(&[&[500; 20][..], &[100_000]].concat()), 0);
        assert_eq!(run_to_merge(&[&[100_000][..], &[500; 7]].concat()), 0);
        assert_eq!(run_to_merge(&[&[20_000; 8][..], &[500; 3]].concat()), 11);
        assert_eq!(run_to_merge(&[500_000; 20]), 0);
    }
}
