//! What notifications say of an alert, `alerts/words.yaml`: a title with the value, the same without one,
//! and a sentence in the past tense. A query that came back empty has no value, and a template that fails
//! is sent as it is written; so whatever uses a value has a text for when there is none.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The words of one alert.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// What happened, with `{value}` or `{value:<function>}`.
    title: String,
    /// The same without a value.
    titled: String,
    /// In place of the description without a value.
    plain: String,
    /// In the past tense.
    pub resolved: String,
    /// Whether pages of the service cannot be read while it fires.
    #[serde(default)]
    pub service_is_down: bool,
    /// Position among all alerts by name, from 1.
    #[serde(skip)]
    pub number: u32,
}

/// An integer of a value: Grafana hands it over as text and Prometheus as a number, and `humanize` takes
/// both. Less than one is one: the rule fires.
const COUNT: &str =
    r#"humanize | reReplaceAll "[.][0-9]+$" "" | reReplaceAll "^[0-9.]+[munpfazy]$" "1""#;
/// How a description asks for it.
const COUNT_IN_SOURCE: &str = "$value | count ";

/// The words of all alerts by their names, numbered.
pub fn numbered(mut words: BTreeMap<String, Words>) -> BTreeMap<String, Words> {
    for (number, words) in (1..).zip(words.values_mut()) {
        words.number = number;
    }
    words
}

impl Words {
    /// The title as a template of both engines.
    pub fn title(&self) -> String {
        let mut title = self.title.clone();
        while let Some((before, rest)) = title.split_once("{value")
            && let Some((function, after)) = rest.split_once('}')
        {
            let function = function.strip_prefix(':').unwrap_or(COUNT);
            title = format!("{before}{{{{ $value | {function} }}}}{after}");
        }
        with_value(&title, &self.titled)
    }

    /// The description as a template of both engines.
    pub fn description(&self, written: &str) -> String {
        let counted = written.replace(COUNT_IN_SOURCE, &format!("$value | {COUNT} "));
        with_value(&counted, &self.plain)
    }
}

/// Prometheus takes the value 0 for none, too; what uses labels alone asks for its first label.
fn with_value(with: &str, without: &str) -> String {
    let label = with.split_once("$labels.").map(|(_, rest)| {
        let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
        format!("$labels.{}", name.unwrap_or_default())
    });
    let needed = if with.contains("$value") { Some("$value".to_owned()) } else { label };
    needed.map_or_else(
        || with.to_owned(),
        |needed| format!("{{{{ with {needed} }}}}{with}{{{{ else }}}}{without}{{{{ end }}}}"),
    )
}
