//! Personal timelines against what they should be, on both plans.

use minitwit::domain::Page;
use proptest::prelude::any;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::harness::{TestApp, on_both_databases};
use crate::raw_sql::Raw;

on_both_databases!(
    personal_timelines_agree_with_brute_force,
    a_personal_timeline_reaches_behind_the_newest_messages,
);

/// A message as the test remembers it: time, id, author, whether it is flagged.
type Known = (i64, i64, usize, bool);

async fn personal_timelines_agree_with_brute_force(app: TestApp) {
    const USERS: usize = 8;
    let db = &app.state.db;
    let mut users = Vec::new();
    for n in 0..USERS {
        users.push(app.user(&format!("user {n}")).await);
    }
    let mut runner = TestRunner::deterministic();
    // Author, time and flag of each message; times collide on purpose.
    let messages = proptest::collection::vec((0..USERS, 0_i64..40, any::<bool>()), 400);
    let mut known: Vec<Known> = Vec::new();
    for (author, at, flagged) in messages.new_tree(&mut runner).unwrap().current() {
        let flagged = flagged && at % 3 == 0;
        app.message_at(&format!("user {author}"), "x", at).await;
        let id = i64::try_from(known.len()).unwrap() + 1;
        db.set_flagged(id, flagged).await.unwrap();
        known.push((at, id, author, flagged));
    }
    let relations = proptest::collection::btree_set((0..USERS, 0..USERS), 25);
    let relations = relations.new_tree(&mut runner).unwrap().current();
    for (who, whom) in &relations {
        db.follow(&format!("user {who}"), &format!("user {whom}"), 0).await.unwrap();
    }
    known.sort_unstable_by(|a, b| b.cmp(a));
    for (who, user) in users.iter().enumerate() {
        let shown = |(.., author, flagged): &&Known| {
            !flagged && (*author == who || relations.contains(&(who, *author)))
        };
        let expected: Vec<_> = known.iter().filter(shown).map(|(_, id, ..)| *id).collect();
        for follows in [0, 100] {
            let list = async |before, offset, limit| {
                let page = Page { before, offset };
                let messages = db.home_timeline(*user, follows, page, limit).await.unwrap();
                messages.into_iter().map(|message| message.id).collect::<Vec<_>>()
            };
            assert_eq!(list(None, 0, 1000).await, expected);
            assert_eq!(
                list(None, 30, 31).await,
                expected.iter().copied().skip(30).take(31).collect::<Vec<_>>()
            );
            for (at, cursor) in expected.iter().enumerate().step_by(17) {
                let rest: Vec<_> = expected[at + 1..].iter().copied().take(31).collect();
                assert_eq!(list(Some(*cursor), 0, 31).await, rest, "behind {cursor}");
            }
        }
    }
}

async fn a_personal_timeline_reaches_behind_the_newest_messages(app: TestApp) {
    let mut raw = Raw::connect(&app).await;
    let me = app.user("me").await;
    app.user("loud").await;
    app.user("quiet").await;
    app.state.db.follow("me", "quiet", 0).await.unwrap();
    for n in 0..40 {
        app.message_at("quiet", &format!("old {n}"), n).await;
    }
    // More than the plan for those who follow many looks at.
    let numbers = match raw {
        Raw::Sqlite(_) => {
            "(WITH RECURSIVE n(n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM n WHERE n < 6000) SELECT n FROM n) n"
        }
        Raw::Postgres(_) => "(SELECT n FROM generate_series(100, 6000) AS n) n",
    };
    raw.execute(&format!(
        "INSERT INTO messages (author_id, text, pub_date) SELECT 2, 'loud', n FROM {numbers}"
    ))
    .await
    .unwrap();
    app.message_at("quiet", "new", 10_000).await;
    for follows in [0, 100] {
        let timeline = app.state.db.home_timeline(me, follows, Page::default(), 31).await.unwrap();
        assert_eq!(timeline.len(), 31);
        let texts: Vec<_> = timeline.iter().map(|message| message.text.as_str()).collect();
        assert_eq!(texts[..3], ["new", "old 39", "old 38"]);
        let page = Page { before: Some(timeline[30].id), offset: 0 };
        let rest = app.state.db.home_timeline(me, follows, page, 31).await.unwrap();
        assert_eq!(rest.len(), 10);
        assert_eq!(rest[9].text, "old 0");
    }
}
