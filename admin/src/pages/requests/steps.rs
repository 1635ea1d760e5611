//! The steps of a request, as its waterfall draws them.

use std::cmp::Reverse;

use logsearch::fields;
use logsearch::record::LogRecord;

use crate::data::profile::{Profile, Statement, is_end};
use crate::data::record::{number_of, text_of};
use crate::ui::charts::Step;

/// All steps in order of their start: the request, its statements and other spans.
pub fn steps(profile: &Profile, records: &[LogRecord]) -> Vec<Step> {
    let mut steps: Vec<Step> = profile.statements.iter().map(step).collect();
    let others = records.iter().filter(|record| {
        record.field(fields::DB_QUERY).is_none()
            && record.field(fields::DURATION).is_some()
            && !is_end(record)
    });
    steps.extend(others.map(|record| {
        let took = number_of(record, fields::DURATION).unwrap_or(0);
        let name = text_of(record, fields::SPAN_NAME);
        let offset = number_of(record, fields::OFFSET);
        Step {
            label: name.unwrap_or_else(|| record.message.clone()),
            pieces: vec![(offset.unwrap_or(record.timestamp - took - profile.start), took)],
            times: 1,
            total: took,
            ..Step::default()
        }
    }));
    nest(&mut steps);
    if !steps.is_empty() {
        steps.insert(0, whole(profile));
    }
    steps
}

/// The step for the request itself, which contains all others.
fn whole(profile: &Profile) -> Step {
    Step {
        label: "the request".to_owned(),
        pieces: vec![(0, profile.duration)],
        times: 1,
        total: profile.duration,
        ..Step::default()
    }
}

fn step(statement: &Statement) -> Step {
    let note = match (statement.failed, statement.is_repeated()) {
        (true, _) => "failed".to_owned(),
        (false, true) => format!("N+1: same statement ran {} times", statement.times),
        (false, false) => String::new(),
    };
    Step {
        label: if statement.name.is_empty() {
            beginning(&statement.sql)
        } else {
            statement.name.clone()
        },
        pieces: statement.pieces.clone(),
        times: statement.times,
        total: statement.micros,
        is_bad: !note.is_empty(),
        note,
        from: statement.callsite.clone(),
        is_statement: true,
        ..Step::default()
    }
}

/// Sorts steps by start, longer ones first, and computes their nesting depth.
fn nest(steps: &mut [Step]) {
    let piece = |step: &Step| step.pieces.first().copied().unwrap_or_default();
    steps.sort_by_key(|step| (piece(step).0, Reverse(piece(step).1)));
    let mut around: Vec<i64> = Vec::new();
    for step in steps {
        let (start, took) = piece(step);
        around.retain(|end| *end > start);
        step.depth = around.len() + 1;
        // Nothing is part of a statement, and its runs may lie far apart.
        if !step.is_statement {
            around.push(start + took);
        }
    }
}

/// The beginning of a statement, for labels.
fn beginning(sql: &str) -> String {
    const KEPT: usize = 48;
    match sql.char_indices().nth(KEPT) {
        Some((at, _)) => format!("{}…", &sql[..at]),
        None => sql.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use logsearch::record::Value;

    use super::*;
    use crate::data::profile::tests::{record, sql};

    #[test]
    fn what_a_step_is_part_of_stands_around_it() {
        let part = |name: &str, offset, took| {
            let field = |name: &str, value| (name.to_owned(), value);
            let mut record = record(1_000, &[(fields::DURATION, Value::Int(took))]);
            record.fields.push(field(fields::SPAN_NAME, Value::Str(name.to_owned())));
            record.fields.push(field(fields::OFFSET, Value::Int(offset)));
            record
        };
        let end = [(fields::STATUS, Value::Int(200)), (fields::DURATION, Value::Int(900))];
        let mut records = vec![part("render", 500, 300), part("handler", 100, 700)];
        records.push(sql(
            1_000,
            &[(fields::DB_RUNS, Value::Int(2)), (fields::OFFSET, Value::Int(100))],
        ));
        records.extend([part("send", 800, 100), record(1_000, &end)]);
        let steps = steps(&Profile::new(&records), &records);
        let found: Vec<_> = steps.iter().map(|step| (step.label.as_str(), step.depth)).collect();
        let expected =
            [("the request", 0), ("handler", 1), ("SELECT 1", 2), ("render", 2), ("send", 1)];
        assert_eq!(found, expected);
    }
}
