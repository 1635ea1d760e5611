//! The whole numbers that a clause over typed numbers allows, which have fractions and units.

use crate::embedded::disk::keyword::written_int;
use crate::query::{Comparison, Field, Operand, Query, compare_int};

/// The whole numbers a comparison or range allows; `None` when it is neither or allows none.
pub fn integer_range(query: &Query, field: &Field) -> Option<(i64, i64)> {
    let (low, high) = match query {
        Query::Eq(_, Operand::Number(number)) => {
            let number = field.stored(*number);
            (at_least(number)?, at_most(number)?)
        }
        Query::Compare(_, comparison, number) => {
            let number = field.stored(*number);
            match comparison {
                Comparison::GreaterOrEqual => (at_least(number)?, i64::MAX),
                Comparison::LessOrEqual => (i64::MIN, at_most(number)?),
                Comparison::Greater => {
                    let low = at_most(number).map_or(Some(i64::MIN), |n| n.checked_add(1))?;
                    (low, i64::MAX)
                }
                Comparison::Less => {
                    let high = at_least(number).map_or(Some(i64::MAX), |n| n.checked_sub(1))?;
                    (i64::MIN, high)
                }
            }
        }
        Query::Range(_, Operand::Number(low), Operand::Number(high)) => {
            (at_least(field.stored(*low))?, at_most(field.stored(*high))?)
        }
        _ => return None,
    };
    (low <= high).then_some((low, high))
}

/// Whether only numbers can hold it.
pub fn is_numeric(query: &Query) -> bool {
    matches!(query, Query::Compare(..) | Query::Range(_, Operand::Number(_), _))
}

/// The least whole number not below; `None` when there is none.
#[expect(clippy::cast_possible_truncation, reason = "what was cut off is compared again")]
fn at_least(number: f64) -> Option<i64> {
    let whole = number.ceil() as i64;
    compare_int(whole, number).is_ge().then_some(whole)
}

/// The greatest whole number not above; `None` when there is none.
#[expect(clippy::cast_possible_truncation, reason = "what was cut off is compared again")]
fn at_most(number: f64) -> Option<i64> {
    let whole = number.floor() as i64;
    compare_int(whole, number).is_le().then_some(whole)
}

/// The whole number that equals an operand.
pub fn wanted_int(wanted: &Operand, field: &Field) -> Option<i64> {
    match wanted {
        Operand::Number(number) => {
            let number = field.stored(*number);
            at_least(number).filter(|whole| compare_int(*whole, number).is_eq())
        }
        Operand::Text(text) => written_int(text),
    }
}
