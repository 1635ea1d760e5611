//! What an expression selects and computes, for rules about it.

use promql_parser::label::MatchOp;
use promql_parser::parser::{self, Expr};

/// A selector of series in an expression.
#[derive(Clone, Debug)]
pub struct Selector {
    /// The metric.
    pub name: String,
    /// Label, operator and value of each matcher.
    pub matchers: Vec<(String, MatchOp, String)>,
    /// The functions and aggregations around it, innermost first.
    pub inside: Vec<String>,
    /// Whether it has a range.
    pub is_range: bool,
}

/// An expression that was read.
pub struct Expression {
    /// Its selectors.
    pub selectors: Vec<Selector>,
    /// The labels that aggregations keep or drop, and binary operators match.
    pub labels: Vec<String>,
    /// The labels kept below each `histogram_quantile`.
    pub quantiles: Vec<Vec<String>>,
}

/// Parses an expression, with the variables of Grafana replaced by what they might be.
pub fn parse(text: &str) -> Result<Expr, String> {
    parser::parse(&with_intervals(text, "1m"))
}

/// What an expression selects and computes.
pub fn read(text: &str) -> Result<Expression, String> {
    let mut found = Expression { selectors: Vec::new(), labels: Vec::new(), quantiles: Vec::new() };
    found.visit(&parse(text)?, &mut Vec::new());
    Ok(found)
}

/// The same text with one length in place of each interval that Grafana fills in.
fn with_intervals(text: &str, length: &str) -> String {
    ["$__rate_interval", "$__interval", "$__range"]
        .iter()
        .fold(text.to_owned(), |text, variable| text.replace(variable, length))
}

/// The same text as Grafana asks it with everything selected.
pub fn with_variables(text: &str, interval: &str) -> String {
    with_intervals(text, interval).replace("$job", "minitwit").replace("$instance", ".+")
}

impl Expression {
    fn visit(&mut self, expr: &Expr, inside: &mut Vec<String>) {
        match expr {
            Expr::Aggregate(aggregate) => {
                if let Some(modifier) = &aggregate.modifier {
                    self.labels.extend(modifier.labels().labels.iter().cloned());
                }
                self.within(&aggregate.op.to_string(), &aggregate.expr, inside);
                if let Some(param) = &aggregate.param {
                    self.visit(param, inside);
                }
            }
            Expr::Unary(unary) => self.visit(&unary.expr, inside),
            Expr::Binary(binary) => {
                let matching =
                    binary.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref());
                self.labels
                    .extend(matching.iter().flat_map(|labels| labels.labels().labels.clone()));
                self.visit(&binary.lhs, inside);
                self.visit(&binary.rhs, inside);
            }
            Expr::Paren(paren) => self.visit(&paren.expr, inside),
            Expr::Subquery(subquery) => self.visit(&subquery.expr, inside),
            Expr::VectorSelector(vector) => self.select(vector, false, inside),
            Expr::MatrixSelector(matrix) => self.select(&matrix.vs, true, inside),
            Expr::Call(call) => {
                let before = self.labels.len();
                for argument in &call.args.args {
                    self.within(call.func.name, argument, inside);
                }
                if call.func.name == "histogram_quantile" {
                    self.quantiles.push(self.labels[before..].to_vec());
                }
            }
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
        }
    }

    fn within(&mut self, function: &str, expr: &Expr, inside: &mut Vec<String>) {
        inside.push(function.to_owned());
        self.visit(expr, inside);
        inside.pop();
    }

    fn select(&mut self, vector: &parser::VectorSelector, is_range: bool, inside: &[String]) {
        let matchers = vector.matchers.matchers.iter();
        let matchers = matchers.map(|m| (m.name.clone(), m.op.clone(), m.value.clone()));
        self.selectors.push(Selector {
            name: vector.name.clone().unwrap_or_default(),
            matchers: matchers.collect(),
            inside: inside.iter().rev().cloned().collect(),
            is_range,
        });
    }
}

#[test]
fn an_expression_is_taken_apart() {
    let text = r#"histogram_quantile(0.9, sum by (le) (rate(a_bucket{x=~"$y"}[$__rate_interval]))) / on (z) b"#;
    let read = read(text).unwrap();
    assert_eq!(read.labels, ["z", "le"]);
    assert_eq!(read.quantiles, [["le"]]);
    let names: Vec<_> = read.selectors.iter().map(|selector| selector.name.as_str()).collect();
    assert_eq!(names, ["a_bucket", "b"]);
    assert_eq!(read.selectors[0].inside, ["rate", "sum", "histogram_quantile"]);
    assert!(read.selectors[0].is_range && !read.selectors[1].is_range);
    assert!(super::promql::read("sum(").is_err());
}
