//! A record as tantivy takes it in: cells borrowed from the encoded bytes, nothing copied. Which
//! field goes where is decided once per record by the [`Router`].

use std::collections::HashSet;
use std::sync::Arc;

use tantivy::schema::Field;
use tantivy::schema::document::{Document, ReferenceValue, ReferenceValueLeaf, Value};

use super::schema::{self, Kind, Layout, Typed};
use crate::codec::{Batch, RecordView, ValueRef};

/// Fields outside the catalogue that may have a column in one partition. The names of others are
/// kept as terms and their records looked at one by one, so a flood of names costs nothing.
const MAX_NAMES: usize = 1_000;

#[derive(Clone, Debug)]
enum Route {
    /// As it is.
    Typed(Field),
    /// As the text form of a number.
    Text(Field, String),
    More,
    /// Name only, value hidden.
    Hidden(String),
}

/// Assigns fields to index fields.
#[derive(Debug)]
pub struct Router {
    layout: Arc<Layout>,
    names: HashSet<String>,
}

impl Router {
    /// A router for a partition that has columns for these names already.
    pub fn new(layout: Arc<Layout>, names: HashSet<String>) -> Self {
        Self { layout, names }
    }

    /// The names that have columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The document of the record at an offset of a batch.
    pub fn document(
        &mut self,
        batch: &Arc<Batch>,
        at: usize,
        view: &RecordView<'_>,
    ) -> IndexDocument {
        let mut present = Vec::new();
        let routes =
            view.fields().map(|(name, value)| self.route(name, value, &mut present)).collect();
        let (layout, batch) = (Arc::clone(&self.layout), Arc::clone(batch));
        IndexDocument { layout, batch, at, routes, present }
    }

    fn route(&mut self, name: &str, value: ValueRef<'_>, present: &mut Vec<String>) -> Route {
        if let Some(typed) = self.layout.typed.get(name)
            && let Some(route) = typed_route(typed, value)
        {
            if matches!(typed.kind, Kind::Identifier | Kind::Text) {
                present.push(schema::present(name));
            }
            return route;
        }
        if !schema::is_plain(name) || is_inexact(value) {
            return Route::Hidden(schema::hidden(name));
        }
        if self.names.contains(name) {
            return Route::More;
        }
        if self.names.len() >= MAX_NAMES {
            return Route::Hidden(schema::hidden(name));
        }
        self.names.insert(name.to_owned());
        Route::More
    }
}

/// Whether a column with a fraction in some other record could not keep all digits.
fn is_inexact(value: ValueRef<'_>) -> bool {
    matches!(value, ValueRef::Int(number) if number.unsigned_abs() > 1 << f64::MANTISSA_DIGITS)
}

/// Where a value of a known field goes; `None` when it is not of a kind its place can keep.
fn typed_route(typed: &Typed, value: ValueRef<'_>) -> Option<Route> {
    match (typed.kind, value) {
        (Kind::Keyword | Kind::Identifier | Kind::Text, ValueRef::Str(_))
        | (Kind::Code | Kind::Measure, ValueRef::Int(_)) => Some(Route::Typed(typed.field)),
        (Kind::Keyword | Kind::Identifier, ValueRef::Int(number)) => {
            Some(Route::Text(typed.field, number.to_string()))
        }
        _ => None,
    }
}

/// One record for the index writer.
#[derive(Debug)]
pub struct IndexDocument {
    layout: Arc<Layout>,
    batch: Arc<Batch>,
    at: usize,
    routes: Vec<Route>,
    present: Vec<String>,
}

impl IndexDocument {
    fn view(&self) -> Option<RecordView<'_>> {
        RecordView::parse(&self.batch.bytes[self.at..])
    }

    fn cells(&self) -> Vec<(Field, Cell<'_>)> {
        let Some(view) = self.view() else { return Vec::new() };
        let layout = &self.layout;
        let mut cells = Vec::with_capacity(self.routes.len() + self.present.len() + 6);
        cells.push((layout.time, Cell::Signed(view.timestamp())));
        cells.push((layout.sequence, Cell::Unsigned(view.sequence())));
        cells.push((layout.level, Cell::Unsigned(view.level() as u64)));
        cells.push((layout.target, Cell::Text(view.target())));
        cells.push((layout.message, Cell::Text(view.message())));
        cells.extend(self.present.iter().map(|term| (layout.names, Cell::Text(term))));
        let mut more = Vec::new();
        for (route, (name, value)) in self.routes.iter().zip(view.fields()) {
            match route {
                Route::Typed(field) => cells.push((*field, Cell::of(value))),
                Route::Text(field, text) => cells.push((*field, Cell::Text(text))),
                Route::More => more.push((name, Cell::of(value))),
                Route::Hidden(term) => cells.push((layout.names, Cell::Text(term))),
            }
        }
        if !more.is_empty() {
            cells.push((layout.more, Cell::Object(more)));
        }
        cells
    }
}

impl Document for IndexDocument {
    type Value<'a> = Cell<'a>;
    type FieldsValuesIter<'a> = std::vec::IntoIter<(Field, Cell<'a>)>;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        self.cells().into_iter()
    }
}

/// One value of an [`IndexDocument`].
#[derive(Clone, Debug)]
pub enum Cell<'a> {
    /// Text.
    Text(&'a str),
    /// A signed integer.
    Signed(i64),
    /// An unsigned integer that does not fit `i64`.
    Unsigned(u64),
    /// A floating-point number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Names and values.
    Object(Vec<(&'a str, Cell<'a>)>),
}

impl<'a> Cell<'a> {
    fn of(value: ValueRef<'a>) -> Self {
        match value {
            ValueRef::Bool(value) => Self::Bool(value),
            ValueRef::Int(value) => Self::Signed(value),
            ValueRef::Float(value) => Self::Float(value),
            ValueRef::Str(value) => Self::Text(value),
        }
    }
}

impl<'a> Value<'a> for Cell<'a> {
    type ArrayIter = std::iter::Empty<Self>;
    type ObjectIter = std::vec::IntoIter<(&'a str, Self)>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        ReferenceValue::Leaf(match self {
            Self::Text(text) => ReferenceValueLeaf::Str(text),
            Self::Signed(number) => ReferenceValueLeaf::I64(*number),
            Self::Unsigned(number) => ReferenceValueLeaf::U64(*number),
            Self::Float(number) => ReferenceValueLeaf::F64(*number),
            Self::Bool(value) => ReferenceValueLeaf::Bool(*value),
            Self::Object(fields) => return ReferenceValue::Object(fields.clone().into_iter()),
        })
    }
}
