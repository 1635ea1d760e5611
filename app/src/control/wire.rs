//! What goes over the control socket, written once for both ends.

use logsearch::Counts;
use logsearch::embedded::DiskStatus;
use logsearch::query::{self, Query};
use logsearch::store::{Search, StoreStatus, TimeRange};
use serde::{Deserialize, Serialize};

/// Name of the socket in the data directory.
pub const SOCKET: &str = "control.sock";
/// Header of the cursor of the next page, as `<timestamp>,<sequence>`.
pub const NEXT: &str = "x-next";
/// Header of an incomplete page: 1 when the search timed out, [`INDEXING`] when records are not indexed yet.
pub const PARTIAL: &str = "x-partial";
/// The value of [`PARTIAL`] when records are not indexed yet.
pub const INDEXING: u16 = 2;

/// Parameters of a search.
#[derive(Debug, Deserialize, Serialize)]
pub struct SearchParameters {
    /// The query as text.
    pub q: String,
    /// Start, inclusive, in microseconds since the Unix epoch.
    pub from: i64,
    /// End, exclusive, in microseconds since the Unix epoch.
    pub to: i64,
    /// Oldest first.
    pub ascending: bool,
    /// The cursor, as its two parts.
    pub after_timestamp: Option<i64>,
    /// The cursor's second part.
    pub after_sequence: Option<u64>,
    /// Maximum number of records.
    pub limit: usize,
}

impl From<&Search> for SearchParameters {
    fn from(search: &Search) -> Self {
        Self {
            q: search.query.to_string(),
            from: search.range.from,
            to: search.range.to,
            ascending: search.ascending,
            after_timestamp: search.after.map(|(timestamp, _)| timestamp),
            after_sequence: search.after.map(|(_, sequence)| sequence),
            limit: search.limit,
        }
    }
}

impl From<SearchParameters> for Search {
    fn from(parameters: SearchParameters) -> Self {
        Self::new(query(&parameters.q))
            .within(TimeRange { from: parameters.from, to: parameters.to })
            .ascending(parameters.ascending)
            .after(parameters.after_timestamp.zip(parameters.after_sequence))
            .limit(parameters.limit)
    }
}

/// The query of a text; what the parser has to say about it was told where it was typed.
pub fn query(text: &str) -> std::sync::Arc<Query> {
    std::sync::Arc::new(query::parse(text).query)
}

/// Parameters of a live tail.
#[derive(Debug, Deserialize, Serialize)]
pub struct TailParameters {
    /// The query as text.
    pub q: String,
}

/// What the service says of its logs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Stats {
    /// The store: what it keeps.
    pub status: StoreStatus,
    /// Its partitions and what it may keep.
    pub disk: DiskStatus,
    /// What was emitted and lost since the start; absent when no service runs.
    pub counts: Option<Counts>,
}

/// A change of the recorded levels.
#[derive(Debug, Deserialize, Serialize)]
pub struct LevelChange {
    /// Levels such as `info,minitwit::db=debug`.
    pub levels: String,
    /// Seconds until the usual levels hold again; until further notice when absent.
    pub seconds: Option<u64>,
}

/// The line of a tail that says how many records were passed over.
#[derive(Debug, Deserialize, Serialize)]
pub struct Gap {
    /// So many, matching or not.
    pub gap: u64,
}
