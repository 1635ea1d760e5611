//! The field catalogue: which names records use, what kind of value each holds, in which unit it is
//! stored, and the short names people type for it. One line here is all a new field needs. What a
//! query does with a field is `query`'s business, how an index keeps it is the store's.

use percent_encoding::percent_decode_str;

/// The severity of a record; part of every record.
pub const LEVEL: &str = "level";
/// The module path or name the emitting code gave; part of every record.
pub const TARGET: &str = "target";
/// The sentence of the event; part of every record.
pub const MESSAGE: &str = "message";
/// The position of the record in its log; part of every record.
pub const SEQUENCE: &str = "event.sequence";
/// `file:line` of the emitting code.
pub const CALLSITE: &str = "code.callsite";
/// The chain of errors, outermost first, joined by `: `.
pub const ERROR_MESSAGE: &str = "error.message";
/// The kind of error.
pub const ERROR_TYPE: &str = "error.type";
/// Whole microseconds something took.
pub const DURATION: &str = "duration_us";
/// Whole microseconds from the start of a request to that of a part of it.
pub const OFFSET: &str = "offset_us";
/// The name of the innermost span, or of the span that closed.
pub const SPAN_NAME: &str = "span.name";
/// The id of the innermost span.
pub const SPAN_ID: &str = "span.id";
/// The id of the parent of [`SPAN_ID`].
pub const PARENT_ID: &str = "parent.id";
/// The W3C trace id, 32 hexadecimal digits.
pub const TRACE_ID: &str = "trace.id";
/// The id of the HTTP request.
pub const REQUEST_ID: &str = "http.request.id";
/// The HTTP method.
pub const METHOD: &str = "http.request.method";
/// The HTTP status.
pub const STATUS: &str = "http.response.status_code";
/// The matched route template.
pub const ROUTE: &str = "http.route";
/// The path of the URL, as the client encoded it.
pub const PATH: &str = "url.path";
/// What stands behind the `?` of the URL, as the client encoded it.
pub const QUERY_STRING: &str = "url.query";
/// The name of the user.
pub const USER_NAME: &str = "user.name";
/// The id of the user.
pub const USER_ID: &str = "user.id";
/// The address of the client.
pub const CLIENT_ADDRESS: &str = "client.address";
/// Bytes of the response body.
pub const BODY_BYTES: &str = "http.response.body.bytes";
/// The text of an SQL statement, without values.
pub const DB_QUERY: &str = "db.query.text";
/// The name of a database operation, such as `messages.insert`.
pub const DB_OPERATION: &str = "db.operation.name";
/// Number of SQL statements of a request.
pub const DB_COUNT: &str = "db.count";
/// Whole microseconds spent in the database.
pub const DB_DURATION: &str = "db.duration_us";
/// Number of rows a statement or request read or wrote.
pub const DB_ROWS: &str = "db.rows";
/// How often the most repeated statement of a request or job ran.
pub const DB_REPEATS: &str = "db.repeats";
/// How often the statement of this record ran in its request or job.
pub const DB_RUNS: &str = "db.runs";
/// The name of a scheduled job.
pub const JOB: &str = "job.name";

/// The sentences of a record, where a word without a field name stands most often.
pub const FREE_TEXT: [&str; 2] = [MESSAGE, ERROR_MESSAGE];

/// Ids that nearly every request has its own of. They are compared as a whole, also by a word without a
/// field name, and an index needs no column for them.
pub const IDS: [&str; 4] = [REQUEST_ID, TRACE_ID, SPAN_ID, PARENT_ID];

/// Whether a field (canonical name) is one of the [`IDS`].
pub fn is_id(name: &str) -> bool {
    IDS.contains(&name)
}

/// Whether values of a field (canonical name) are percent-encoded. What they mean is found as well as what
/// they are: `/msgs/Simulated User 78` for `/msgs/Simulated%20User%2078`.
pub fn is_encoded(name: &str) -> bool {
    name == PATH || name == QUERY_STRING
}

/// What a percent-encoded text means; `None` when that is what it is, or no text.
pub fn decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return None;
    }
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    (decoded != text).then(|| decoded.into_owned())
}

/// What a field holds and so how it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Ordered by severity.
    Level,
    /// Sentences, searched by word and phrase (see `query::tokens`).
    Text,
    /// One value, compared as a whole.
    Keyword,
    /// A whole number without a unit.
    Integer,
    /// Whole microseconds.
    Microseconds,
    /// Not in the catalogue: whatever the record holds, compared as a keyword or a number.
    Dynamic,
}

impl Kind {
    /// Whether the catalogue promises a number.
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Microseconds)
    }
}

/// A known field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Canonical dotted name, as in records.
    pub name: &'static str,
    /// Type of the field.
    pub kind: Kind,
    /// What people type for it, the preferred name first. The number says how many stored units one
    /// unit of a typed number is: `duration` is in milliseconds, stored are microseconds, so 1,000.
    pub aliases: &'static [(&'static str, u32)],
    /// One-line description for help and completion.
    pub help: &'static str,
}

impl Definition {
    /// The name to show to people: the preferred alias, or the canonical name.
    pub fn short_name(&self) -> &'static str {
        self.aliases.first().map_or(self.name, |(alias, _)| *alias)
    }
}

/// A field of a catalogue. Services add to the standard one with a table of their own in this form.
pub const fn field(
    name: &'static str,
    kind: Kind,
    aliases: &'static [(&'static str, u32)],
    help: &'static str,
) -> Definition {
    Definition { name, kind, aliases, help }
}

use Kind::{Integer, Keyword, Microseconds, Text};

/// Every known field, the ones people use most first.
#[rustfmt::skip]
pub const CATALOGUE: &[Definition] = &[
    field(LEVEL, Kind::Level, &[("level", 1), ("log.level", 1), ("severity", 1)], "severity: trace, debug, info, warn, error"),
    field(MESSAGE, Text, &[("message", 1)], "message of the event"),
    field(TARGET, Keyword, &[("target", 1), ("logger", 1), ("log.logger", 1), ("module", 1)], "module path of the code"),
    field(STATUS, Integer, &[("status", 1), ("status_code", 1), ("http.status_code", 1), ("http.status", 1)], "HTTP status; 5xx matches a class"),
    field(ROUTE, Keyword, &[("route", 1)], "matched route template"),
    field(PATH, Keyword, &[("path", 1), ("url", 1), ("uri", 1), ("http.target", 1)], "URL path"),
    field(METHOD, Keyword, &[("method", 1), ("http.method", 1)], "HTTP method"),
    field(DURATION, Microseconds, &[("duration", 1_000), ("duration_ms", 1_000), ("duration_us", 1), ("latency", 1_000), ("latency_ms", 1_000), ("elapsed", 1_000), ("elapsed_ms", 1_000), ("took", 1_000)], "duration, in ms unless a unit is given"),
    field(OFFSET, Microseconds, &[("offset", 1_000), ("offset_us", 1)], "offset from the start of the request, in ms unless a unit is given"),
    field(USER_NAME, Keyword, &[("user", 1), ("username", 1)], "user name"),
    field(USER_ID, Keyword, &[("user_id", 1)], "user id"),
    field(REQUEST_ID, Keyword, &[("request_id", 1), ("request", 1), ("req_id", 1)], "request id"),
    field(TRACE_ID, Keyword, &[("trace_id", 1), ("trace", 1)], "W3C trace id"),
    field(ERROR_MESSAGE, Text, &[("error", 1), ("err", 1), ("exception", 1), ("exception.message", 1)], "error chain, outermost error first"),
    field(ERROR_TYPE, Keyword, &[("error_type", 1), ("exception.type", 1)], "error type"),
    field("error.stack_trace", Text, &[("stack_trace", 1), ("backtrace", 1), ("exception.stacktrace", 1)], "source location of a panic"),
    field(CALLSITE, Keyword, &[("callsite", 1), ("source", 1)], "source location, file:line"),
    field(DB_COUNT, Integer, &[("db_count", 1), ("queries", 1)], "SQL statements run by the request"),
    field(DB_DURATION, Microseconds, &[("db_time", 1_000), ("db_time_ms", 1_000), ("db_ms", 1_000), ("db.duration_us", 1), ("db.time_ms", 1_000)], "time spent in the database, in ms unless a unit is given"),
    field(DB_ROWS, Integer, &[("db_rows", 1), ("rows", 1), ("db.response.returned_rows", 1)], "rows read or written"),
    field(DB_REPEATS, Integer, &[("repeats", 1), ("db_repeats", 1)], "how often the most repeated statement of a request or job ran"),
    field(DB_RUNS, Integer, &[("runs", 1)], "how often this statement ran in its request or job"),
    field("db.query.source", Keyword, &[("sql_source", 1)], "source location of the statement, file:line"),
    field(DB_QUERY, Keyword, &[("sql", 1), ("statement", 1), ("db.statement", 1)], "SQL text without values"),
    field(DB_OPERATION, Keyword, &[("db_operation", 1), ("db.operation", 1)], "name of the database operation"),
    field("db.system.name", Keyword, &[("db", 1), ("db.system", 1)], "database system"),
    field("db.collection.name", Keyword, &[("table", 1), ("db.table", 1)], "table the statement uses"),
    field("db.fingerprint", Keyword, &[("sql_id", 1)], "id of the normalized statement"),
    field(BODY_BYTES, Integer, &[("body_bytes", 1), ("bytes", 1), ("response_bytes", 1)], "response body size, in bytes"),
    field("http.request.body.bytes", Integer, &[("request_bytes", 1)], "request body size, in bytes"),
    field(QUERY_STRING, Keyword, &[("query_string", 1)], "URL query string"),
    field("http.version", Keyword, &[("http_version", 1), ("network.protocol.version", 1)], "HTTP version"),
    field("user_agent.original", Keyword, &[("user_agent", 1), ("http.user_agent", 1)], "client user agent"),
    field(CLIENT_ADDRESS, Keyword, &[("client", 1), ("client_ip", 1), ("ip", 1), ("remote_ip", 1), ("remote_addr", 1), ("client.ip", 1)], "client address"),
    field(SPAN_NAME, Keyword, &[("span", 1), ("span_name", 1)], "name of the innermost span"),
    field(SPAN_ID, Keyword, &[("span_id", 1)], "id of the innermost span"),
    field(PARENT_ID, Keyword, &[("parent_id", 1), ("parent_span_id", 1)], "id of the parent span"),
    field(JOB, Keyword, &[("job", 1)], "name of a scheduled job"),
    field("job.outcome", Keyword, &[("outcome", 1)], "outcome of the job run"),
    field("surface", Keyword, &[("surface", 1)], "part of the service that responded"),
    field("event.kind", Keyword, &[("kind", 1)], "event or span"),
    field("event.action", Keyword, &[("action", 1), ("audit", 1)], "action, for audit records"),
    field("logs.levels", Keyword, &[("levels", 1), ("log_levels", 1)], "levels that are recorded from now on"),
    field("logs.levels.before", Keyword, &[], "levels that were recorded until then"),
    field("logs.levels.duration_s", Integer, &[], "seconds after which the usual levels come back"),
    field("alert.name", Keyword, &[("alert", 1)], "alert rule"),
    field("alert.severity", Keyword, &[("alert_severity", 1)], "alert severity"),
    field(SEQUENCE, Integer, &[("sequence", 1), ("seq", 1)], "sequence number in the log"),
    field("thread.name", Keyword, &[("thread", 1)], "thread name"),
    field("service.name", Keyword, &[("service", 1)], "service name"),
    field("service.version", Keyword, &[("version", 1)], "service version"),
    field("service.node.name", Keyword, &[("node", 1), ("replica", 1)], "replica that wrote the record"),
    field("host.name", Keyword, &[("host", 1), ("hostname", 1)], "machine"),
];

/// The known field of that canonical name.
pub fn definition(canonical: &str) -> Option<&'static Definition> {
    CATALOGUE.iter().find(|field| field.name == canonical)
}

/// Type of a field by canonical name.
pub fn kind(canonical: &str) -> Kind {
    definition(canonical).map_or(Kind::Dynamic, |field| field.kind)
}

/// The known field a person or an event means by this name (alias or canonical, ASCII case
/// ignored), the spelling the catalogue has for that name, and the scale of numbers given with it.
pub fn resolve(typed: &str) -> Option<(&'static Definition, &'static str, u32)> {
    // An alias first: a canonical name with a unit is its own alias.
    let by_alias = CATALOGUE.iter().find_map(|field| {
        let mut aliases = field.aliases.iter();
        let (alias, scale) = aliases.find(|(alias, _)| alias.eq_ignore_ascii_case(typed))?;
        Some((field, *alias, *scale))
    });
    let by_name = || {
        let field = CATALOGUE.iter().find(|field| field.name.eq_ignore_ascii_case(typed))?;
        Some((field, field.name, 1))
    };
    by_alias.or_else(by_name)
}

/// The known name, a short one if it is as close, closest to a misspelt one, if any is close.
pub fn suggest(typed: &str) -> Option<&'static str> {
    let typed = typed.to_ascii_lowercase();
    let allowed = if typed.len() <= 4 { 1 } else { 2 };
    if typed.len() < 2 || typed.len() > 40 {
        return None;
    }
    let aliases = CATALOGUE.iter().flat_map(|field| field.aliases.iter().map(|(alias, _)| *alias));
    aliases
        .chain(CATALOGUE.iter().map(|field| field.name))
        .map(|name| (strsim::osa_distance(&typed, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_name_means_two_fields() {
        let mut seen = HashSet::new();
        for field in CATALOGUE {
            let own = field.aliases.iter().any(|(alias, _)| *alias == field.name);
            assert!(own || seen.insert(field.name), "{}", field.name);
            for (alias, scale) in field.aliases {
                assert!(seen.insert(alias), "{alias}");
                assert!(*scale == 1 || field.kind == Microseconds, "{alias}");
            }
        }
    }

    #[test]
    fn a_canonical_name_resolves_to_itself_in_stored_units() {
        for field in CATALOGUE {
            let (found, _, scale) = resolve(field.name).unwrap();
            assert_eq!((found.name, scale), (field.name, 1));
        }
    }

    #[test]
    fn names_resolve_in_any_case_and_keep_their_scale() {
        let (field, spelling, scale) = resolve("Duration_MS").unwrap();
        assert_eq!((field.name, spelling, scale), (DURATION, "duration_ms", 1_000));
        assert!(resolve("msg").is_none());
    }

    #[test]
    fn a_misspelt_name_gets_the_closest_known_one() {
        assert_eq!(suggest("usr"), Some("user"));
        assert_eq!(suggest("lveel"), Some("level"));
        assert_eq!(suggest("staus"), Some("status"));
        assert_eq!(suggest("tweet"), None);
    }
}
