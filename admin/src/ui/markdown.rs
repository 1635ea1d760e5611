//! Markdown as HTML, for runbooks: headings, lists, code, links. HTML in the text is shown as text, and
//! only web addresses and what the caller makes of an address become links.

use std::fmt::Write;

use askama::filters::Safe;
use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

/// A heading of the second level and what is below it, as HTML; the heading is empty for what comes
/// before the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkdownSection {
    /// The heading, as text.
    pub heading: String,
    /// What follows, as HTML without anything of the text that is markup by itself.
    html: String,
}

impl MarkdownSection {
    /// What follows, for a template.
    pub fn body(&self) -> Safe<&str> {
        Safe(self.html.as_str())
    }
}

/// The sections of a text. `link` returns where an address leads from here; without an answer its text
/// is shown without a link.
pub fn sections(markdown: &str, link: impl Fn(&str) -> Option<String>) -> Vec<MarkdownSection> {
    let mut sections = vec![(String::new(), Vec::new())];
    let mut is_heading = false;
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }) => {
                is_heading = true;
                sections.push((String::new(), Vec::new()));
            }
            Event::End(TagEnd::Heading(HeadingLevel::H2)) => is_heading = false,
            event => {
                let Some((heading, events)) = sections.last_mut() else { continue };
                match (is_heading, event) {
                    (true, Event::Text(text) | Event::Code(text)) => heading.push_str(&text),
                    (true, _) => {}
                    (false, event) => events.push(event),
                }
            }
        }
    }
    let section = |(heading, events)| MarkdownSection { heading, html: html(events, &link) };
    sections.into_iter().map(section).collect()
}

fn html(events: Vec<Event<'_>>, link: &dyn Fn(&str) -> Option<String>) -> String {
    let mut safe = Vec::new();
    // Whether the link that is open leads anywhere; and the text in place of an address as its own text.
    let mut open = Vec::new();
    let mut shown = None::<String>;
    for event in events {
        match event {
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let target = link(&dest_url);
                open.push(target.is_some());
                if let Some(target) = target {
                    if matches!(link_type, LinkType::Autolink) && *target != *dest_url {
                        shown = Some(target.clone());
                    }
                    let dest_url = CowStr::from(target);
                    safe.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
                }
            }
            Event::End(TagEnd::Link) => {
                if open.pop().unwrap_or(false) {
                    safe.push(Event::End(TagEnd::Link));
                }
            }
            Event::Text(text) => {
                safe.push(Event::Text(shown.take().map_or(text, CowStr::from)));
            }
            Event::Html(text) | Event::InlineHtml(text) => safe.push(Event::Text(text)),
            Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => {}
            event => safe.push(event),
        }
    }
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, safe.into_iter());
    html
}

/// All of a text as HTML, its second level as `<h2>`.
pub fn page(markdown: &str, link: impl Fn(&str) -> Option<String>) -> String {
    let mut page = String::new();
    for section in sections(markdown, link) {
        if !section.heading.is_empty() {
            let mut heading = String::new();
            pulldown_cmark::html::push_html(
                &mut heading,
                std::iter::once(Event::Text(section.heading.into())),
            );
            // Writing to a string cannot fail.
            let _infallible = writeln!(page, "<h2>{heading}</h2>");
        }
        page.push_str(&section.html);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(url: &str) -> Option<String> {
        url.starts_with("https://").then(|| url.to_owned())
    }

    #[test]
    fn a_text_is_cut_at_its_headings() {
        let text =
            "# Rule\nBad.\n\n## Look *here*\n- one\n- `two <b>`\n\n## Then\n```sh\nls | wc\n```\n";
        let found = sections(text, web);
        let headings: Vec<_> = found.iter().map(|section| section.heading.as_str()).collect();
        assert_eq!(headings, ["", "Look here", "Then"]);
        assert!(found[1].html.contains("<code>two &lt;b&gt;</code>"), "{}", found[1].html);
        assert!(found[2].html.contains("<pre><code"), "{}", found[2].html);
    }

    #[test]
    fn html_is_text_and_only_known_addresses_are_links() {
        let text = "<script>alert(1)</script>\n\n[a](javascript:alert) <https://b.example> \
            [c](https://c.example \"t\") ![d](https://d.example/x.png) <b onclick=x>e</b>";
        let html = page(text, web);
        for wrong in ["<script", "javascript:", "<img", "<b "] {
            assert!(!html.contains(wrong), "{html}");
        }
        assert_eq!(html.matches("<a href").count(), 2, "{html}");
    }

    #[test]
    fn an_address_that_is_its_own_text_shows_where_it_leads() {
        let link = |url: &str| url.strip_prefix("http://localhost:5002").map(str::to_owned);
        let html = page("<http://localhost:5002/admin> [x](http://localhost:5002/b)", link);
        assert!(html.contains("<a href=\"/admin\">/admin</a> <a href=\"/b\">x</a>"), "{html}");
    }
}
