//! A page as a browser reads it: elements by CSS selector, texts and attributes with entities resolved.
//! Tests select by `data-*` attributes and states; headings and sentences are free to change.

use scraper::{ElementRef, Html, Node, Selector};

/// Elements within a line of text; others begin a new one, or a new cell.
const INLINE: [&str; 10] = ["a", "b", "bdi", "code", "em", "i", "mark", "span", "strong", "time"];

/// A document.
pub struct Page(Html);

impl Page {
    pub fn parse(html: &str) -> Self {
        Self(Html::parse_document(html))
    }

    /// All elements a selector matches, in the order of the document.
    pub fn all(&self, css: &str) -> Vec<Element<'_>> {
        self.0.select(&selector(css)).map(Element).collect()
    }

    /// The only element a selector matches.
    #[track_caller]
    pub fn one(&self, css: &str) -> Element<'_> {
        Element(self.0.root_element()).one(css)
    }

    /// Whether a selector matches anything.
    pub fn has(&self, css: &str) -> bool {
        !self.all(css).is_empty()
    }

    /// The texts of all elements a selector matches.
    pub fn texts(&self, css: &str) -> Vec<String> {
        self.all(css).iter().map(Element::text).collect()
    }

    /// One attribute of all elements a selector matches.
    #[track_caller]
    pub fn values(&self, css: &str, attribute: &str) -> Vec<String> {
        Element(self.0.root_element()).values(css, attribute)
    }

    /// Where links, scripts and style sheets of the page lead, in the order of the document.
    pub fn links(&self) -> Vec<String> {
        let linking = self.all("[href], [src]").into_iter();
        let url = |one: Element| one.find("href").or_else(|| one.find("src")).map(str::to_owned);
        linking.filter_map(url).collect()
    }
}

fn selector(css: &str) -> Selector {
    Selector::parse(css).unwrap_or_else(|error| panic!("{css}: {error}"))
}

/// An element of a page.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a>(pub ElementRef<'a>);

impl<'a> Element<'a> {
    /// All elements inside that a selector matches, in the order of the document.
    pub fn all(&self, css: &str) -> Vec<Element<'a>> {
        self.0.select(&selector(css)).map(Element).collect()
    }

    /// The only element inside that a selector matches.
    #[track_caller]
    pub fn one(&self, css: &str) -> Element<'a> {
        let found = self.all(css);
        assert_eq!(found.len(), 1, "elements {css} in\n{}", self.html());
        found[0]
    }

    /// Whether a selector matches anything inside.
    pub fn has(&self, css: &str) -> bool {
        !self.all(css).is_empty()
    }

    /// The texts of all elements inside that a selector matches.
    pub fn texts(&self, css: &str) -> Vec<String> {
        self.all(css).iter().map(Element::text).collect()
    }

    /// One attribute of all elements inside that a selector matches.
    #[track_caller]
    pub fn values(&self, css: &str, attribute: &str) -> Vec<String> {
        self.all(css).iter().map(|element| element.attr(attribute).to_owned()).collect()
    }

    /// What is written in it, runs of white space as one space.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for node in self.0.descendants() {
            match node.value() {
                Node::Text(part) => text.push_str(part),
                Node::Element(element) if !INLINE.contains(&element.name()) => text.push(' '),
                _ => {}
            }
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// An attribute.
    #[track_caller]
    pub fn attr(&self, name: &str) -> &'a str {
        self.find(name).unwrap_or_else(|| panic!("no {name} on {}", self.html()))
    }

    /// An attribute, if it has it.
    pub fn find(&self, name: &str) -> Option<&'a str> {
        self.0.value().attr(name)
    }

    /// The markup, for messages.
    pub fn html(&self) -> String {
        self.0.html()
    }
}
