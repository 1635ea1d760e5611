//! For tests of stores and for benchmarks (feature `testing`): the promises of
//! [`LogStore`](crate::store::LogStore) as a suite that any implementation can run, the log of a web
//! service from a seed, and queries made up from records. Everything is repeatable: the same seed
//! gives the same records and queries.

mod data;
mod frames;
mod queries;
mod random;
pub mod suite;

pub use data::{WebLog, odd_records};
pub use frames::{first_frame, frames_of, read_frames};
pub use queries::{BENCHMARK_QUERIES, BenchmarkQuery, Queries, quoted};
pub use random::Random;

/// One `#[tokio::test]` per promise of a store.
///
/// Takes an expression that awaits a fresh, empty store: a future of `(Arc<dyn LogStore>, guard)`,
/// where the guard (a temporary directory, or `()`) lives as long as the test.
///
/// ```
/// use std::sync::Arc;
///
/// use logsearch::{LogStore, MemoryStore};
///
/// async fn open() -> (Arc<dyn LogStore>, ()) {
///     (Arc::new(MemoryStore::new()), ())
/// }
/// logsearch::log_store_suite!(open());
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! log_store_suite {
    ($open:expr) => {
        $crate::log_store_suite! { @tests $open =>
            a_record_is_found_once_the_store_says_so,
            records_come_back_as_they_were_given,
            every_record_is_on_exactly_one_page_in_both_orders,
            a_page_walk_over_ten_thousand_records_is_complete,
            a_cursor_stays_where_it_is_while_records_arrive,
            a_window_includes_its_start_and_excludes_its_end,
            an_empty_or_reversed_window_has_no_records,
            text_is_found_in_any_case,
            an_expression_regards_case_only_when_told_to,
            an_unknown_field_matches_nothing_and_is_no_error,
            bars_are_contiguous_and_add_up_to_the_count,
            a_histogram_with_too_many_bars_is_refused,
            top_values_others_and_missing_add_up_to_the_count,
            percentiles_are_within_two_percent,
            event_types_show_the_newest_record_of_each_place,
            the_context_of_a_record_is_what_stands_around_it,
            an_export_has_every_matching_record,
            answers_over_a_web_log_equal_brute_force,
            answers_over_odd_records_equal_brute_force,
        }
    };
    (@tests $open:expr => $($name:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (store, _guard) = $open.await;
                $crate::testing::suite::$name(store).await;
            }
        )+
    };
}
