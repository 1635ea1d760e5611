//! The whole numbers that a clause over typed numbers allows, which have fractions and units.

use crate::embedded::disk::keyword::written_int;
use crate::query::{Comparison, Field, Operand, Query};

/// The whole numbers a comparison or range allows, both ends included; `None` when it is neither or allows
/// none.
pub fn integer_range(query: &Query, field: &Field) -> Option<(i128, i128)> {
    let (low, high) = match query {
        Query::Eq(_, Operand::Number(number)) => {
            let number = field.stored(*number);
            (number.ceil(), number.floor())
        }
        Query::Compare(_, comparison, number) => {
            let number = field.stored(*number);
            match comparison {
                Comparison::GreaterOrEqual => (number.ceil(), i128::MAX),
                Comparison::LessOrEqual => (i128::MIN, number.floor()),
                Comparison::Greater => (number.floor().checked_add(1)?, i128::MAX),
                Comparison::Less => (i128::MIN, number.ceil().checked_sub(1)?),
            }
        }
        Query::Range(_, Operand::Number(low), Operand::Number(high)) => {
            (field.stored(*low).ceil(), field.stored(*high).floor())
        }
        _ => return None,
    };
    (low <= high).then_some((low, high))
}

/// The part of a range that a column can hold; `None` when it can hold none of it.
pub fn within_column((low, high): (i128, i128)) -> Option<(i64, i64)> {
    let (least, greatest) = (i128::from(i64::MIN), i128::from(i64::MAX));
    if low > greatest || high < least {
        return None;
    }
    let clamp = |bound: i128| i64::try_from(bound.clamp(least, greatest)).ok();
    Some((clamp(low)?, clamp(high)?))
}

/// Whether only numbers can hold it.
pub fn is_numeric(query: &Query) -> bool {
    matches!(query, Query::Compare(..) | Query::Range(_, Operand::Number(_), _))
}

/// The whole number that equals an operand.
pub fn wanted_int(wanted: &Operand, field: &Field) -> Option<i64> {
    match wanted {
        Operand::Number(number) => {
            let number = field.stored(*number);
            let whole = (number.ceil() == number.floor()).then(|| number.ceil());
            whole.and_then(|whole| i64::try_from(whole).ok())
        }
        Operand::Text(text) => written_int(text),
    }
}
