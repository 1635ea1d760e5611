//! Numbers with units: how they are typed and how they are printed.

use super::tree::Field;
use crate::fields::Kind;

/// A typed number in the unit of the field's typed name, with or without a unit of its own.
pub(super) fn parse(text: &str, field: &Field) -> Option<f64> {
    let (digits, unit) = text.split_at(number_len(text)?);
    let number: f64 = digits.parse().ok()?;
    let number = if unit.is_empty() {
        number
    } else if let Some(own) = own_unit(field) {
        let typed = nanoseconds(unit)?;
        // Not multiplied and divided when equal, so that what is printed reads back the same.
        if typed.total_cmp(&own).is_eq() { number } else { number * typed / own }
    } else {
        number * factor(unit)?
    };
    number.is_finite().then_some(number)
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

/// The shortest text that parses to the same number.
pub(super) fn print(number: f64) -> String {
    // Display writes 1e300 with 301 digits.
    if number.abs() < 1e16 { number.to_string() } else { format!("{number:e}") }
}

/// The same with the unit, for a field whose name does not say it.
pub(super) fn print_for(number: f64, field: &Field) -> String {
    let says_unit = field.typed.ends_with("_ms") || field.scale != 1_000;
    let unit = if field.kind() == Kind::Microseconds && !says_unit { "ms" } else { "" };
    print(number) + unit
}

/// The number a value of an unknown field is when it is written like one and only then: `007` and
/// ids with more digits than a float can hold are texts.
pub(super) fn plain(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && print(number) == text).then_some(number)
}

/// Whether a number has leading zeros, as ids have and quantities do not.
pub(super) fn is_padded(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    digits.starts_with('0') && digits[1..].starts_with(|c: char| c.is_ascii_digit())
}
