//! A dashboard as a value: rows of panels, panels with queries and links. What Grafana reads is made
//! of it in `model`. Only what the dashboards here use.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// What every selector of a panel carries; `%J` in a query stands for it.
pub const SELECTION: &str = r#"job=~"$job",instance=~"$instance""#;
/// What holds while at least one instance can be scraped. A share of what was asked before an outage says
/// nothing of now.
pub const UP: &str = "and on () (max(up{%J}) > 0)";
/// What an instant panel shows in place of a value that there is not.
pub const NO_DATA: &str = "no data";

/// The pages of the panel that links lead to. A test opens each in a running service.
pub const PAGES: [&str; 3] = [LOGS, REQUESTS, STATEMENTS];
const LOGS: &str = "/admin/logs";
const REQUESTS: &str = "/admin/requests";
const STATEMENTS: &str = "/admin/requests/sql";

/// A dashboard.
pub struct Dashboard {
    /// Part of its address.
    pub uid: &'static str,
    /// As lists of dashboards show it.
    pub title: &'static str,
    /// One sentence of what it answers.
    pub description: &'static str,
    /// From top to bottom.
    pub rows: Vec<Row>,
}

/// Panels under a heading.
pub struct Row {
    /// The heading.
    pub title: &'static str,
    /// Closed rows ask for their data when they are opened.
    pub is_open: bool,
    /// From left to right, on as many lines as they need.
    pub panels: Vec<Panel>,
}

/// An open row.
pub fn row(title: &'static str, panels: Vec<Panel>) -> Row {
    Row { title, is_open: true, panels }
}

/// A row that opens with a click.
pub fn closed_row(title: &'static str, panels: Vec<Panel>) -> Row {
    Row { title, is_open: false, panels }
}

/// How a panel draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One number, or one for each series.
    Stat,
    /// The same above its course, for what is cheap to ask over time.
    Trend,
    /// Text of the labels, for what has no number.
    Text,
    /// Lines over time.
    Lines,
    /// Areas on top of each other, for parts of a whole.
    Stacked,
    /// Bars on top of each other, for sums of a time.
    Bars,
    /// A dial from 0 to a maximum.
    Gauge,
    /// A bar for each series.
    BarGauge,
    /// A row for each label set, a column for each query.
    Table,
    /// Buckets over time.
    Heatmap,
    /// A band for each series, with a color for each state.
    Timeline,
    /// The alerts that fire, of Grafana and of Prometheus.
    Alerts,
    /// Text in Markdown, for what has to be read when nothing else answers.
    Notes,
}

impl Kind {
    /// Whether its data comes from queries.
    pub fn has_queries(self) -> bool {
        !matches!(self, Self::Alerts | Self::Notes)
    }
}

/// One query of a panel.
pub struct Target {
    /// What Prometheus is asked.
    pub expr: String,
    /// How a series is called; `{{label}}` stands for a value.
    pub legend: &'static str,
}

/// A color in place of the palette's, or an axis of its own, for the series of a name.
pub struct Override {
    /// A regular expression over names of series, or columns.
    pub series: &'static str,
    /// Ids and values of properties.
    pub properties: Vec<(&'static str, Value)>,
}

/// A link of a value.
pub struct Link {
    /// What is clicked.
    pub title: &'static str,
    /// Behind the address of the panel, with the variables of Grafana.
    pub url: String,
}

/// A panel.
#[must_use]
pub struct Panel {
    /// Unique on its dashboard.
    pub title: &'static str,
    /// What is seen and why it matters.
    pub description: &'static str,
    /// How it draws.
    pub kind: Kind,
    /// Of its values, as Grafana names it.
    pub unit: &'static str,
    /// Columns and lines of the grid.
    pub size: (u32, u32),
    /// What is asked.
    pub targets: Vec<Target>,
    /// Where a value leads.
    pub links: Vec<Link>,
    /// From which values on which color.
    pub thresholds: Vec<(f64, &'static str)>,
    /// The color below the first of them.
    pub base_color: &'static str,
    /// The ends of the axis.
    pub range: (Option<f64>, Option<f64>),
    /// Where the axis of a graph ends at least, so that noise around 0 does not fill the panel.
    pub soft_max: Option<f64>,
    /// What differs for some series.
    pub overrides: Vec<Override>,
    /// Digits behind the point.
    pub decimals: Option<u32>,
    /// What stands in place of a value that there is not.
    pub no_value: Option<&'static str>,
    /// The Markdown of [`Kind::Notes`].
    pub text: String,
}

/// A panel without queries.
pub fn panel(kind: Kind, title: &'static str, unit: &'static str) -> Panel {
    let size = match kind {
        Kind::Stat | Kind::Trend | Kind::Text => (4, 4),
        Kind::Gauge => (6, 8),
        _ => (12, 8),
    };
    let range = match kind {
        Kind::Lines | Kind::Stacked | Kind::Bars | Kind::Gauge | Kind::BarGauge => {
            (Some(0.0), None)
        }
        _ => (None, None),
    };
    Panel {
        title,
        description: "",
        kind,
        unit,
        size,
        targets: Vec::new(),
        links: Vec::new(),
        thresholds: Vec::new(),
        base_color: "green",
        range,
        overrides: Vec::new(),
        soft_max: soft_max_of(unit),
        decimals: None,
        no_value: None,
        text: String::new(),
    }
}

/// Where an axis of this unit ends at least: a percent, 10 ms, 1 MiB, or one thing.
fn soft_max_of(unit: &str) -> Option<f64> {
    match unit {
        "percent" => None,
        "percentunit" | "s" => Some(0.01),
        "bytes" => Some(1_048_576.0),
        _ => Some(1.0),
    }
}

impl Panel {
    /// What is seen and why it matters.
    pub fn about(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    /// Also asks this. `%J` stands for the selection of jobs and instances.
    pub fn query(mut self, expr: &str, legend: &'static str) -> Self {
        let words: Vec<_> = expr.split_whitespace().collect();
        // A line may end before a range, where people write no space.
        let expr = words.join(" ").replace("} [", "}[").replace("%J", SELECTION);
        self.targets.push(Target { expr, legend });
        self
    }

    /// So many columns and lines.
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// A value leads to the logs of the time that is shown, in this query.
    pub fn logs(self, title: &'static str, query: &str) -> Self {
        self.link(title, LOGS, query)
    }

    /// A value leads to the requests of the time that is shown, in this query.
    pub fn requests(self, title: &'static str, query: &str) -> Self {
        self.link(title, REQUESTS, query)
    }

    /// A value leads to the statements of the time that is shown, in this query.
    pub fn sql(self, title: &'static str, query: &str) -> Self {
        self.link(title, STATEMENTS, query)
    }

    fn link(mut self, title: &'static str, path: &str, query: &str) -> Self {
        let query = encode(query);
        let url = format!("${{admin_url}}{path}?from=${{__from}}&to=${{__to}}&q={query}");
        self.links.push(Link { title, url });
        self
    }

    /// From these values on these colors; below the first it is green.
    pub fn thresholds(mut self, thresholds: &[(f64, &'static str)]) -> Self {
        self.thresholds = thresholds.to_vec();
        self
    }

    /// The same for what is bad when it is low: red below the first.
    pub fn floor(self, thresholds: &[(f64, &'static str)]) -> Self {
        Self { base_color: "red", ..self.thresholds(thresholds) }
    }

    /// Where the axis ends at least.
    pub fn soft_max(self, value: f64) -> Self {
        Self { soft_max: Some(value), ..self }
    }

    /// Has a value only while an instance is up: no color speaks for a service that does not answer.
    pub fn while_up(mut self) -> Self {
        let up = UP.replace("%J", SELECTION);
        for target in &mut self.targets {
            target.expr = format!("({}) {up}", target.expr);
        }
        self
    }

    /// The Markdown of [`Kind::Notes`].
    pub fn text(self, text: &str) -> Self {
        Self { text: text.to_owned(), ..self }
    }

    /// The largest value of the axis.
    pub fn max(mut self, max: f64) -> Self {
        self.range.1 = Some(max);
        self
    }

    /// An axis that need not start at 0, for totals that hardly change.
    pub fn free_axis(mut self) -> Self {
        self.range.0 = None;
        self
    }

    /// So many digits behind the point.
    pub fn decimals(mut self, decimals: u32) -> Self {
        self.decimals = Some(decimals);
        self
    }

    /// This in place of a value, where having none is an answer.
    pub fn without_value(self, text: &'static str) -> Self {
        Self { no_value: Some(text), ..self }
    }

    /// These series in this color.
    pub fn color(self, series: &'static str, color: &'static str) -> Self {
        let color = json!({"mode": "fixed", "fixedColor": color});
        self.set(series, vec![("color", color)])
    }

    /// These series on an axis of their own, on the right, which has a name.
    pub fn right_axis(self, series: &'static str, unit: &'static str, name: &str) -> Self {
        let placement = ("custom.axisPlacement", json!("right"));
        let label = ("custom.axisLabel", json!(name));
        let soft_max = ("custom.axisSoftMax", json!(soft_max_of(unit)));
        self.set(series, vec![("unit", json!(unit)), placement, label, soft_max])
    }

    /// These series as a dashed line without an area: a limit or a forecast.
    pub fn dashed(self, series: &'static str, color: &'static str) -> Self {
        let style = ("custom.lineStyle", json!({"fill": "dash", "dash": [8, 8]}));
        let stacking = ("custom.stacking", json!({"mode": "none"}));
        let properties = vec![
            ("color", json!({"mode": "fixed", "fixedColor": color})),
            ("custom.fillOpacity", json!(0)),
            style,
            stacking,
        ];
        self.set(series, properties)
    }

    /// Whether a person sees several series, told apart by their labels.
    pub fn is_of_many(&self) -> bool {
        self.targets.iter().any(|target| target.legend.contains("{{"))
    }

    /// The window over which bars sum up, which is how far they are apart: bars that overlap become an
    /// area. `None` for other kinds.
    pub fn interval(&self) -> Option<&str> {
        let expr = &self.targets.first()?.expr;
        let window = expr.split_once('[')?.1.split_once(']')?.0;
        (self.kind == Kind::Bars).then_some(window)
    }

    /// What differs for some series.
    pub fn set(mut self, series: &'static str, properties: Vec<(&'static str, Value)>) -> Self {
        self.overrides.push(Override { series, properties });
        self
    }
}

impl Dashboard {
    /// Its panels with their ids, rows left out.
    pub fn panels(&self) -> impl Iterator<Item = (u32, &Panel)> {
        // A row has an id of its own, in front of those of its panels.
        let items = self
            .rows
            .iter()
            .flat_map(|row| std::iter::once(None).chain(row.panels.iter().map(Some)));
        (1..).zip(items).filter_map(|(id, panel)| Some((id, panel?)))
    }
}

/// Encodes a query for an address and leaves the variables of Grafana alone, which encodes them itself.
fn encode(query: &str) -> String {
    let mut encoded = String::new();
    let mut rest = query;
    while let Some(at) = rest.find("${") {
        let end = at + rest[at..].find('}').expect("a variable has an end") + 1;
        encoded.extend(utf8_percent_encode(&rest[..at], NON_ALPHANUMERIC));
        encoded.push_str(&rest[at..end]);
        rest = &rest[end..];
    }
    encoded.extend(utf8_percent_encode(rest, NON_ALPHANUMERIC));
    encoded
}
