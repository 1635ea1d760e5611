//! What to offer while a query is being typed: names of fields and their values, the most frequent of
//! the current window first. What stands at the caret is [`complete`]'s to say; how an offer looks is a
//! page's.

use std::collections::HashMap;

use crate::fields::{self, CATALOGUE, Kind};
use crate::query::{Completing, Completion, Field, Query, complete, fold, parse};
use crate::record::LogRecord;
use crate::store::{LogStore, Search, StoreError, TimeRange};

/// The newest matching records tell which names are frequent, and the values of fields that a store
/// would have to read every record for. They cost some milliseconds however many there are.
const SAMPLE: usize = 1_000;
/// Values of a field that nearly every record has its own of; nobody types those from memory.
const IDENTIFIERS: [&str; 5] =
    [fields::REQUEST_ID, fields::TRACE_ID, fields::SPAN_ID, fields::PARENT_ID, fields::SEQUENCE];

/// Values of a number that are looked through for a beginning.
const MANY_NUMBERS: usize = 1_000;

/// A suggestion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The name as people type it, or the value as it is; [`Completion::choose`] takes it.
    pub text: String,
    /// Records that have it: of the whole window for values, of its newest thousand for names and for
    /// values of fields without an index of their own. 0 for a known name that none of them has.
    pub count: u64,
    /// Description from the catalogue.
    pub help: &'static str,
}

/// Suggestions at a position of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestions {
    /// What stands there, and how a choice gets in.
    pub completion: Completion,
    /// Most frequent first, ties by name; empty where nothing can be offered.
    pub items: Vec<Suggestion>,
}

/// At most `size` names or values for the place of the caret (a byte of the text), counted over the
/// records of the window that match the rest of the query.
pub async fn suggest(
    store: &dyn LogStore,
    range: TimeRange,
    text: &str,
    caret: usize,
    size: usize,
) -> Result<Suggestions, StoreError> {
    let completion = complete(text, caret);
    let rest = parse(&completion.without_clause(text)).query;
    let mut items = match &completion.what {
        Completing::Nothing => Vec::new(),
        Completing::Field { prefix } => names(&sample(store, range, rest).await?, prefix),
        Completing::Value { field, prefix } if field.kind() == Kind::Microseconds => {
            // In their own order: the usual first.
            let has_sign = completion.follows_sign(text);
            let items = durations(store, range, &rest, field, prefix, has_sign).await?;
            return Ok(Suggestions { completion, items: items.into_iter().take(size).collect() });
        }
        Completing::Value { field, prefix } if has_own_column(field) => {
            top_values(store, range, rest, field, prefix, size).await?
        }
        Completing::Value { field, prefix } => {
            values(&sample(store, range, rest).await?, field, prefix)
        }
    };
    items.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
    items.truncate(size);
    Ok(Suggestions { completion, items })
}

/// Whether a store counts the values of a field without reading records.
fn has_own_column(field: &Field) -> bool {
    let name = field.name.as_str();
    !IDENTIFIERS.contains(&name) && !matches!(field.kind(), Kind::Text | Kind::Dynamic)
}

async fn sample(
    store: &dyn LogStore,
    range: TimeRange,
    query: Query,
) -> Result<Vec<LogRecord>, StoreError> {
    let search = Search::new(query).within(range).limit(SAMPLE);
    Ok(store.search(&search).await?.records)
}

/// Names of fields that begin like what is typed, known ones also when no record has them.
fn names(records: &[LogRecord], prefix: &str) -> Vec<Suggestion> {
    let everywhere = [fields::LEVEL, fields::TARGET, fields::MESSAGE];
    let mut counts: HashMap<&str, u64> = CATALOGUE.iter().map(|known| (known.name, 0)).collect();
    for record in records {
        let own = record.fields.iter().map(|(name, _)| name.as_str());
        own.chain(everywhere).for_each(|name| *counts.entry(name).or_default() += 1);
    }
    let prefix = prefix.to_lowercase();
    let named = counts.into_iter().filter_map(|(name, count)| {
        let known = fields::definition(name);
        let spelled =
            known.map_or_else(|| Field::of(name).typed, |known| known.short_name().into());
        let starts = |text: &str| text.to_lowercase().starts_with(&prefix);
        let fits = starts(&spelled)
            || starts(name)
            || known.is_some_and(|known| known.aliases.iter().any(|(alias, _)| starts(alias)));
        let help = known.map_or("", |known| known.help);
        fits.then_some(Suggestion { text: spelled, count, help })
    });
    // A name that cannot be typed would only make a word with a colon.
    named.filter(|one| Field::parse(&one.text).is_some()).collect()
}

async fn top_values(
    store: &dyn LogStore,
    range: TimeRange,
    query: Query,
    field: &Field,
    prefix: &str,
    size: usize,
) -> Result<Vec<Suggestion>, StoreError> {
    // Numbers have no terms to find a beginning in; those that have few values are counted at once.
    let (query, wanted) = match (prefix.is_empty(), field.kind().is_number()) {
        (true, _) => (query, size),
        (false, true) => (query, MANY_NUMBERS),
        (false, false) => {
            let starts = Query::Wild(field.clone(), format!("{}*", literal(prefix)));
            (starts.and(query), size)
        }
    };
    let top = store.top_values(range, &query, &[&field.name], wanted).await?;
    let begins = fold(prefix);
    let values = top.into_iter().flat_map(|top| top.values);
    let values: Vec<_> =
        values.filter(|(text, _)| fold(text).starts_with(begins.as_ref())).collect();
    let mut items =
        if field.name == fields::STATUS { classes(&values, prefix) } else { Vec::new() };
    let value = |(text, count)| Suggestion { text, count, help: "" };
    items.extend(values.into_iter().map(value));
    Ok(items)
}

/// The classes of these statuses, such as `5xx`, where more than the first digit is not typed yet.
fn classes(statuses: &[(String, u64)], prefix: &str) -> Vec<Suggestion> {
    let class = |digit: char| {
        let text = format!("{digit}xx");
        let of_class = statuses.iter().filter(|(status, _)| status.starts_with(digit));
        let count: u64 = of_class.map(|(_, count)| count).sum();
        let fits = count > 0 && text.starts_with(&prefix.to_lowercase());
        fits.then_some(Suggestion { text, count, help: "" })
    };
    ('1'..='5').filter_map(class).collect()
}

/// Shares of a duration that are offered, with what is said of them.
const SHARES: [(f64, &str); 3] =
    [(50.0, "the slower half"), (95.0, "the slowest 5 %"), (99.0, "the slowest 1 %")];

/// Units of a duration, the shortest first.
const UNITS: [(&str, &str); 4] =
    [("us", "microseconds"), ("ms", "milliseconds"), ("s", "seconds"), ("min", "minutes")];

/// Durations with their units. Nearly every record has its own, so that what is offered are bounds; with
/// digits typed, what they can mean.
async fn durations(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
    field: &Field,
    prefix: &str,
    has_sign: bool,
) -> Result<Vec<Suggestion>, StoreError> {
    let sign = if has_sign { "" } else { ">" };
    let digits = prefix.find(|c: char| !c.is_ascii_digit()).unwrap_or(prefix.len());
    if digits > 0 {
        let (number, typed) = prefix.split_at(digits);
        let fitting = UNITS.into_iter().filter(|(unit, _)| unit.starts_with(typed));
        let item =
            |(unit, help)| Suggestion { text: format!("{sign}{number}{unit}"), count: 0, help };
        return Ok(fitting.map(item).collect());
    }
    if !prefix.is_empty() {
        return Ok(Vec::new());
    }
    let shares = SHARES.map(|(share, _)| share);
    let found = store.percentiles(range, query, &field.name, &shares).await?;
    let item = |(micros, (_, help)): (f64, (f64, &'static str))| Suggestion {
        text: format!("{sign}{}", rounded(micros)),
        count: 0,
        help,
    };
    let mut items: Vec<_> = found.percentiles.into_iter().zip(SHARES).map(item).collect();
    items.dedup_by(|later, first| later.text == first.text);
    Ok(items)
}

/// Microseconds to two digits, in the unit that reads best: `250ms`.
fn rounded(micros: f64) -> String {
    let (unit, name) = match micros {
        1_000_000.0.. => (1_000_000.0, "s"),
        1_000.0.. => (1_000.0, "ms"),
        _ => (1.0, "us"),
    };
    let value = micros / unit;
    let digits = if value < 10.0 { 10.0 } else { 1.0 };
    let step = if value >= 100.0 { 10.0 } else { 1.0 };
    format!("{}{name}", (value * digits / step).round() * step / digits)
}

/// Typed text with any character that a pattern would take for more than itself as "one of any".
fn literal(prefix: &str) -> String {
    prefix.replace('*', "?")
}

fn values(records: &[LogRecord], field: &Field, prefix: &str) -> Vec<Suggestion> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    let prefix = fold(prefix);
    for record in records {
        let Some(value) = record.field(&field.name) else { continue };
        let text = value.as_ref().text();
        if fold(&text).starts_with(prefix.as_ref()) {
            *counts.entry(text.into_owned()).or_default() += 1;
        }
    }
    counts.into_iter().map(|(text, count)| Suggestion { text, count, help: "" }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use crate::record::{Level, Value};

    async fn store() -> MemoryStore {
        let store = MemoryStore::new();
        let record = |sequence: u64, level, status, user: &str| LogRecord {
            timestamp: 5,
            sequence,
            level,
            target: "app".into(),
            message: "served".into(),
            fields: vec![
                (fields::STATUS.into(), Value::Int(status)),
                (fields::USER_NAME.into(), Value::Str(user.into())),
                (
                    fields::DURATION.into(),
                    Value::Int(if sequence < 3 { 40_000 } else { 2_500_000 }),
                ),
                ("my.tag".into(), Value::Str(format!("t{}", sequence % 2))),
            ],
        };
        let records = vec![
            record(1, Level::Info, 200, "Octavia Niss"),
            record(2, Level::Info, 200, "octave"),
            record(3, Level::Error, 503, "Anna"),
        ];
        store.append(records).await.unwrap();
        store
    }

    /// Offers at `|` as `text count`.
    async fn offered(text: &str) -> Vec<String> {
        let caret = text.find('|').unwrap();
        let text = text.replace('|', "");
        let all = suggest(&store().await, TimeRange::ALL, &text, caret, 5).await.unwrap();
        all.items.iter().map(|one| format!("{} {}", one.text, one.count)).collect()
    }

    #[tokio::test]
    async fn before_anything_is_typed_the_most_frequent_fields_are_offered() {
        let all = offered("|").await;
        assert_eq!(all, ["duration 3", "level 3", "message 3", "my.tag 3", "status 3"]);
        assert_eq!(offered("us|").await[0], "user 3");
        assert_eq!(offered("http.resp|").await[0], "status 3", "also by the canonical name");
        assert_eq!(
            offered("level:error rout|").await,
            ["route 0"],
            "known, and here without a record"
        );
    }

    #[tokio::test]
    async fn durations_are_offered_as_bounds_with_their_units() {
        let bounds = [">40ms 0", ">2.5s 0"];
        assert_eq!(offered("duration:|").await[..2], bounds);
        assert_eq!(offered("duration:>|").await[..2], ["40ms 0", "2.5s 0"]);
        let units = ["100us 0", "100ms 0", "100s 0", "100min 0"];
        assert_eq!(offered("duration>100|").await, units);
        assert_eq!(offered("duration:>100m|").await, ["100ms 0", "100min 0"]);
        assert_eq!(offered("duration:x|").await, Vec::<String>::new());
        let figures = [0.0, 7.4, 12.6, 999.0, 1_250.0, 43_800.0, 812_300.0, 4_100_000.0, 90e6];
        let texts = ["0us", "7.4us", "13us", "1000us", "1.3ms", "44ms", "810ms", "4.1s", "90s"];
        assert_eq!(figures.map(rounded), texts);
    }

    #[tokio::test]
    async fn values_are_counted_over_what_the_rest_of_the_query_finds() {
        assert_eq!(offered("level:|").await, ["info 2", "error 1"]);
        assert_eq!(offered("status:2|").await, ["200 2", "2xx 2"]);
        assert_eq!(offered("user:oct|").await, ["Octavia Niss 1", "octave 1"]);
        assert_eq!(offered("level:info status:|").await, ["200 2", "2xx 2"]);
        assert_eq!(offered("level:error status:5|").await, ["503 1", "5xx 1"]);
        assert_eq!(offered("status:50|").await, ["503 1"]);
        assert_eq!(offered("level:error status:2| level:error").await, Vec::<String>::new());
        assert_eq!(offered("level:error my.tag:|").await, ["t1 1"]);
        assert_eq!(offered("-level:(error OR |)").await, ["info 2", "error 1"]);
        assert_eq!(offered("\"a phrase|").await, Vec::<String>::new());
    }
}
