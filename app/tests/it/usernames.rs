//! Usernames of every kind have a page, also those that are somebody else's path.

use std::fs;

use minitwit::db;
use minitwit::domain::NewUser;
use minitwit::links;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::harness::{Backend, TestApp, on, on_both_databases};
use crate::notice::root;
use crate::raw_sql::{Raw, texts};
use crate::simulator::user;

on_both_databases!(
    every_username_is_reachable_by_its_link,
    names_that_read_as_one_are_taken_however_they_are_registered,
    of_many_at_once_one_gets_the_name,
    accounts_from_before_the_rules_stay_and_hold_their_names,
    a_name_is_found_as_it_was_typed,
    every_name_of_the_course_can_be_registered,
);

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
        "<b>\"'",
        "a\\b",
        "a+b",
        "~tilde",
        "40",
        "follow",
        "é",
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
        let mut seen = 0;
        for _ in 0..400 {
            let name = names.new_tree(&mut runner).unwrap().current();
            let Ok(user) = NewUser::check(&name, "a@b", "p", None, 1) else { continue };
            match app.state.db.create_user(&user, "no password", app.clock.now()).await {
                Ok(()) => seen += 1,
                Err(db::Error::Taken(_)) => continue,
                Err(error) => panic!("{name:?}: {error}"),
            }
            let name = user.username.as_str();
            let text = format!("[[{seen}]]");
            app.message(name, &text).await;
            app.browser().get(&links::user(name)).await.is(200).shows(&text);
        }
        assert!(seen > 100, "{seen}");
    })
    .await;
}

/// Names that a reader takes for `carol`, each in its own way.
const SAME_LOOKS: [&str; 14] = [
    "carol",
    "carol ",
    " carol",
    "\u{a0}carol\u{3000}",
    "Carol",
    "CAROL",
    "cаrol",
    "сarol",
    "ｃａｒｏｌ",
    "𝒄𝒂𝒓𝒐𝒍",
    "ⓒⓐⓡⓞⓛ",
    "caroI",
    "car0l",
    "caro1",
];
/// Names that hold what is not seen.
const HIDDEN: [&str; 10] = [
    "carol\u{200b}",
    "ca\u{ad}rol",
    "carol\u{200f}",
    "car\u{34f}ol",
    "carol\u{fe0f}",
    "carol\u{e0041}",
    "\u{202e}lorac\u{202c}",
    "\u{2066}carol\u{2069}",
    "\u{feff}carol",
    "carol\u{3164}",
];

async fn names_that_read_as_one_are_taken_however_they_are_registered(app: TestApp) {
    app.user("carol").await;
    let api = app.simulator();
    for name in SAME_LOOKS {
        let taken = "The username is already taken";
        let answer = api.post("/register", user(name)).await;
        assert_eq!(answer.is(400).json()["error_msg"], taken, "{name:?}");
        let form = [("username", name), ("email", "a@b"), ("password", "p"), ("password2", "p")];
        app.browser().submit("/register", &form).await.is(200).shows(taken);
    }
    for name in HIDDEN {
        let answer = api.post("/register", user(name)).await;
        let refused = "Usernames cannot contain invisible characters";
        assert_eq!(answer.is(400).json()["error_msg"], refused, "{name:?}");
    }
    for name in ["carola", "caro", "c arol", "karol", "çarol"] {
        api.post("/register", user(name)).await.is(204);
    }
}

async fn of_many_at_once_one_gets_the_name(app: TestApp) {
    let users = SAME_LOOKS.map(|name| NewUser::check(name, "a@b", "p", None, 1).unwrap());
    let now = app.clock.now();
    let created = users.iter().map(|user| app.state.db.create_user(user, "none", now));
    let created = futures_util::future::join_all(created).await;
    assert_eq!(created.iter().filter(|created| created.is_ok()).count(), 1);
    let is_taken = |result: &db::Result<()>| matches!(result, Ok(()) | Err(db::Error::Taken(_)));
    assert!(created.iter().all(is_taken), "{created:?}");
}

async fn accounts_from_before_the_rules_stay_and_hold_their_names(app: TestApp) {
    let before = ["dora", "Dora", " dora", "\u{202e}odd", "..", "emil", "EMIL"];
    let mut raw = Raw::connect(&app).await;
    for name in before {
        let insert = format!(
            "INSERT INTO users (username, email, pw_hash, created_at) VALUES ('{name}', 'a@b', '', 0)"
        );
        raw.execute(&insert).await.unwrap();
    }
    let insert = "INSERT INTO operators (name, pw_hash, role, created_at) \
        VALUES ('Otto', '', 'viewer', 0), ('otto', '', 'viewer', 0), ('..', '', 'viewer', 0)";
    raw.execute(insert).await.unwrap();
    let app = app.restart().await;
    let without = "SELECT username FROM users WHERE name_fold IS NULL OR name_skeleton IS NULL";
    assert_eq!(texts(&app, without).await, [""; 0]);
    let without = without.replace("username FROM users", "name FROM operators");
    assert_eq!(texts(&app, &without).await, [""; 0]);
    for name in before {
        app.message(name, "still here").await;
        app.browser_of(name).await.get("/").await.is(200).shows("still here");
    }
    let api = app.simulator();
    for name in ["dora", "DORA", "Emil"] {
        api.post("/register", user(name)).await.is(400);
    }
    api.post("/msgs/%20dora", serde_json::json!({"content": "of the one with a space"}))
        .await
        .is(204);
    api.post("/register", user("emilia")).await.is(204);
}

async fn a_name_is_found_as_it_was_typed(app: TestApp) {
    let api = app.simulator();
    for (typed, path, kept) in
        [(" Zoë ", "/%20Zoë%20", "Zoë"), ("ﬁnn", "/ﬁnn", "finn"), ("Ｂｏｂ", "/Ｂｏｂ", "Bob")]
    {
        let path = percent_encoding::utf8_percent_encode(path, percent_encoding::CONTROLS);
        api.post("/register", user(typed)).await.is(204);
        api.post(&format!("/msgs{path}"), serde_json::json!({"content": "x"})).await.is(204);
        let listed = api.get(&format!("/msgs{path}")).await.is(200).json();
        assert_eq!(listed[0]["user"], kept);
        api.post(&format!("/fllws{path}"), serde_json::json!({"follow": typed})).await.is(204);
        let follows = api.get(&format!("/fllws{path}")).await.is(200).json();
        assert_eq!(follows, serde_json::json!({"follows": [kept]}));
        api.post(&format!("/fllws{path}"), serde_json::json!({"unfollow": typed})).await.is(204);
        let form = [("username", typed), ("password", "default")];
        app.browser().post("/login", &form).await.goes_to("/");
    }
}

/// Users of the course's scenario, of its tests and of the generated load.
async fn every_name_of_the_course_can_be_registered(app: TestApp) {
    let scenario = include_str!("../names-of-the-course.txt").lines().map(str::to_owned);
    let generated = (0..200).map(|number| format!("Simulated User {number}"));
    let of_tests = ["test", "a", "b", "c", "Me", "user1", "user2", "foo", "bar", "meh"];
    let names = scenario.chain(generated).chain(of_tests.map(str::to_owned));
    for name in names {
        assert_eq!(app.user(&name).await, app.id(&name).await);
    }
}
