//! Numbers with units: how they are typed, compared and printed.

use std::cmp::Ordering;
use std::fmt;

use super::tree::Field;
use crate::fields::Kind;

/// A typed number. Whole ones are exact, whatever their size: no record has one that does not fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number.
    Int(i128),
    /// A finite number with a fraction, or one beyond 2⁵³ that was typed with an exponent.
    Float(f64),
}

/// Whole numbers up to here are the same as floats.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
/// More digits than any number of a record has; the number itself is far below the limits of `i128`, so that
/// units cannot exceed them.
const MAX_DIGITS: usize = 24;

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::Int(number.into())
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::Int(number.into())
    }
}

impl From<f64> for Number {
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
    fn from(number: f64) -> Self {
        let is_whole = number.fract() == 0.0 && number.abs() <= MAX_EXACT;
        if is_whole { Self::Int(number as i128) } else { Self::Float(number) }
    }
}

impl fmt::Display for Number {
    /// The shortest text that parses to the same number.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => number.fmt(formatter),
            // Display writes 1e300 with 301 digits.
            Self::Float(number) if number.abs() < 1e16 => number.fmt(formatter),
            Self::Float(number) => write!(formatter, "{number:e}"),
        }
    }
}

impl Number {
    /// The nearest float.
    #[expect(clippy::cast_precision_loss, reason = "the nearest is what is asked for")]
    pub const fn as_f64(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    /// So many times the number.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        match self {
            Self::Int(number) => Self::Int(number.saturating_mul(factor.into())),
            Self::Float(number) => Self::from(number * f64::from(factor)),
        }
    }

    fn times_float(self, factor: f64) -> Self {
        match (self, Self::from(factor)) {
            (Self::Int(number), Self::Int(factor)) => Self::Int(number.saturating_mul(factor)),
            _ => Self::from(self.as_f64() * factor),
        }
    }

    /// How a whole number compares with this one, exactly.
    #[expect(clippy::cast_possible_truncation, reason = "saturates far beyond what is compared")]
    pub fn compare_int(self, value: i128) -> Ordering {
        match self {
            Self::Int(number) => value.cmp(&number),
            Self::Float(number) => {
                let whole = number.floor();
                let behind = if number > whole { Ordering::Less } else { Ordering::Equal };
                value.cmp(&(whole as i128)).then(behind)
            }
        }
    }

    /// How a float compares with this number, exactly; `None` for what is no number.
    pub fn compare_float(self, value: f64) -> Option<Ordering> {
        match self {
            Self::Float(number) => value.partial_cmp(&number),
            Self::Int(_) if value.is_nan() => None,
            Self::Int(number) => Some(Self::Float(value).compare_int(number).reverse()),
        }
    }

    /// The least whole number that is not below.
    #[expect(clippy::cast_possible_truncation, reason = "saturates far beyond what is compared")]
    pub fn ceil(self) -> i128 {
        match self {
            Self::Int(number) => number,
            Self::Float(number) => number.ceil() as i128,
        }
    }

    /// The greatest whole number that is not above.
    #[expect(clippy::cast_possible_truncation, reason = "saturates far beyond what is compared")]
    pub fn floor(self) -> i128 {
        match self {
            Self::Int(number) => number,
            Self::Float(number) => number.floor() as i128,
        }
    }
}

/// A whole number above `i64::MAX`, which records keep as text.
pub fn large_unsigned(text: &str) -> Option<u64> {
    let is_long = matches!(text.len(), 19 | 20) && !text.starts_with(['0', '+']);
    let number = text.parse::<u64>().ok().filter(|_| is_long)?;
    i64::try_from(number).is_err().then_some(number)
}

/// A typed number in the unit of the field's typed name, with or without a unit of its own.
pub(super) fn parse(text: &str, field: &Field) -> Option<Number> {
    let (digits, unit) = text.split_at(number_len(text)?);
    let number = digits_of(digits)?;
    let number = if unit.is_empty() {
        number
    } else if let Some(own) = own_unit(field) {
        let typed = nanoseconds(unit)?;
        // Not multiplied and divided when equal, so that what is printed reads back the same.
        if typed.total_cmp(&own).is_eq() {
            number
        } else if typed > own {
            number.times_float(typed / own)
        } else {
            Number::from(number.as_f64() * typed / own)
        }
    } else {
        number.times_float(factor(unit)?)
    };
    number.as_f64().is_finite().then_some(number)
}

fn digits_of(text: &str) -> Option<Number> {
    let is_whole = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+'));
    if is_whole && text.len() <= MAX_DIGITS {
        return text.parse().ok().map(Number::Int);
    }
    text.parse::<f64>().ok().map(Number::from)
}

/// Bytes of the number a text starts with; a dot or an exponent belongs to it only with digits behind.
fn number_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let sign = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let mut end = sign + digits(sign);
    if end == sign {
        return None;
    }
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let exponent = digits((end + 1 + sign).min(bytes.len()));
        end += if exponent > 0 { 1 + sign + exponent } else { 0 };
    }
    Some(end)
}

/// Nanoseconds per unit of a typed number of this field, if it is a time.
fn own_unit(field: &Field) -> Option<f64> {
    if field.kind() == Kind::Microseconds {
        return Some(f64::from(field.scale) * 1e3);
    }
    let (_, unit) = field.name.rsplit_once(['_', '.'])?;
    match unit {
        "seconds" => Some(1e9),
        "ns" | "us" | "ms" | "s" => nanoseconds(unit),
        _ => None,
    }
}

fn nanoseconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        // Micro sign, Greek mu, and what keyboards have.
        "\u{b5}s" | "\u{3bc}s" | "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3_600e9,
        "d" => 86_400e9,
        _ => return None,
    })
}

fn factor(unit: &str) -> Option<f64> {
    Some(match unit {
        "k" | "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        _ => return None,
    })
}

/// The number with the unit, for a field whose name does not say it.
pub(super) fn print_for(number: Number, field: &Field) -> String {
    let says_unit = field.typed.ends_with("_ms") || field.scale != 1_000;
    let unit = if field.kind() == Kind::Microseconds && !says_unit { "ms" } else { "" };
    format!("{number}{unit}")
}

/// The number a value of an unknown field is when it is written like one and only then: `007` and
/// ids with more digits than any number has are texts.
pub(super) fn plain(text: &str) -> Option<Number> {
    let number = match text.parse::<i128>() {
        Ok(whole) => Number::Int(whole),
        Err(_) => Number::from(text.parse::<f64>().ok().filter(|number| number.is_finite())?),
    };
    let is_possible = match number {
        Number::Int(whole) => i64::try_from(whole).is_ok() || u64::try_from(whole).is_ok(),
        Number::Float(_) => true,
    };
    (is_possible && number.to_string() == text).then_some(number)
}

/// Whether a number has leading zeros, as ids have and quantities do not.
pub(super) fn is_padded(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    digits.starts_with('0') && digits[1..].starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str, field: &str) -> Option<Number> {
        parse(text, &Field::parse(field).unwrap())
    }

    #[test]
    fn whole_numbers_are_exact_with_and_without_a_unit() {
        for number in [9_007_199_254_740_993, i64::MAX, i64::MIN, -9_007_199_254_740_993] {
            assert_eq!(typed(&number.to_string(), "my.num"), Some(Number::from(number)));
            assert_eq!(plain(&number.to_string()), Some(Number::from(number)));
        }
        assert_eq!(typed(&u64::MAX.to_string(), "my.num"), Some(Number::from(u64::MAX)));
        assert_eq!(
            typed("9007199254740993s", "my.time_ms"),
            Some(Number::Int(9_007_199_254_740_993_000))
        );
        assert_eq!(
            typed("9007199254740993k", "my.num"),
            Some(Number::Int(9_007_199_254_740_993_000))
        );
        assert_eq!(typed("250000us", "duration"), Some(Number::Int(250)));
        assert_eq!(typed("1.5s", "duration"), Some(Number::Int(1_500)));
        assert_eq!(typed("1e3", "my.num"), Some(Number::Int(1_000)));
        assert_eq!(typed(&"9".repeat(400), "my.num"), None);
    }

    #[test]
    fn floats_and_whole_numbers_compare_exactly() {
        let large = Number::Int(9_007_199_254_740_993);
        assert_eq!(large.compare_float(9_007_199_254_740_992.0), Some(Ordering::Less));
        assert_eq!(Number::Float(1e300).compare_int(i128::from(u64::MAX)), Ordering::Less);
        assert_eq!(Number::Float(-1e300).compare_int(i128::from(i64::MIN)), Ordering::Greater);
        assert_eq!(Number::Float(0.5).compare_int(0), Ordering::Less);
        assert_eq!(Number::from(5.0).compare_float(5.0), Some(Ordering::Equal));
        assert_eq!(large.compare_float(f64::NAN), None);
    }

    #[test]
    fn only_what_is_written_like_a_number_is_one() {
        for text in ["007", "+5", "-0", "5.0", "1e3", "18446744073709551616", "inf", "NaN", ""] {
            assert_eq!(plain(text), None, "{text}");
        }
        assert_eq!(plain("1e16"), Some(Number::Float(1e16)));
        assert_eq!(large_unsigned("18446744073709551615"), Some(u64::MAX));
        for text in ["9223372036854775807", "09446744073709551615", "+9446744073709551615", "5"] {
            assert_eq!(large_unsigned(text), None, "{text}");
        }
    }
}
