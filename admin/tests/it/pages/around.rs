//! What stands around an element of a page.

use scraper::{ElementRef, Selector};

use crate::html::Element;

/// Whether an element or one around it is what a selector matches.
pub fn is_in(element: Element<'_>, css: &str) -> bool {
    let selector = Selector::parse(css).expect("a selector");
    let around = element.0.ancestors().filter_map(ElementRef::wrap);
    std::iter::once(element.0).chain(around).any(|element| selector.matches(&element))
}
