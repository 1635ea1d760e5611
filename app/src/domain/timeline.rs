//! How timelines are cut into pages.

/// Messages per page.
pub const PAGE_SIZE: i64 = 30;
/// The last page that can be asked for by number; further back the cursor goes.
const MAX_PAGE_NUMBER: i64 = 100;

/// Cuts a list to one page; whether it had more. One row more than a page is asked for to know that.
pub fn cut_page<T>(rows: &mut Vec<T>) -> bool {
    let size = usize::try_from(PAGE_SIZE).unwrap_or(0);
    let has_more = rows.len() > size;
    rows.truncate(size);
    has_more
}

/// Which part of a timeline: by cursor, which costs the same anywhere, or by number, which the
/// course's monitoring asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Only messages after this one in the list.
    pub before: Option<i64>,
    /// Number of messages to skip.
    pub offset: i64,
}

impl Page {
    /// From `?before=<id>` and `?p=<number, from 0>`; the cursor wins. What is no number, negative or
    /// out of bounds means the first page, or the last that numbers reach.
    pub fn from_query(before: Option<&str>, number: Option<&str>) -> Self {
        let parse = |text: Option<&str>| text?.parse::<i64>().ok().filter(|value| *value >= 0);
        match parse(before) {
            Some(id) => Self { before: Some(id), offset: 0 },
            None => Self {
                before: None,
                offset: parse(number).unwrap_or(0).min(MAX_PAGE_NUMBER) * PAGE_SIZE,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_cursor_wins_over_the_number() {
        let page = Page::from_query(Some("7"), Some("2"));
        assert_eq!(page, Page { before: Some(7), offset: 0 });
    }

    #[test]
    fn nonsense_is_the_first_page() {
        for text in ["", "-1", "x", "1e3", "99999999999999999999"] {
            assert_eq!(Page::from_query(Some(text), Some(text)), Page::default(), "{text}");
        }
    }

    #[test]
    fn numbers_are_capped() {
        assert_eq!(Page::from_query(None, Some("2")).offset, 60);
        assert_eq!(Page::from_query(None, Some("5000000000")).offset, 3_000);
    }

    proptest! {
        #[test]
        fn any_position_is_within_bounds(before in ".{0,24}", number in ".{0,24}") {
            let page = Page::from_query(Some(&before), Some(&number));
            prop_assert!(page.before.is_none_or(|id| id >= 0));
            prop_assert!((0..=MAX_PAGE_NUMBER * PAGE_SIZE).contains(&page.offset));
        }
    }
}
