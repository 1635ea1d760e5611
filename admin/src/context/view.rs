//! The state of a page, which its address holds.

use logsearch::store::Cursor;

use super::window::Window;

/// Columns besides time, level and message.
const COLUMNS: [&str; 2] = ["request_id", "duration"];

/// The state of a page: what to list and how. All of it is in the URL.
#[derive(Clone, Debug)]
pub struct View {
    /// The query text.
    pub q: String,
    /// The time window to list.
    pub window: Window,
    /// Columns besides time, level and message; `None` for the default columns.
    pub cols: Option<Vec<String>>,
    /// Sort order; empty for the page's default.
    pub sort: String,
    /// The page of the list to show.
    pub place: Place,
    /// Whether to follow new records.
    pub tail: bool,
    /// Text to filter the sidebar's fields by; empty for the default fields.
    pub fields: String,
    /// Auto-refresh interval in seconds; 0 for off.
    pub refresh: u32,
    /// How tables are sorted that are not in their usual order.
    pub orders: Vec<TableOrder>,
    /// Ends of the window that could not be read, as they were typed.
    pub misread: [Option<String>; 2],
}

/// By which column a table is sorted: in the usual direction of the column, or against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableOrder {
    pub table: String,
    pub column: String,
    pub is_reversed: bool,
}

/// Sorted tables of a page at most.
const MAX_ORDERS: usize = 16;

impl TableOrder {
    /// Reads `routes:p95,jobs:last run:reversed`; what is no such text sorts nothing.
    pub fn parse_all(text: &str) -> Vec<Self> {
        let parse = |text: &str| {
            let mut parts = text.split(':');
            let (table, column) = (parts.next()?.to_owned(), parts.next()?.to_owned());
            Some(Self { table, column, is_reversed: parts.next() == Some("reversed") })
        };
        text.split(',').filter_map(parse).take(MAX_ORDERS).collect()
    }
}

/// Which part of a list to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// From the beginning.
    #[default]
    Start,
    /// Records older than this one.
    Older(Cursor),
    /// Records newer than this one.
    Newer(Cursor),
}

impl View {
    /// A view of all records in a window.
    pub fn of(window: Window) -> Self {
        Self {
            q: String::new(),
            window,
            cols: None,
            sort: String::new(),
            place: Place::Start,
            tail: false,
            fields: String::new(),
            refresh: 0,
            orders: Vec::new(),
            misread: [None, None],
        }
    }

    /// Whether records are listed oldest first; a live tail never is.
    pub fn is_oldest_first(&self) -> bool {
        self.sort == "old" && !self.tail
    }

    /// This view at an address that names no window.
    #[must_use]
    pub fn anywhere(&self) -> Self {
        let window = Window::parse(None, None, self.window.now);
        Self { window, ..self.clone() }
    }

    /// This view with another auto-refresh interval, in seconds.
    #[must_use]
    pub fn refreshing(&self, refresh: u32) -> Self {
        Self { refresh, ..self.clone() }
    }

    /// This view with another filter for the fields of the sidebar.
    #[must_use]
    pub fn showing(&self, fields: impl Into<String>) -> Self {
        Self { fields: fields.into(), ..self.clone() }
    }

    /// Copies the view with another query; its page of records is the first.
    #[must_use]
    pub fn query(&self, q: impl Into<String>) -> Self {
        Self { q: q.into(), place: Place::Start, ..self.clone() }
    }

    /// Copies the view with another window; its page of records is the first.
    #[must_use]
    pub fn within(&self, window: Window) -> Self {
        Self { window, place: Place::Start, ..self.clone() }
    }

    /// Copies the view with another order of records; its page of records is the first.
    #[must_use]
    pub fn sorted(&self, sort: impl Into<String>) -> Self {
        Self { sort: sort.into(), place: Place::Start, ..self.clone() }
    }

    /// Another page of the same view, with a fixed window, so that paging back and forth shows the
    /// same records.
    #[must_use]
    pub fn at(&self, place: Place) -> Self {
        Self { place, window: self.window.pinned(), ..self.clone() }
    }

    /// Copies the view with other columns of records.
    #[must_use]
    pub fn columns(&self, cols: Vec<String>) -> Self {
        Self { cols: Some(cols), ..self.clone() }
    }

    /// The columns as a URL parameter; empty for the default columns.
    pub fn cols_text(&self) -> String {
        match &self.cols {
            None => String::new(),
            Some(cols) if cols.is_empty() => "-".to_owned(),
            Some(cols) => cols.join(","),
        }
    }

    /// The columns besides time, level and message: those of the view, or the usual ones.
    pub fn shown_columns(&self) -> Vec<String> {
        let usual = || COLUMNS.iter().map(|name| (*name).to_owned()).collect();
        self.cols.clone().unwrap_or_else(usual)
    }

    /// The shown columns with this one added, or without it.
    pub fn toggled_columns(&self, column: &str) -> Vec<String> {
        let mut columns = self.shown_columns();
        match columns.iter().position(|known| known == column) {
            Some(at) => drop(columns.remove(at)),
            None => columns.push(column.to_owned()),
        }
        columns
    }

    /// Copies the view with one more table in an order of its own.
    #[must_use]
    pub fn ordered(&self, order: TableOrder) -> Self {
        let mut view = self.unordered(&order.table);
        view.orders.push(order);
        view
    }

    /// The same view with a table in its usual order.
    #[must_use]
    pub fn unordered(&self, table: &str) -> Self {
        let mut view = self.clone();
        view.orders.retain(|known| known.table != table);
        view
    }

    /// How tables are sorted, as a URL parameter; empty for their usual order.
    pub fn orders_text(&self) -> String {
        let text = |order: &TableOrder| {
            let end = if order.is_reversed { ":reversed" } else { "" };
            format!("{}:{}{end}", order.table, order.column)
        };
        self.orders.iter().map(text).collect::<Vec<_>>().join(",")
    }

    /// What a form sends along with a click, so that nothing of the view is lost; defaults are left out.
    pub fn form_fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![("q", self.q.clone())];
        if !self.window.is_implied {
            fields.push(("from", self.window.from.to_string()));
            fields.push(("to", self.window.to.to_string()));
        }
        fields.push(("cols", self.cols_text()));
        fields.push(("sort", self.sort.clone()));
        fields.push(("by", self.orders_text()));
        fields.push(("fields", self.fields.clone()));
        if self.refresh > 0 {
            fields.push(("refresh", self.refresh.to_string()));
        }
        if self.tail {
            fields.push(("tail", "1".to_owned()));
        }
        fields.retain(|(_, value)| !value.is_empty());
        fields
    }

    /// The same view, with or without following new records.
    #[must_use]
    pub fn tailing(&self, tail: bool) -> Self {
        Self { tail, place: Place::Start, ..self.clone() }
    }
}
