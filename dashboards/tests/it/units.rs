//! Whether the unit of a panel is the unit of what it asks for, worked out from the units of the catalogue
//! through rates, quotients and quantiles.

use std::fmt;

use logsearch::metrics::Unit;
use promql_parser::parser::token::{T_DIV, T_LAND, T_LUNLESS, T_MUL};
use promql_parser::parser::{AggregateExpr, BinaryExpr, Call, Expr};
use provisioning::dashboards;
use provisioning::dashboards::build::{Kind, Panel, Target};
use regex::Regex;

use crate::lint::metric_of;
use crate::promql;

/// Series that Prometheus makes itself and that have a unit; the others count.
const SECONDS_OF_PROMETHEUS: &str = "scrape_duration_seconds";
/// Panels whose unit is no mistake although it looks like one.
const ARGUED: [(&str, &str); 1] = [(
    "Database load (seconds per second)",
    "a share of one connection, in the words of its title",
)];

/// Powers of what a value is made of: requests a second are things to the first and seconds to the minus
/// first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Dimension {
    things: i8,
    seconds: i8,
    bytes: i8,
    /// Multiplied by 100.
    is_percent: bool,
}

const THINGS: Dimension = Dimension { things: 1, seconds: 0, bytes: 0, is_percent: false };
const SECONDS: Dimension = Dimension { things: 0, seconds: 1, bytes: 0, is_percent: false };
const BYTES: Dimension = Dimension { things: 0, seconds: 0, bytes: 1, is_percent: false };

/// Of a value, or `None` for a number that fits everything.
type Found = Result<Option<Dimension>, String>;

impl From<Unit> for Dimension {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Count => THINGS,
            Unit::Seconds => SECONDS,
            Unit::Bytes => BYTES,
            Unit::Ratio | Unit::None => Self::default(),
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { things, seconds, bytes, is_percent } = self;
        let hundred = if *is_percent { "100 " } else { "" };
        write!(formatter, "{hundred}things^{things} seconds^{seconds} bytes^{bytes}")
    }
}

impl Dimension {
    /// Times the other, to the power of 1 or -1.
    fn times(self, other: Self, power: i8) -> Self {
        Self {
            things: self.things + power * other.things,
            seconds: self.seconds + power * other.seconds,
            bytes: self.bytes + power * other.bytes,
            is_percent: self.is_percent || other.is_percent,
        }
    }

    /// Whether Grafana's unit says what this is. A mean, or what falls to one worker, is still what it was.
    fn fits(self, unit: &str) -> bool {
        let Self { things, seconds, bytes, is_percent } = self;
        let is_per_thing = things <= 0;
        match unit {
            "short" => (seconds, bytes, is_percent) == (0, 0, false),
            "percentunit" => (seconds, bytes, is_percent) == (0, 0, false) && is_per_thing,
            "percent" => (seconds, bytes, is_percent) == (0, 0, true) && is_per_thing,
            "s" => (seconds, bytes) == (1, 0) && is_per_thing,
            "bytes" => (seconds, bytes) == (0, 1) && is_per_thing,
            "reqps" | "ops" | "suffix: rows/s" => (things, seconds, bytes) == (1, -1, 0),
            other => panic!("what is the unit {other}?"),
        }
    }
}

/// Of the value of an expression.
fn dimension(expr: &Expr) -> Found {
    match expr {
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Ok(None),
        Expr::Paren(paren) => dimension(&paren.expr),
        Expr::Unary(unary) => dimension(&unary.expr),
        Expr::Subquery(subquery) => dimension(&subquery.expr),
        Expr::VectorSelector(vector) => {
            Ok(Some(of_series(vector.name.as_deref().unwrap_or_default())))
        }
        Expr::MatrixSelector(matrix) => {
            Ok(Some(of_series(matrix.vs.name.as_deref().unwrap_or_default())))
        }
        Expr::Aggregate(aggregate) => of_aggregate(aggregate),
        Expr::Binary(binary) => of_binary(binary),
        Expr::Call(call) => of_call(call),
        Expr::Extension(_) => Err("an extension of the language".to_owned()),
    }
}

fn of_series(name: &str) -> Dimension {
    match metric_of(name) {
        Some((_, "_bucket" | "_count")) => THINGS,
        Some((metric, _)) => metric.unit.into(),
        None if name == SECONDS_OF_PROMETHEUS => SECONDS,
        None => THINGS,
    }
}

fn of_aggregate(aggregate: &AggregateExpr) -> Found {
    match aggregate.op.to_string().as_str() {
        "count" => Ok(Some(THINGS)),
        _ => dimension(&aggregate.expr),
    }
}

fn of_call(call: &Call) -> Found {
    let argument = |index: usize| dimension(&call.args.args[index]);
    match call.func.name {
        "rate" | "irate" | "deriv" => {
            Ok(argument(0)?.map(|dimension| dimension.times(SECONDS, -1)))
        }
        "changes" | "resets" => Ok(Some(THINGS)),
        "time" => Ok(Some(SECONDS)),
        "histogram_quantile" => Ok(Some(of_histogram(&call.args.args[1])?)),
        "increase" | "predict_linear" | "clamp" | "clamp_min" | "clamp_max" | "abs" | "vector"
        | "avg_over_time" | "max_over_time" | "min_over_time" | "label_replace" => argument(0),
        other => Err(format!("nobody says what {other} does to units")),
    }
}

/// Of what a histogram observes, below its buckets.
fn of_histogram(expr: &Expr) -> Result<Dimension, String> {
    match expr {
        Expr::Paren(paren) => of_histogram(&paren.expr),
        Expr::Aggregate(aggregate) => of_histogram(&aggregate.expr),
        Expr::Call(call) => of_histogram(&call.args.args[0]),
        Expr::MatrixSelector(matrix) => {
            let name = matrix.vs.name.as_deref().unwrap_or_default();
            let histogram = metric_of(name).filter(|(_, part)| *part == "_bucket");
            histogram.map(|(metric, _)| metric.unit.into()).ok_or(format!("{name} has no buckets"))
        }
        _ => Err("a quantile of no histogram".to_owned()),
    }
}

fn of_binary(binary: &BinaryExpr) -> Found {
    let (left, right) = (dimension(&binary.lhs)?, dimension(&binary.rhs)?);
    let power = match binary.op.id() {
        T_MUL => 1,
        T_DIV => -1,
        // What the other side is decides only whether there is a value.
        T_LAND | T_LUNLESS => return Ok(left),
        _ if binary.op.is_comparison_operator() => return Ok(left),
        _ => {
            let [Some(one), Some(other)] = [left, right] else { return Ok(left.or(right)) };
            let differ = format!("{one} with {other}: {binary}");
            return if one == other { Ok(left) } else { Err(differ) };
        }
    };
    let is_times = |number: f64| {
        let is_it = |expr: &Expr| matches!(expr, Expr::NumberLiteral(n) if n.val.total_cmp(&number).is_eq());
        power == 1 && (is_it(&binary.lhs) || is_it(&binary.rhs))
    };
    // Nothing of anything, in place of what is not there.
    if (left, right) == (None, None) || is_times(0.0) {
        return Ok(None);
    }
    let is_percent = is_times(100.0);
    let scale = Dimension { is_percent, ..Dimension::default() };
    Ok(Some(left.unwrap_or_default().times(right.unwrap_or_default(), power).times(scale, 1)))
}

/// The unit in which a panel shows the answer to a query.
fn shown_in<'a>(panel: &'a Panel, target: &Target) -> &'a str {
    let is_meant =
        |series: &str| Regex::new(&format!("^{series}$")).unwrap().is_match(target.legend);
    let overrides = panel.overrides.iter().filter(|given| is_meant(given.series));
    let mut units =
        overrides.flat_map(|given| &given.properties).filter(|(name, _)| *name == "unit");
    units.next_back().and_then(|(_, unit)| unit.as_str()).unwrap_or(panel.unit)
}

/// What is wrong with the units of a panel.
fn units(panel: &Panel) -> Vec<String> {
    let mut wrong = Vec::new();
    for target in &panel.targets {
        let expr = promql::parse(&target.expr).unwrap();
        let found = match panel.kind {
            // Its unit is that of the axis, and the axis is the buckets.
            Kind::Heatmap => of_histogram(&expr).map(Some),
            _ => dimension(&expr),
        };
        let unit = shown_in(panel, target);
        match found {
            Ok(Some(dimension)) if !dimension.fits(unit) => {
                wrong.push(format!("{} is {dimension}, not {unit}", target.expr));
            }
            Ok(_) => {}
            Err(why) => wrong.push(why),
        }
    }
    wrong
}

#[test]
fn every_panel_is_in_the_unit_of_what_it_shows() {
    let mut argued = 0;
    for (dashboard, panel) in dashboards::panels() {
        let wrong = units(panel);
        if ARGUED.iter().any(|(title, _)| *title == panel.title) {
            assert!(!wrong.is_empty(), "{} needs no argument any more", panel.title);
            argued += 1;
            continue;
        }
        assert!(wrong.is_empty(), "{} / {}: {wrong:#?}", dashboard.title, panel.title);
    }
    assert_eq!(argued, ARGUED.len());
}

#[test]
fn a_wrong_unit_is_found() {
    let shown =
        |kind, unit, expr: &str| units(&dashboards::build::panel(kind, "x", unit).query(expr, "x"));
    let latency = "http_server_request_duration_seconds";
    for (unit, expr, complaint) in [
        ("s", "process_resident_memory_bytes", "bytes^1, not s"),
        ("short", "sum(rate(minitwit_inserts_total[5m]))", "seconds^-1 bytes^0, not short"),
        ("reqps", "sum(increase(minitwit_inserts_total[5m]))", "not reqps"),
        ("percentunit", "100 * system_cpu_utilization_ratio", "100 things^0"),
        ("percent", "system_cpu_utilization_ratio", "not percent"),
        ("percentunit", "max(minitwit_users)", "things^1"),
        ("reqps", &format!("rate({latency}_sum[5m]) / rate({latency}_count[5m])"), "not reqps"),
        (
            "short",
            &format!("histogram_quantile(0.9, sum by (le) (rate({latency}_bucket[5m])))"),
            "not short",
        ),
        ("s", "time() - max(minitwit_users)", "with things^1"),
        ("s", "histogram_quantile(0.9, rate(minitwit_inserts_total[5m]))", "no buckets"),
        ("s", "round(process_start_time_seconds)", "nobody says"),
    ] {
        let wrong = shown(Kind::Lines, unit, expr).join(" ");
        assert!(wrong.contains(complaint), "{unit} {expr}: {wrong:?}");
    }
    let buckets = format!("sum by (le) (increase({latency}_bucket[5m]))");
    assert_eq!(shown(Kind::Heatmap, "s", &buckets), Vec::<String>::new());
    assert_eq!(shown(Kind::Heatmap, "bytes", &buckets).len(), 1);
    let override_unit = dashboards::build::panel(Kind::Lines, "x", "s")
        .query("minitwit_users", "users")
        .right_axis("users", "short", "users");
    assert_eq!(units(&override_unit), Vec::<String>::new());
}
