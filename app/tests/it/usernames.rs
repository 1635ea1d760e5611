//! Usernames of every kind have a page, also those that are somebody else's path.

use std::collections::BTreeSet;
use std::fs;

use minitwit::links;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::harness::{Backend, TestApp, on, on_both_databases};
use crate::notice::root;

on_both_databases!(every_username_is_reachable_by_its_link);

/// The first segments of the paths in a text, each behind one of these marks.
fn first_segments<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = &'a str> {
    let rests = text.split(mark).skip(1);
    rests.map(|rest| rest.split(['/', '"', ')']).next().unwrap_or_default())
}

#[test]
fn names_of_paths_are_reserved() {
    let routes = fs::read_to_string(root().join("app/src/routes.rs")).unwrap();
    let (site, _) = routes.split_once("pub fn api(").unwrap();
    let fixed = first_segments(site, ".route(\"/").chain(first_segments(site, "nest_service(\"/"));
    let fixed: Vec<_> = fixed.filter(|name| !name.is_empty() && !name.starts_with('{')).collect();
    assert!(fixed.len() > 15, "{fixed:?}");
    // What the proxy in front answers itself. The door for operators has a host of its own.
    let nginx = fs::read_to_string(root().join("compose/nginx.conf")).unwrap();
    let (site, _operators) = nginx.split_once("geo $is_operator {").unwrap();
    let hidden = site.split("location ~ ^/(").skip(1);
    let hidden = hidden.flat_map(|rest| rest.split(')').next().unwrap_or_default().split('|'));
    for name in fixed.into_iter().chain(hidden) {
        assert!(links::RESERVED.contains(&name), "a user could not have the name {name}");
    }
}

async fn every_username_is_reachable_by_its_link(app: TestApp) {
    let routes = links::RESERVED.map(str::to_owned);
    let others = [
        "Roger Histand",
        "æøå 日本 🦀",
        "a?b#c%d&e=f;g",
        "%2F",
        "%2e%2e",
        "..a",
        "...",
        "<b>\"'",
        " x ",
        "a\\b",
        "a+b",
        "~tilde",
        "40",
        "follow",
        "é",
        "e\u{301}",
        "\u{202e}rtl",
        "{username}",
        "*",
        "msgs",
    ];
    let mut asking = app
        .browser_of(&{
            app.user("asking").await;
            "asking".to_owned()
        })
        .await;
    for name in routes.into_iter().chain(others.map(str::to_owned)) {
        app.user(&name).await;
        app.message(&name, "the only one").await;
        let link = links::user(&name);
        let public = app.browser().get("/public").await;
        public.shows(&format!("href=\"{link}\""));
        let title = format!("<title>{}&#39;s Timeline", minitwit::escape::escaped(&name));
        asking.get(&link).await.is(200).shows(&title).shows("the only one");
        asking.get(&links::follow(&name)).await.goes_to(&link);
        let sentence = format!("now following &#34;{}&#34;", minitwit::escape::escaped(&name));
        asking.get(&link).await.shows(&sentence);
        asking.get(&links::unfollow(&name)).await.goes_to(&link);
    }
}

#[tokio::test]
async fn any_username_that_can_be_registered_has_a_page() {
    on(Backend::Sqlite, async |app| {
        let mut runner = TestRunner::deterministic();
        let names = proptest::string::string_regex("[^/\\p{Cc}]{1,20}").unwrap();
        let mut seen = BTreeSet::from([".".to_owned(), "..".to_owned()]);
        for _ in 0..300 {
            let name = names.new_tree(&mut runner).unwrap().current();
            if seen.insert(name.clone()) {
                app.user(&name).await;
                let text = format!("[[{}]]", seen.len());
                app.message(&name, &text).await;
                app.browser().get(&links::user(&name)).await.is(200).shows(&text);
            }
        }
    })
    .await;
}
