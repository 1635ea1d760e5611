//! The sidebar: fields of the records with their most frequent values, and what a click on one does.

use logsearch::fields;
use logsearch::query::{Chips, Query};
use logsearch::record::ValueRef;
use logsearch::store::TopValues;

use crate::context::links::{Links, View};
use crate::context::params::short_name;
use crate::format;

/// A field in the sidebar.
pub struct Facet {
    pub name: String,
    pub help: &'static str,
    /// URL that shows only this field, with more values.
    pub alone: String,
    /// URL that adds or removes the field as a column.
    pub column: String,
    pub is_column: bool,
    pub values: Vec<FacetValue>,
    pub others: String,
    pub missing: Option<FacetValue>,
}

/// A value with its count and links.
pub struct FacetValue {
    pub text: String,
    pub count: String,
    pub only: String,
    pub without: String,
    pub is_on: bool,
    pub level: &'static str,
}

/// The sidebar: all fields that occur in matching records.
pub fn facets(
    values: &[TopValues],
    chips: &Chips,
    view: &View,
    links: &Links,
    path: &str,
) -> Vec<Facet> {
    let with = |clause: &Query| {
        links.page(path, &view.query(chips.clone().with(clause.clone()).to_string()))
    };
    let columns = view.shown_columns();
    let facet = |top: &TopValues| {
        let name = short_name(&top.field);
        let value = |(text, count): &(String, u64)| {
            let clause = Query::value_clause(&top.field, ValueRef::Str(text));
            FacetValue {
                text: format::value(text),
                count: format::count(*count),
                only: with(&clause),
                without: with(&!clause.clone()),
                is_on: chips.0.iter().any(|chip| chip.enabled && chip.query == clause),
                level: level_class(&top.field, text),
            }
        };
        let has = Query::has_field(&top.field);
        let missing = (top.missing > 0).then(|| FacetValue {
            text: "(none)".to_owned(),
            count: format::count(top.missing),
            only: with(&!has.clone()),
            without: with(&has),
            is_on: false,
            level: "",
        });
        Facet {
            alone: links.page(path, &view.showing(name.as_str())),
            column: links.logs(&view.columns(view.toggled_columns(&name))),
            is_column: columns.contains(&name),
            name,
            help: fields::definition(&top.field).map_or("", |known| known.help),
            values: top.values.iter().map(value).collect(),
            others: if top.others > 0 { format::count(top.others) } else { String::new() },
            missing,
        }
    };
    values.iter().filter(|top| !top.values.is_empty()).map(facet).collect()
}

fn level_class(field: &str, value: &str) -> &'static str {
    let level = logsearch::record::Level::parse(value).filter(|_| field == fields::LEVEL);
    level.map_or("", logsearch::record::Level::as_str)
}
