//! Tables whose rows a click on the head of a column sorts, each table for itself and at an address.

use crate::context::links::{Links, TableOrder, View};

/// A column over rows of `T`; its title is also its name in addresses.
pub struct Column<T> {
    pub title: &'static str,
    pub key: Key<T>,
}

/// What rows are compared by.
pub enum Key<T> {
    /// Nothing: the column sorts nothing.
    None,
    /// A text, the first of the alphabet first.
    Text(fn(&T) -> String),
    /// A figure, the largest first.
    Figure(fn(&T) -> f64),
}

/// A table in the order that was asked for.
pub struct Table<R> {
    /// Its id on the page.
    pub id: String,
    pub heads: Vec<Head>,
    pub rows: Vec<R>,
}

/// The head of a column.
pub struct Head {
    pub title: &'static str,
    /// Where a click leads; empty when the column sorts nothing.
    pub url: String,
    /// `ascending` or `descending`, of the column that sorts.
    pub sorted: Option<&'static str>,
    pub is_number: bool,
}

/// A column that sorts by a text.
pub const fn text<T>(title: &'static str, key: fn(&T) -> String) -> Column<T> {
    Column { title, key: Key::Text(key) }
}

/// A column that sorts by a figure.
pub const fn figure<T>(title: &'static str, key: fn(&T) -> f64) -> Column<T> {
    Column { title, key: Key::Figure(key) }
}

/// A column that sorts nothing.
pub const fn unsorted<T>(title: &'static str) -> Column<T> {
    Column { title, key: Key::None }
}

/// Microseconds or a count as a figure to sort by; what is missing comes last.
#[expect(clippy::cast_precision_loss, reason = "compared, not shown")]
pub fn number(value: Option<i64>) -> f64 {
    value.map_or(f64::NEG_INFINITY, |value| value as f64)
}

impl<R> Table<R> {
    /// The table of that name, its data sorted as the view says and made rows by `row`. Data keeps its order
    /// where the view says nothing of the table. `path` is that of the page.
    pub fn new<T>(
        name: &str,
        columns: &[Column<T>],
        mut data: Vec<T>,
        (view, links, path): (&View, &Links, &str),
        row: impl FnMut(T) -> R,
    ) -> Self {
        let order = view.orders.iter().find(|order| order.table == name);
        let by = order.and_then(|order| {
            let column = columns.iter().find(|column| column.title == order.column)?;
            Some((column, order.is_reversed))
        });
        if let Some((column, is_reversed)) = by {
            column.sort(&mut data, is_reversed);
        }
        let head = |column: &Column<T>| {
            let sorted =
                by.filter(|(by, _)| by.title == column.title).map(|(_, reversed)| reversed);
            let next = TableOrder {
                table: name.to_owned(),
                column: column.title.to_owned(),
                is_reversed: sorted == Some(false),
            };
            column.head(sorted, format!("{}#table-{name}", links.page(path, &view.ordered(next))))
        };
        let heads = columns.iter().map(head).collect();
        Self { id: format!("table-{name}"), heads, rows: data.into_iter().map(row).collect() }
    }

    /// The first rows alone.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        self.rows.truncate(count);
        self
    }

    /// Lets a click on the head of a column lead elsewhere, where the rows are chosen by it and not only
    /// sorted, and from there to the order against it; `to` tells where, and whether they are chosen by it
    /// now.
    #[must_use]
    pub fn leading(mut self, to: impl Fn(&str) -> Option<(String, bool)>) -> Self {
        let has_own_order = self.heads.iter().any(|head| head.sorted.is_some());
        for head in self.heads.iter_mut().filter(|head| head.sorted.is_none()) {
            match to(head.title) {
                Some((_, true)) if has_own_order => {}
                Some((url, is_chosen)) => {
                    head.url = format!("{url}#{}", self.id);
                    head.sorted = is_chosen.then_some("descending");
                }
                None => {}
            }
        }
        self
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl<T> Column<T> {
    fn sort(&self, data: &mut [T], is_reversed: bool) {
        match self.key {
            Key::Text(text) => data.sort_by_cached_key(|row| text(row).to_lowercase()),
            Key::Figure(figure) => data.sort_by(|a, b| figure(b).total_cmp(&figure(a))),
            Key::None => return,
        }
        if is_reversed {
            data.reverse();
        }
    }

    fn head(&self, sorted: Option<bool>, url: String) -> Head {
        let is_number = matches!(self.key, Key::Figure(_));
        let direction = |is_reversed: bool| {
            if is_number == is_reversed { "ascending" } else { "descending" }
        };
        Head {
            title: self.title,
            url: if matches!(self.key, Key::None) { String::new() } else { url },
            sorted: sorted.map(direction),
            is_number,
        }
    }
}
