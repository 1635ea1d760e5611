//! Reads the text format of Prometheus, version 0.0.4, which every metrics crate can write. Lines that
//! cannot be read are counted and passed over: one bad line must not cost a chart its other series.
//! Types and help texts are not read here; the host's catalogue has them.

use std::borrow::Cow;

/// A sample: a series and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    /// The name, with the suffix `_bucket`, `_sum` or `_count` if it is a part of a histogram.
    pub name: &'a str,
    /// Name and labels as they stand in the text: the identity of the series.
    pub series: &'a str,
    /// Label names and values, in the order of the text.
    pub labels: Vec<(&'a str, Cow<'a, str>)>,
    /// The value; may be infinite or not a number.
    pub value: f64,
}

impl Sample<'_> {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_ref())
    }

    /// The upper bound of a histogram's bucket.
    pub fn upper_bound(&self) -> Option<f64> {
        self.label("le")?.parse().ok().filter(|bound: &f64| !bound.is_nan())
    }
}

/// All lines of a text.
#[derive(Clone, Debug, Default)]
pub struct Exposition<'a> {
    /// Samples in the order of the text.
    pub samples: Vec<Sample<'a>>,
    /// Lines that are neither empty, a comment, nor a sample.
    pub bad_lines: u64,
}

/// Parses an exposition; invalid lines are counted and skipped.
pub fn parse(text: &str) -> Exposition<'_> {
    let mut exposition = Exposition::default();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match sample(line) {
            Some(sample) => exposition.samples.push(sample),
            None => exposition.bad_lines += 1,
        }
    }
    exposition
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(|c: char| !is_name(c)).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if !starts_name(name) {
        return None;
    }
    let (labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let series = &line[..line.len() - rest.len()];
    let mut words = rest.split_whitespace();
    let value = words.next()?.parse().ok()?;
    // A time stamp may follow, which nobody here needs, and nothing else.
    let is_whole = words.next().is_none_or(|word| word.parse::<i64>().is_ok());
    (is_whole && words.next().is_none()).then_some(Sample { name, series, labels, value })
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn starts_name(name: &str) -> bool {
    name.starts_with(|c: char| is_name(c) && !c.is_ascii_digit())
}

type Labels<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// The labels up to the closing brace, and what stands behind it.
fn labels(mut rest: &str) -> Option<(Labels<'_>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, value) = rest.split_once('=')?;
        let name = name.trim_end();
        if !starts_name(name) || !name.chars().all(is_name) {
            return None;
        }
        let (value, behind) = quoted(value.trim_start().strip_prefix('"')?)?;
        labels.push((name, value));
        rest = behind.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(rest) => rest,
            None if rest.starts_with('}') => rest,
            None => return None,
        };
    }
}

/// A label's value up to the closing quote, and what stands behind it.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text[end..].starts_with('"') {
        return Some((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Cow::Owned(value), &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn samples_are_read_as_exporters_write_them() {
        let text = "# HELP a b\n# TYPE a counter\na 1\nb{} 2.5 1700000000000\n\
            c_bucket{path=\"/a,b}\",le=\"+Inf\",} +Inf\n  d { x = \"q\\\"\\\\\\n\" } NaN\r\n";
        let read = parse(text);
        assert_eq!((read.samples.len(), read.bad_lines), (4, 0));
        assert_eq!((read.samples[0].name, read.samples[0].value), ("a", 1.0));
        assert_eq!((read.samples[1].series, read.samples[1].value), ("b{}", 2.5));
        assert_eq!(read.samples[2].label("path"), Some("/a,b}"));
        assert_eq!(read.samples[2].upper_bound(), Some(f64::INFINITY));
        assert_eq!(read.samples[3].label("x"), Some("q\"\\\n"));
        assert!(read.samples[3].value.is_nan());
    }

    #[test]
    fn a_bad_line_is_counted_and_costs_no_other() {
        let bad = [
            "1a 2",
            "a",
            "a x",
            "a{ 1",
            "a{b} 1",
            "a{b=\"c} 1",
            "a{b=\"c\" d=\"e\"} 1",
            "a 1 2 3",
            "a{b=\"\\",
            "é 1",
            "a{0b=\"c\"} 1",
            "{} 1",
            "a 1 x",
        ];
        for line in bad {
            let text = format!("good 1\n{line}\nbetter 2\n");
            let read = parse(&text);
            assert_eq!((read.samples.len(), read.bad_lines), (2, 1), "{line}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read(text in "[a-z0-9_{}=\",\\\\ \n.+#é-]{0,200}") {
            let read = parse(&text);
            let lines = text.lines().map(str::trim);
            let told = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).count();
            prop_assert_eq!(read.samples.len() + usize::try_from(read.bad_lines).unwrap(), told);
        }

        #[test]
        fn what_is_written_is_read_back(
            name in "[a-z_:][a-z0-9_:]{0,8}",
            label in "[a-z_][a-z0-9_]{0,8}",
            value in "\\PC{0,20}",
            number in any::<f64>(),
        ) {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let text = format!("{name}{{{label}=\"{escaped}\"}} {number}");
            let read = parse(&text);
            prop_assert_eq!(read.bad_lines, 0);
            prop_assert_eq!(read.samples[0].label(&label), Some(value.as_str()));
            prop_assert_eq!(read.samples[0].value.to_bits(), number.to_bits());
        }
    }
}
