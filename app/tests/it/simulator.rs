//! The simulator API: the course's contract row by row, and what it leaves open.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Simulator, TestApp, on_both_databases, send};

on_both_databases!(
    registering_answers_as_the_contract_says,
    a_refused_registration_creates_nobody,
    lists_need_the_credentials,
    credentials_are_compared_whole,
    methods_are_checked_before_credentials,
    messages_are_listed_newest_first_with_three_fields,
    the_limit_is_clamped,
    messages_of_unknown_users_are_not_found,
    posting_answers_as_the_contract_says,
    following_twice_is_once_and_unfollowing_needs_no_follow,
    follows_are_listed_in_the_order_of_following,
    follow_requests_answer_as_the_contract_says,
    flagged_messages_are_in_no_list,
    equal_times_have_the_same_order_on_the_site,
    refusals_are_json_with_their_status,
    cookies_mean_nothing,
    the_content_type_does_not_matter,
    the_mounts_answer_like_the_root,
    json_posted_to_register_on_the_site_is_for_the_api,
    every_call_is_counted_by_action_and_outcome,
    requests_run_at_most_two_statements_and_latest,
);

pub fn user(name: &str) -> Value {
    json!({"username": name, "email": format!("{name}@example.com"), "pwd": "default"})
}

#[track_caller]
pub fn refused(answer: &Answer, status: u16) {
    answer.is(status);
    let body = answer.json();
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(body["status"], status);
    assert!(body["error_msg"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
}

#[track_caller]
fn accepted(answer: &Answer) {
    answer.is(204);
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("content-type"), "");
}

fn texts(answer: &Answer) -> Vec<String> {
    let messages = answer.json();
    let text = |message: &Value| message["content"].as_str().unwrap().to_owned();
    messages.as_array().unwrap().iter().map(text).collect()
}

async fn registering_answers_as_the_contract_says(app: TestApp) {
    let api = app.simulator();
    accepted(&api.post("/register", user("a")).await);
    let anonymous = api.send(Method::POST, "/register", None, user("b").to_string().into()).await;
    accepted(&anonymous);
    let long = "n".repeat(65);
    for (body, sentence) in [
        (user("a"), "The username is already taken"),
        (user(""), "You have to enter a username"),
        (json!({"email": "c@c", "pwd": "c"}), "You have to enter a username"),
        (json!({"username": "c", "pwd": "c"}), "You have to enter a valid email address"),
        (
            json!({"username": "c", "email": "", "pwd": "c"}),
            "You have to enter a valid email address",
        ),
        (
            json!({"username": "c", "email": "c.c", "pwd": "c"}),
            "You have to enter a valid email address",
        ),
        (json!({"username": "c", "email": "c@c"}), "You have to enter a password"),
        (json!({"username": "c", "email": "c@c", "pwd": ""}), "You have to enter a password"),
        (user("c/d"), "Usernames cannot contain slashes or control characters, or be just dots"),
        (
            user("c\u{0}d"),
            "Usernames cannot contain slashes or control characters, or be just dots",
        ),
        (user(&long), "Usernames can have up to 64 characters"),
    ] {
        let answer = api.post("/register", body.clone()).await;
        refused(&answer, 400);
        assert_eq!(answer.json()["error_msg"], sentence, "{body}");
    }
    refused(&api.get("/register").await, 405);
}

async fn a_refused_registration_creates_nobody(app: TestApp) {
    let api = app.simulator();
    for body in [
        json!({"username": "c", "email": "c@c", "pwd": ""}),
        json!({"username": "c", "email": "c", "pwd": "p"}),
        json!({"username": "c", "email": "c@c", "pwd": null}),
        json!({"username": "c", "email": "c@c", "pwd": 7}),
        json!(["c", "c@c", "p"]),
    ] {
        refused(&api.post("/register", body).await, 400);
        refused(&api.get("/msgs/c").await, 404);
    }
    assert_eq!(app.state.db.totals().await.unwrap().users, 0);
}

async fn lists_need_the_credentials(app: TestApp) {
    app.user("a").await;
    let api = app.simulator();
    for (method, path) in [
        (Method::GET, "/msgs"),
        (Method::GET, "/msgs/a"),
        (Method::POST, "/msgs/a"),
        (Method::GET, "/fllws/a"),
        (Method::POST, "/fllws/a"),
        (Method::GET, "/msgs/nobody"),
    ] {
        let answer = api.send(method, path, None, "".into()).await;
        refused(&answer, 403);
        let sentence = "You are not authorized to use this resource!";
        assert_eq!(answer.json()["error_msg"], sentence);
    }
    assert!(app.metric("minitwit_http_rejected_total", &[("reason", "bad_auth")]) > 5.0);
}

async fn credentials_are_compared_whole(app: TestApp) {
    let api = app.simulator();
    for header in [
        "",
        "Basic",
        "Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh ",
        "basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh",
        "Basic c2ltdWxhdG9yOnN1cGVyX3NhZmU=",
        "Bearer c2ltdWxhdG9yOnN1cGVyX3NhZmUh",
    ] {
        refused(&api.send(Method::GET, "/msgs", Some(header), "".into()).await, 403);
    }
    let app = app.with(&["--simulator-auth", "me:mine"]).await;
    refused(&app.simulator().get("/msgs").await, 403);
    let own = Some("Basic bWU6bWluZQ==");
    app.simulator().send(Method::GET, "/msgs", own, "".into()).await.is(200);
    let file = app.dir().join("simulator_auth");
    std::fs::write(&file, "me:of a file\n").unwrap();
    let app = app.with(&["--simulator-auth-file", file.to_str().unwrap()]).await;
    refused(&app.simulator().send(Method::GET, "/msgs", own, "".into()).await, 403);
    let own = Some("Basic bWU6b2YgYSBmaWxl");
    app.simulator().send(Method::GET, "/msgs", own, "".into()).await.is(200);
}

async fn methods_are_checked_before_credentials(app: TestApp) {
    let api = app.simulator();
    for (method, path, allow) in [
        (Method::POST, "/msgs", "GET,HEAD"),
        (Method::DELETE, "/msgs/a", "GET,HEAD,POST"),
        (Method::PUT, "/fllws/a", "GET,HEAD,POST"),
        (Method::GET, "/register", "POST"),
        (Method::POST, "/latest", "GET,HEAD"),
    ] {
        let answer = api.send(method, path, None, "".into()).await;
        refused(&answer, 405);
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
    api.send(Method::HEAD, "/latest", None, "".into()).await.is(200);
}

async fn messages_are_listed_newest_first_with_three_fields(app: TestApp) {
    app.user("a").await;
    app.user("Roger Histand").await;
    app.message_at("a", "first", 1_600_000_000_999_999).await;
    app.message_at("Roger Histand", "<b>&\"second\"", 1_600_000_001_000_000).await;
    let first = json!({"content": "first", "pub_date": 1_600_000_000, "user": "a"});
    let second = json!({
        "content": "<b>&\"second\"", "pub_date": 1_600_000_001, "user": "Roger Histand"
    });
    let api = app.simulator();
    assert_eq!(api.get("/msgs").await.is(200).json(), json!([second, first]));
    assert_eq!(api.get("/msgs/a").await.is(200).json(), json!([first]));
    assert_eq!(api.get("/msgs/Roger%20Histand").await.is(200).json(), json!([second]));
    app.user("quiet").await;
    assert_eq!(api.get("/msgs/quiet").await.is(200).json(), json!([]));
}

async fn the_limit_is_clamped(app: TestApp) {
    app.user("a").await;
    for n in 0..130 {
        app.message("a", &format!("message {n}")).await;
    }
    let api = app.simulator();
    for (no, shown) in [
        ("0", 0),
        ("1", 1),
        ("20", 20),
        ("129", 129),
        ("10000", 130),
        ("10001", 130),
        ("99999999999999999999", 130),
        ("-1", 100),
        ("-99999999999999999999", 100),
        ("abc", 100),
        ("", 100),
        ("1.5", 100),
        ("%00", 100),
    ] {
        for path in ["/msgs", "/msgs/a"] {
            let answer = api.get(&format!("{path}?no={no}")).await;
            assert_eq!(texts(answer.is(200)).len(), shown, "{path}?no={no}");
        }
    }
    assert_eq!(texts(&api.get("/msgs").await).len(), 100);
    assert_eq!(texts(&api.get("/msgs?no=1").await), ["message 129"]);
}

async fn messages_of_unknown_users_are_not_found(app: TestApp) {
    let api = app.simulator();
    for path in ["/msgs/nobody", "/msgs/nobody?no=0", "/msgs/%00", "/fllws/nobody", "/fllws/%00"] {
        refused(&api.get(path).await, 404);
    }
    refused(&api.get("/msgs/").await, 404);
    refused(&api.get("/unknown").await, 404);
    refused(&api.get("/").await, 404);
}

async fn posting_answers_as_the_contract_says(app: TestApp) {
    app.user("a").await;
    let api = app.simulator();
    let longest = "æ".repeat(280);
    for text in ["Blub!", "", "<script>", "\u{feff}“quoted” – dash", longest.as_str()] {
        accepted(&api.post("/msgs/a", json!({"content": text})).await);
        assert_eq!(texts(&api.get("/msgs?no=1").await), [text]);
        assert_eq!(texts(&api.get("/msgs/a?no=1").await), [text]);
    }
    refused(&api.post("/msgs/nobody", json!({"content": "x"})).await, 404);
    for body in [
        json!({}),
        json!({"content": null}),
        json!({"content": 5}),
        json!({"content": ["x"]}),
        json!({"content": "a\u{0}b"}),
        json!({"content": "x".repeat(281)}),
        json!(["x"]),
        json!("x"),
        json!(null),
    ] {
        refused(&api.post("/msgs/a", body).await, 400);
    }
    assert_eq!(texts(&api.get("/msgs").await).len(), 5, "the refused ones were not stored");
    // A refused write must not keep the next one waiting.
    accepted(&api.post("/msgs/a", json!({"content": "after"})).await);
}

async fn following_twice_is_once_and_unfollowing_needs_no_follow(app: TestApp) {
    for name in ["a", "b"] {
        app.user(name).await;
    }
    let api = app.simulator();
    let follows = async || api.get("/fllws/a").await.json()["follows"].clone();
    accepted(&api.post("/fllws/a", json!({"unfollow": "b"})).await);
    for _ in 0..2 {
        accepted(&api.post("/fllws/a", json!({"follow": "b"})).await);
        assert_eq!(follows().await, json!(["b"]));
    }
    for _ in 0..2 {
        accepted(&api.post("/fllws/a", json!({"unfollow": "b"})).await);
        assert_eq!(follows().await, json!([]));
    }
    accepted(&api.post("/fllws/a", json!({"follow": "a"})).await);
    assert_eq!(follows().await, json!(["a"]));
}

async fn follows_are_listed_in_the_order_of_following(app: TestApp) {
    for name in ["a", "z", "m", "b"] {
        app.user(name).await;
    }
    let api = app.simulator();
    for whom in ["z", "b", "m", "b"] {
        accepted(&api.post("/fllws/a", json!({"follow": whom})).await);
    }
    let list = async |path: &str| api.get(path).await.is(200).json();
    assert_eq!(list("/fllws/a").await, json!({"follows": ["z", "b", "m"]}));
    assert_eq!(list("/fllws/a?no=2").await, json!({"follows": ["z", "b"]}));
    assert_eq!(list("/fllws/a?no=0").await, json!({"follows": []}));
    assert_eq!(list("/fllws/a?no=x").await, json!({"follows": ["z", "b", "m"]}));
    assert_eq!(list("/fllws/z").await, json!({"follows": []}));
}

async fn follow_requests_answer_as_the_contract_says(app: TestApp) {
    for name in ["a", "b", "c"] {
        app.user(name).await;
    }
    let api = app.simulator();
    accepted(&api.post("/fllws/a", json!({"follow": "b", "unfollow": "b"})).await);
    assert_eq!(api.get("/fllws/a").await.json()["follows"], json!(["b"]), "follow wins");
    for (path, body, status) in [
        ("/fllws/a", json!({"follow": "nobody"}), 404),
        ("/fllws/a", json!({"unfollow": "nobody"}), 404),
        ("/fllws/a", json!({"follow": "b\u{0}"}), 404),
        ("/fllws/nobody", json!({"follow": "a"}), 404),
        ("/fllws/nobody", json!({"unfollow": "a"}), 404),
        ("/fllws/nobody", json!({"follow": "nobody"}), 404),
        ("/fllws/a", json!({}), 400),
        ("/fllws/a", json!({"follow": null}), 400),
        ("/fllws/a", json!({"follow": 1}), 400),
        ("/fllws/a", json!(["b"]), 400),
    ] {
        refused(&api.post(path, body).await, status);
    }
}

async fn flagged_messages_are_in_no_list(app: TestApp) {
    let a = app.user("a").await;
    app.message("a", "shown").await;
    app.message("a", "flagged one").await;
    let hidden = app.state.db.dump_messages(0, 10).await.unwrap().pop().unwrap();
    assert!(app.state.db.set_flagged(hidden.id, true).await.unwrap());
    let api = app.simulator();
    assert_eq!(texts(&api.get("/msgs").await), ["shown"]);
    assert_eq!(texts(&api.get("/msgs/a").await), ["shown"]);
    let mut browser = app.browser_of("a").await;
    for path in ["/", "/public", "/a"] {
        browser.get(path).await.is(200).shows("shown").hides("flagged one");
    }
    let home = app.state.db.home_timeline(a, 100, minitwit::domain::Page::default(), 30).await;
    assert_eq!(home.unwrap().len(), 1, "also by the plan for those who follow many");
    assert!(app.state.db.set_flagged(hidden.id, false).await.unwrap());
    assert_eq!(texts(&api.get("/msgs").await), ["flagged one", "shown"]);
}

async fn equal_times_have_the_same_order_on_the_site(app: TestApp) {
    app.user("a").await;
    app.user("b").await;
    for n in 0..30 {
        let author = if n % 2 == 0 { "a" } else { "b" };
        app.message_at(author, &format!("text {n:02}"), 1_600_000_000_000_000).await;
    }
    let api = texts(&app.simulator().get("/msgs?no=30").await);
    let page = app.browser().get("/public").await.text();
    let mut positions: Vec<_> = api.iter().map(|text| page.find(text.as_str()).unwrap()).collect();
    assert!(positions.is_sorted(), "site and API differ in order");
    positions.dedup();
    assert_eq!(positions.len(), 30);
    assert_eq!(api[0], "text 29", "of equal times the later message is the newer");
}

async fn refusals_are_json_with_their_status(app: TestApp) {
    app.user("a").await;
    let api = app.simulator();
    for (method, path, body, status) in [
        (Method::GET, "/nowhere", String::new(), 404),
        (Method::PATCH, "/msgs", String::new(), 405),
        (Method::POST, "/msgs/a", "{".to_owned(), 400),
        (Method::POST, "/msgs/a", String::new(), 400),
        (Method::POST, "/msgs/a", "\u{feff}{}".to_owned(), 400),
        (Method::POST, "/msgs/a", "[".repeat(100_000)[..60_000].to_owned(), 400),
        (Method::POST, "/msgs/a", r#"{"content":"\ud800"}"#.to_owned(), 400),
        (Method::POST, "/msgs/a", " ".repeat(65 * 1024), 413),
        (Method::GET, "/msgs/%FF", String::new(), 400),
    ] {
        let answer = api.send(method, path, Some(crate::harness::SIMULATOR), body.into()).await;
        refused(&answer, status);
    }
}

async fn cookies_mean_nothing(app: TestApp) {
    app.user("a").await;
    let mut browser = app.browser_of("a").await;
    let answer = browser.get("/api/msgs").await;
    refused(&answer, 403);
    assert_eq!(answer.header("set-cookie"), "");
    browser.router = app.api.clone();
    refused(&browser.get("/msgs").await, 403);
}

async fn the_content_type_does_not_matter(app: TestApp) {
    app.user("a").await;
    for kind in ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "💥"]
    {
        let request = crate::harness::request(Method::POST, "/msgs/a")
            .header("authorization", crate::harness::SIMULATOR)
            .header("content-type", kind.as_bytes())
            .body(r#"{"content":"x"}"#.into());
        accepted(&send(&app.api, request.unwrap()).await);
    }
}

async fn the_mounts_answer_like_the_root(app: TestApp) {
    for (n, mount) in ["/api", "/sim"].into_iter().enumerate() {
        let api = Simulator { router: app.site.clone(), mount };
        let name = format!("user {n}");
        accepted(&api.post("/register?latest=3", user(&name)).await);
        assert_eq!(api.latest().await, 3);
        accepted(&api.post(&format!("/msgs/user%20{n}"), json!({"content": "x"})).await);
        assert_eq!(texts(&api.get(&format!("/msgs/user%20{n}")).await), ["x"]);
        refused(&api.get("/msgs/nobody").await, 404);
        refused(&api.get("/nowhere").await, 404);
        refused(&api.send(Method::GET, "/msgs", None, "".into()).await, 403);
    }
}

async fn json_posted_to_register_on_the_site_is_for_the_api(app: TestApp) {
    let post = async |kind: &str, body: String| {
        let request = crate::harness::request(Method::POST, "/register?latest=12")
            .header("content-type", kind)
            .body(body.into());
        send(&app.site, request.unwrap()).await
    };
    accepted(&post("application/json", user("a").to_string()).await);
    accepted(&post("Application/JSON; charset=utf-8", user("b").to_string()).await);
    assert_eq!(app.simulator().latest().await, 12);
    refused(&post("application/json", user("a").to_string()).await, 400);
    let form = "username=c&email=c%40c&password=p&password2=p".to_owned();
    post("application/x-www-form-urlencoded", form).await.goes_to("/login");
    let get = crate::harness::request(Method::GET, "/register")
        .header("content-type", "application/json")
        .body("".into());
    send(&app.site, get.unwrap()).await.is(200).shows("Sign Up");
}

async fn every_call_is_counted_by_action_and_outcome(app: TestApp) {
    let api = app.simulator();
    api.post("/register", user("a")).await;
    api.post("/register", user("a")).await;
    api.post("/msgs/a", json!({"content": "x"})).await;
    api.post("/fllws/a", json!({"follow": "a"})).await;
    api.post("/fllws/a", json!({"unfollow": "nobody"})).await;
    api.get("/msgs").await;
    api.send(Method::GET, "/msgs", None, "".into()).await;
    for (action, outcome, calls) in [
        ("register", "ok", 1.0),
        ("register", "client_error", 1.0),
        ("tweet", "ok", 1.0),
        ("follow", "ok", 1.0),
        ("unfollow", "not_found", 1.0),
        ("read", "ok", 1.0),
        ("read", "unauthorized", 1.0),
    ] {
        let labels = [("action", action), ("outcome", outcome)];
        let counted = app.metric("minitwit_simulator_requests_total", &labels);
        assert!((counted - calls).abs() < 0.1, "{action} {outcome}: {counted}");
    }
    let now = app.metric("minitwit_simulator_last_request_timestamp_seconds", &[]);
    assert!(now > 1_600_000_000.0);
    for (model, inserted) in [("user", 1.0), ("message", 1.0), ("follower", 1.0)] {
        let labels = [("model", model), ("surface", "api")];
        let counted = app.metric("minitwit_inserts_total", &labels);
        assert!((counted - inserted).abs() < 0.1, "{model}: {counted}");
    }
}

async fn requests_run_at_most_two_statements_and_latest(app: TestApp) {
    app.user("a").await;
    let api = app.simulator();
    api.get("/msgs?latest=1&no=100").await.is(200);
    api.get("/msgs/a?latest=1").await.is(200);
    api.get("/fllws/a?latest=1").await.is(200);
    api.post("/msgs/a?latest=1", json!({"content": "x"})).await.is(204);
    api.post("/fllws/a?latest=1", json!({"follow": "a"})).await.is(204);
    api.post("/fllws/a?latest=1", json!({"follow": "a"})).await.is(204);
    api.post("/register?latest=1", user("b")).await.is(204);
    let statements = app.records().requests();
    let statements: Vec<_> = statements.iter().map(|r| r.field("db.count")).collect();
    assert_eq!(statements, ["2", "2", "2", "2", "2", "3", "3"]);
}
