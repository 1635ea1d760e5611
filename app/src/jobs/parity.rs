//! Whether the site and the API show the same newest messages in the same order: both are asked
//! through their handlers, and the page is read as a browser gets it.
//!
//! Messages posted between the two questions are not a difference: the API is asked second and for
//! more, and the comparison starts where the page's newest message stands in its list.

use axum::Router;
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde::Deserialize;
use tower::ServiceExt;

use super::{Context, Outcome};
use crate::domain::PAGE_SIZE;
use crate::escape::escaped;
use crate::links;
use crate::metrics;

/// How many messages may come between the two questions.
const SLACK: usize = 500;
/// What every message on a page has, once and behind its author and text.
const TIME: &str = "<time datetime=\"";

/// What every text of a message begins with.
const TEXT: &str = "<span class=\"text\" dir=\"auto\">";

/// A message as the API lists it.
#[derive(Debug, Deserialize)]
struct Listed {
    content: String,
    pub_date: i64,
    user: String,
}

impl Listed {
    fn datetime(&self) -> String {
        let time = Timestamp::from_second(self.pub_date).unwrap_or_default();
        time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

/// A message as the page shows it.
struct Shown<'a> {
    /// The markup in front of its time: author and text.
    markup: &'a str,
    datetime: &'a str,
}

impl Shown<'_> {
    fn is(&self, listed: &Listed) -> bool {
        self.datetime == listed.datetime()
            && self.markup.contains(&format!(">{}</", escaped(links::shown(&listed.user))))
            && self.text() == Some(escaped(&listed.content))
    }

    /// The text without the markup of its links; what is escaped has no bracket.
    fn text(&self) -> Option<String> {
        let (_, text) = self.markup.rsplit_once(TEXT)?;
        let (text, _) = text.split_once("</span>")?;
        let mut pieces = text.split('<');
        let mut plain = pieces.next()?.to_owned();
        pieces.for_each(|piece| plain.extend(piece.split_once('>').map(|(_, rest)| rest)));
        Some(plain)
    }
}

/// Compares, and once more when they differ: a message may have been hidden in between.
pub async fn site_api_parity(context: Context) -> anyhow::Result<Outcome> {
    let mut found = compare(&context.lists).await?;
    if found.matching < found.messages {
        found = compare(&context.lists).await?;
    }
    metrics::site_api_parity(found.ratio());
    let Parity { matching, messages } = found;
    if matching < messages {
        tracing::warn!(
            parity.matching = matching,
            parity.messages = messages,
            "site and API show different messages"
        );
    }
    Ok(Outcome::Done(format!("site and API agree on {matching} of {messages} messages")))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parity {
    matching: usize,
    messages: usize,
}

impl Parity {
    #[expect(clippy::cast_precision_loss, reason = "a page has 30 messages")]
    fn ratio(self) -> f64 {
        if self.messages == 0 { 1.0 } else { self.matching as f64 / self.messages as f64 }
    }
}

async fn compare(lists: &Router) -> anyhow::Result<Parity> {
    let page_size = usize::try_from(PAGE_SIZE)?;
    let page = get(lists, "/public").await?;
    let list = get(lists, &format!("/msgs?no={}", page_size + SLACK)).await?;
    let page = String::from_utf8(page)?;
    Ok(parity(&shown(&page), &serde_json::from_slice::<Vec<Listed>>(&list)?, page_size))
}

async fn get(lists: &Router, path: &str) -> anyhow::Result<Vec<u8>> {
    let response = lists.clone().oneshot(Request::get(path).body(Body::empty())?).await?;
    anyhow::ensure!(response.status().is_success(), "{path} responded with {}", response.status());
    Ok(response.into_body().collect().await?.to_bytes().to_vec())
}

fn shown(page: &str) -> Vec<Shown<'_>> {
    let mut parts = page.split(TIME);
    let mut markup = parts.next().unwrap_or_default();
    let mut messages = Vec::new();
    for part in parts {
        let (datetime, rest) = part.split_once('"').unwrap_or((part, ""));
        messages.push(Shown { markup, datetime });
        markup = rest;
    }
    messages
}

fn parity(page: &[Shown<'_>], list: &[Listed], page_size: usize) -> Parity {
    let newest = page.first().and_then(|newest| list.iter().position(|item| newest.is(item)));
    // An empty page agrees with an empty list; a page whose newest is not listed agrees with nothing.
    let rest = &list[newest.unwrap_or(0)..];
    let messages = page.len().max(rest.len().min(page_size));
    let pairs = page.iter().zip(rest);
    Parity { matching: pairs.filter(|(shown, listed)| shown.is(listed)).count(), messages }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(texts: &[&str]) -> Vec<Listed> {
        let item = |text: &&str| Listed {
            content: (*text).to_owned(),
            pub_date: 1_582_246_860,
            user: "A & B".to_owned(),
        };
        texts.iter().map(item).collect()
    }

    fn page(texts: &[&str]) -> String {
        let item = |text: &&str| {
            format!(
                "<li><strong><a href=\"/A\">A &amp; B</a></strong>\n\
                 <span class=\"text\" dir=\"auto\">{}</span>\n<small>&mdash; \
                 <time datetime=\"2020-02-21T01:01:00Z\">2020</time></small></li>",
                escaped(text)
            )
        };
        texts.iter().map(item).collect()
    }

    fn compared(page_texts: &[&str], list_texts: &[&str]) -> (usize, usize) {
        let found = parity(&shown(&page(page_texts)), &listed(list_texts), 3);
        (found.matching, found.messages)
    }

    #[test]
    fn equal_lists_agree_whole() {
        assert_eq!(compared(&["c<", "b", "a"], &["c<", "b", "a", "older"]), (3, 3));
        assert_eq!(compared(&[], &[]), (0, 0));
    }

    #[test]
    fn links_in_a_text_are_no_difference() {
        let page = page(&["see @a & b"]).replace("@a", "<a href=\"/a\">@a</a>");
        let matching = |text| parity(&shown(&page), &listed(&[text]), 3).matching;
        assert_eq!(matching("see @a & b"), 1);
        assert_eq!(matching("see @b & b"), 0);
    }

    #[test]
    fn what_came_between_the_two_questions_is_no_difference() {
        assert_eq!(compared(&["c", "b", "a"], &["e", "d", "c", "b", "a"]), (3, 3));
    }

    #[test]
    fn another_order_and_missing_messages_are_differences() {
        assert_eq!(compared(&["c", "a", "b"], &["c", "b", "a"]), (1, 3));
        assert_eq!(compared(&["c", "b"], &["c", "b", "a"]), (2, 3));
        assert_eq!(compared(&[], &["a"]), (0, 1));
        assert_eq!(compared(&["x"], &["a", "b", "c"]), (0, 3));
    }
}
