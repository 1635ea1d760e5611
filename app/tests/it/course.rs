//! The course's own tests of the site and of the API, request by request.

use serde_json::json;

use crate::harness::{Answer, Browser, TestApp, on_both_databases};

on_both_databases!(
    registering_is_answered_as_the_course_expects,
    logging_in_and_out_is_answered_as_the_course_expects,
    messages_are_recorded_and_escaped,
    timelines_show_whom_one_follows,
    the_api_does_what_the_course_expects,
);

async fn register(
    app: &TestApp,
    name: &str,
    password: &str,
    repeated: &str,
    email: &str,
) -> Answer {
    let form =
        [("username", name), ("password", password), ("password2", repeated), ("email", email)];
    app.browser().submit("/register", &form).await
}

async fn login(app: &TestApp, name: &str, password: &str) -> (Browser, Answer) {
    let mut browser = app.browser();
    let answer = browser.submit("/login", &[("username", name), ("password", password)]).await;
    (browser, answer)
}

async fn register_and_login(app: &TestApp, name: &str) -> Browser {
    register(app, name, "default", "default", &format!("{name}@example.com")).await;
    login(app, name, "default").await.0
}

async fn add_message(browser: &mut Browser, text: &str) {
    browser.submit("/add_message", &[("text", text)]).await.shows("Your message was recorded");
}

async fn registering_is_answered_as_the_course_expects(app: TestApp) {
    let email = "user1@example.com";
    let welcome = "You were successfully registered and can login now";
    register(&app, "user1", "default", "default", email).await.shows(welcome);
    for (name, password, repeated, email, sentence) in [
        ("user1", "default", "default", email, "The username is already taken"),
        ("", "default", "default", email, "You have to enter a username"),
        ("meh", "", "", email, "You have to enter a password"),
        ("meh", "x", "y", email, "The two passwords do not match"),
        ("meh", "foo", "foo", "broken", "You have to enter a valid email address"),
    ] {
        register(&app, name, password, repeated, email).await.is(200).shows(sentence);
    }
}

async fn logging_in_and_out_is_answered_as_the_course_expects(app: TestApp) {
    register(&app, "user1", "default", "default", "user1@example.com").await;
    let (mut browser, answer) = login(&app, "user1", "default").await;
    answer.shows("You were logged in");
    browser.visit("/logout").await.shows("You were logged out");
    login(&app, "user1", "wrongpassword").await.1.is(200).shows("Invalid password");
    login(&app, "user2", "wrongpassword").await.1.is(200).shows("Invalid username");
}

async fn messages_are_recorded_and_escaped(app: TestApp) {
    let mut browser = register_and_login(&app, "foo").await;
    add_message(&mut browser, "test message 1").await;
    add_message(&mut browser, "<test message 2>").await;
    app.browser().visit("/").await.shows("test message 1").shows("&lt;test message 2&gt;");
}

async fn timelines_show_whom_one_follows(app: TestApp) {
    let mut author = register_and_login(&app, "foo").await;
    add_message(&mut author, "the message by foo").await;
    author.visit("/logout").await;
    let mut reader = register_and_login(&app, "bar").await;
    add_message(&mut reader, "the message by bar").await;
    reader.visit("/public").await.shows("the message by foo").shows("the message by bar");
    reader.visit("/").await.hides("the message by foo").shows("the message by bar");
    reader.visit("/foo/follow").await.shows("You are now following &#34;foo&#34;");
    reader.visit("/").await.shows("the message by foo").shows("the message by bar");
    reader.visit("/bar").await.hides("the message by foo").shows("the message by bar");
    reader.visit("/foo").await.shows("the message by foo").hides("the message by bar");
    reader.visit("/foo/unfollow").await.shows("You are no longer following &#34;foo&#34;");
    reader.visit("/").await.hides("the message by foo").shows("the message by bar");
}

async fn the_api_does_what_the_course_expects(app: TestApp) {
    let api = app.simulator();
    let user =
        |name: &str| json!({"username": name, "email": format!("{name}@{name}"), "pwd": name});
    api.post("/register?latest=1337", user("test")).await.is(204);
    assert_eq!(api.latest().await, 1337);
    for (name, latest) in [("a", 1), ("b", 5), ("c", 6)] {
        api.post(&format!("/register?latest={latest}"), user(name)).await.is(204);
        assert_eq!(api.latest().await, latest);
    }
    api.post("/msgs/a?latest=2", json!({"content": "Blub!"})).await.is(204);
    assert_eq!(api.latest().await, 2);
    for path in ["/msgs/a?no=20&latest=3", "/msgs?no=20&latest=4"] {
        let messages = api.get(path).await.is(200).json();
        assert_eq!(messages[0]["content"], "Blub!");
        assert_eq!(messages[0]["user"], "a");
    }
    assert_eq!(api.latest().await, 4);
    api.post("/fllws/a?latest=7", json!({"follow": "b"})).await.is(204);
    api.post("/fllws/a?latest=8", json!({"follow": "c"})).await.is(204);
    let follows = api.get("/fllws/a?no=20&latest=9").await.is(200).json();
    assert_eq!(follows, json!({"follows": ["b", "c"]}));
    api.post("/fllws/a?latest=10", json!({"unfollow": "b"})).await.is(204);
    let follows = api.get("/fllws/a?no=20&latest=11").await.is(200).json();
    assert_eq!(follows, json!({"follows": ["c"]}));
    assert_eq!(api.latest().await, 11);
}
