//! The database under the service: plans, schema, constraints and migrations. Everything on SQLite and
//! PostgreSQL alike.

use std::collections::BTreeSet;

use minitwit::db::{self, DatabaseUrl, Db, Followed, JobRun, Lease, MigrationError};
use minitwit::domain::{MessageText, NewUser, Page};

use crate::harness::{Backend, TestApp, on_both_databases};
use crate::postgres;
use crate::raw_sql::{Raw, texts};

on_both_databases!(
    no_statement_reads_a_whole_table,
    every_statement_can_be_explained_and_nothing_else,
    names_and_relations_are_unique_and_refer_to_rows,
    of_many_who_register_a_name_one_gets_it,
    of_many_replicas_one_claims_a_tick,
    a_job_is_held_until_its_end_or_that_of_its_lease,
    migrating_again_changes_nothing,
    a_newer_schema_is_refused,
    a_text_with_nul_matches_nothing,
    deleting_expired_sessions_leaves_the_others,
);

/// 20,000 users, of whom 1,000 have 100 messages and 50 follows each: enough for a planner to care.
async fn fill(raw: &mut Raw) {
    let numbers = |count: u32| match raw {
        Raw::Sqlite(_) => format!(
            "(WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})
             SELECT n FROM n) n"
        ),
        Raw::Postgres(_) => format!("(SELECT n FROM generate_series(1, {count}) AS n) n"),
    };
    let (few, people, many) = (numbers(1_000), numbers(20_000), numbers(100_000));
    for sql in [
        format!(
            "INSERT INTO users (username, email, pw_hash, created_at) SELECT 'user ' || n, 'e@x', '', n FROM {people}"
        ),
        format!(
            "INSERT INTO messages (author_id, text, pub_date) SELECT n % 1000 + 1, 'text ' || n, n / 5 FROM {many}"
        ),
        format!(
            "INSERT INTO followers (who_id, whom_id, created_at) SELECT n % 1000 + 1, (n / 1000 + n) % 1000 + 1, n FROM {many} WHERE n <= 50000"
        ),
        format!(
            "INSERT INTO alerts (rule, fingerprint, labels, annotations, measured, links, starts_at, ends_at, received_at, changed_at)
             SELECT 'rule ' || n % 30, 'f' || n, '{{}}', '{{}}', '{{}}', '{{}}', n * 10,
                CASE WHEN n % 50 = 0 THEN NULL ELSE n * 10 + 5 END, n * 10, n * 10 FROM {few}"
        ),
        format!(
            "INSERT INTO deploys (version, revision, note, how, deployed_at, follows)
             SELECT '1', 'r' || n, '', 'start', n * 10, n - 1 FROM {few}"
        ),
        format!(
            "INSERT INTO login_failures (subject, window_start, failures) SELECT 'subject ' || n, n, 1 FROM {few}"
        ),
        "ANALYZE".to_owned(),
    ] {
        raw.execute(&sql).await.unwrap();
    }
    let session = match raw {
        Raw::Sqlite(_) => "randomblob(32)",
        Raw::Postgres(_) => "sha256(n::text::bytea)",
    };
    let sql = format!(
        "INSERT INTO sessions (token_hash, user_id, created_at, last_seen) SELECT {session}, n % 1000 + 1, n, n FROM {many} WHERE n <= 20000"
    );
    raw.execute(&sql).await.unwrap();
    raw.execute("ANALYZE").await.unwrap();
}

/// What a plan may do although it reads or sorts more than it shows, and why.
const ARGUED: &[(&str, &str)] = &[
    // A job counts everything every 15 seconds; nothing waits for it.
    ("totals.count", "SCAN"),
    ("totals.count", "Seq Scan"),
    // Two figures that SQLite keeps in the head of its file.
    ("totals.size", "SCAN pragma_"),
    // A table of a handful of people, asked once at the start.
    ("operators.any", "SCAN"),
    ("operators.any", "Seq Scan"),
    ("operators.get", "Seq Scan"),
    ("operators.list", "Seq Scan"),
    ("operators.list", "Sort"),
    ("operators.list", "SCAN"),
    ("operators.set_password", "Seq Scan"),
    ("operators.logged_in", "Seq Scan"),
    ("operators.change", "SCAN"),
    ("operators.change", "Seq Scan"),
    ("operators.change", "Sort"),
    ("operator_sessions.create", "Seq Scan"),
    ("operator_sessions.list", "Seq Scan"),
    ("operator_sessions.list", "Sort"),
    ("operator_sessions.list", "SCAN"),
    ("operator_sessions.list", "TEMP B-TREE"),
    ("operator_sessions.delete_others", "Seq Scan"),
    // Empty here and a handful of people elsewhere; on SQLite the same statements use their indexes.
    ("operator_sessions.touch", "Seq Scan"),
    ("operator_sessions.delete", "Seq Scan"),
    ("operator_sessions.delete_of", "Seq Scan"),
    ("operator_sessions.delete_idle", "Seq Scan"),
    ("operator_sessions.delete_idle", "SCAN"),
    // A minute of failed sign-ins, read in the background.
    ("login_failures.counts", "Seq Scan"),
    ("login_failures.counts", "Sort"),
    ("login_failures.counts", "TEMP B-TREE"),
    ("login_failures.add", "Seq Scan"),
    ("login_failures.clear", "Seq Scan"),
    ("login_failures.delete_old", "Seq Scan"),
    ("login_failures.delete_old", "SCAN"),
    // Empty here; read once at the start, and a handful of keys.
    ("sign_in_origins.list", "Seq Scan"),
    ("sign_in_origins.list", "Sort"),
    ("sign_in_origins.delete_old", "Seq Scan"),
    ("keys.get", "Seq Scan"),
    // At most 5,000 rows, of which it expects to delete a third; once for each notification.
    ("alerts.delete_old", "Seq Scan"),
    // One row, and one row per job.
    ("simulator_latest.get", "Seq Scan"),
    ("jobs.claim", "Seq Scan"),
    ("jobs.take", "Seq Scan"),
    ("jobs.renew", "Seq Scan"),
    ("jobs.finish", "Seq Scan"),
    ("jobs.list", "SCAN"),
    ("jobs.list", "Seq Scan"),
    ("jobs.last_claim", "Seq Scan"),
    // At most 200 and 1,000 rows; on SQLite the same statements use their indexes.
    ("saved_searches.create", "SCAN"),
    ("saved_searches.create", "Seq Scan"),
    ("saved_searches.list", "Seq Scan"),
    ("saved_searches.list", "Sort"),
    ("error_states.list", "Seq Scan"),
    ("error_states.list", "Sort"),
    ("error_states.delete_old", "Seq Scan"),
    ("error_states.delete_old", "Sort"),
    ("error_states.delete_old", "SCAN g"),
    ("error_states.list", "SCAN"),
    ("saved_searches.list", "SCAN"),
    ("saved_searches.rename", "Seq Scan"),
    ("saved_searches.delete", "Seq Scan"),
    // A deployment has a few replicas and keeps a week of backups.
    ("replicas.list", "Seq Scan"),
    ("replicas.list", "Sort"),
    ("replicas.remove", "Seq Scan"),
    // Once, after the migration that adds the keys of names.
    ("users.without_keys", "SCAN"),
    ("users.without_keys", "Sort"),
    ("users.set_keys", "SCAN json_each"),
    ("users.set_keys", "Seq Scan"),
    ("operators.without_keys", "Sort"),
    ("operators.set_keys", "SCAN json_each"),
    ("users.without_keys", "Seq Scan"),
    ("operators.without_keys", "SCAN"),
    ("operators.without_keys", "Seq Scan"),
    ("operators.set_keys", "Seq Scan"),
    ("backups.newest", "SCAN"),
    ("backups.newest", "Seq Scan"),
    ("backups.newest", "Sort"),
    ("error_states.seen_again", "Seq Scan"),
    ("error_states.reopen", "Seq Scan"),
    // The newest 31 of each of at most 64 authors are merged by a sort of those.
    ("messages.home_by_author", "USE TEMP B-TREE FOR ORDER BY"),
    ("messages.home_by_author", "Sort"),
    // The newest 51 shown and the newest 51 hidden messages are merged by a sort of those.
    ("moderation.messages", "USE TEMP B-TREE FOR ORDER BY"),
    ("moderation.messages_of_author", "USE TEMP B-TREE FOR ORDER BY"),
    // The follows of one user, most of which are shown.
    ("followers.list", "Sort"),
    // The page of 31 was cut in order already; the join with its author is not known to keep that.
    ("messages.of_author", "Sort"),
];

async fn no_statement_reads_a_whole_table(app: TestApp) {
    let mut raw = Raw::connect(&app).await;
    fill(&mut raw).await;
    let mut wrong = Vec::new();
    for statement in db::statements() {
        let plan = raw.plan(statement).await;
        for line in &plan {
            let bad =
                is_scan(line) || line.contains("TEMP B-TREE FOR ORDER") || line.contains("Sort  (");
            let argued =
                ARGUED.iter().any(|(name, what)| *name == statement.0 && line.contains(what));
            if bad && !argued {
                wrong.push(format!("{}\n  {}", statement.0, plan.join("\n  ")));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn every_statement_can_be_explained_and_nothing_else(app: TestApp) {
    let of_sqlite = app.state.db.system_name() == "sqlite";
    app.user("a").await;
    for (name, sqlite, postgres) in db::statements() {
        let sql = if of_sqlite { sqlite } else { postgres };
        let plan = app.state.db.plan(sql).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        // SQLite has no plan for rows that are given.
        let has_plan = !plan.expect(name).is_empty() || sql.starts_with("INSERT");
        assert!(has_plan, "{name} has no plan: {sql}");
        let other = format!("{sql} ");
        assert_eq!(app.state.db.plan(&other).await.unwrap(), None, "{name} with a space behind it");
    }
    assert_eq!(app.state.db.plan("DELETE FROM users").await.unwrap(), None);
    assert!(app.state.db.user_exists("a").await.unwrap(), "no statement was run");
}

/// Whether a line of a plan reads a table from end to end. SQLite calls a table by its alias; `a`,
/// `few` and `active` are results of inner queries.
fn is_scan(line: &str) -> bool {
    let inner = [
        "SCAN CONSTANT ROW",
        "SCAN a",
        "SCAN few",
        "SCAN active",
        "SCAN (subquery",
        "SCAN 2-ROW VALUES",
    ];
    let scan = line.trim_start().starts_with("SCAN");
    scan && !inner.iter().any(|inner| line.trim_start().starts_with(inner))
        || line.contains("Seq Scan on")
}

#[tokio::test]
async fn both_databases_have_the_same_schema() {
    let Some(postgres) = TestApp::start(Backend::Postgres).await else { return };
    let sqlite_dir = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(sqlite_dir.path().join("schema.sqlite"));
    let sqlite = TestApp::start_on(url, &[]).await;
    for (what, in_sqlite, in_postgres) in SCHEMA {
        let of_sqlite: BTreeSet<_> = texts(&sqlite, in_sqlite).await.into_iter().collect();
        let of_postgres: BTreeSet<_> = texts(&postgres, in_postgres).await.into_iter().collect();
        assert!(of_sqlite.len() > 2, "{what}: {of_sqlite:?}");
        assert_eq!(of_sqlite, of_postgres, "{what}");
    }
}

/// What is compared, and how each database lists it, one text an item.
const SCHEMA: &[(&str, &str, &str)] = &[
    (
        "columns with type and nullability",
        "SELECT t.name || '.' || c.name || ' '
            || CASE WHEN t.name = 'messages' AND c.name = 'flagged' THEN 'BOOLEAN' ELSE c.type END
            || CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN ' NOT NULL' ELSE '' END
         FROM sqlite_master t JOIN pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\'",
        "SELECT table_name || '.' || column_name || ' '
            || CASE data_type WHEN 'bigint' THEN 'INTEGER' WHEN 'bytea' THEN 'BLOB'
                    ELSE upper(data_type) END
            || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'",
    ),
    (
        "primary keys",
        "SELECT t.name || '.' || c.name || ' ' || c.pk
         FROM sqlite_master t JOIN pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND c.pk > 0",
        "SELECT c.relname || '.' || a.attname || ' ' || array_position(i.indkey::int2[], a.attnum) + 1
         FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
         WHERE i.indisprimary AND c.relname NOT LIKE '\\_sqlx%'",
    ),
    (
        "uniques and indexes with their columns",
        "SELECT t.name || ' (' || (SELECT group_concat(x.name || CASE x.\"desc\" WHEN 1 THEN ' DESC' ELSE '' END, ', ')
                FROM pragma_index_xinfo(l.name) x WHERE x.key = 1) || ')'
            || CASE l.\"unique\" WHEN 1 THEN ' UNIQUE' ELSE '' END
            || CASE l.partial WHEN 1 THEN ' PARTIAL' ELSE '' END
         FROM sqlite_master t JOIN pragma_index_list(t.name) l
         WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND l.origin <> 'pk'",
        "SELECT c.relname || ' (' || (SELECT string_agg(a.attname
                || CASE i.indoption[k.place - 1] & 1 WHEN 1 THEN ' DESC' ELSE '' END, ', ' ORDER BY k.place)
                FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, place)
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum) || ')'
            || CASE WHEN i.indisunique THEN ' UNIQUE' ELSE '' END
            || CASE WHEN i.indpred IS NOT NULL THEN ' PARTIAL' ELSE '' END
         FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
         WHERE NOT i.indisprimary AND c.relname NOT LIKE '\\_sqlx%'",
    ),
    (
        "foreign keys",
        "SELECT t.name || '.' || f.\"from\" || ' ' || f.\"table\" || '.' || f.\"to\"
         FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table'",
        "SELECT c.relname || '.' || a.attname || ' ' || r.relname || '.' || b.attname
         FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
         JOIN pg_class r ON r.oid = k.confrelid
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
         JOIN pg_attribute b ON b.attrelid = r.oid AND b.attnum = k.confkey[1]
         WHERE k.contype = 'f'",
    ),
];

async fn names_and_relations_are_unique_and_refer_to_rows(app: TestApp) {
    app.user("a").await;
    app.user("b").await;
    let db = &app.state.db;
    // Names that read the same are one name, and other letters another.
    for name in ["a", "A", "a ", "\u{430}"] {
        let again = NewUser::check(name, "other@example.com", "p", None, 1).unwrap();
        let error = db.create_user(&again, "", 0).await.unwrap_err();
        assert!(matches!(error, db::Error::Taken(_)), "{error:?}");
    }
    app.user("á").await;
    assert_eq!(db.follow("a", "b", 0).await.unwrap(), Followed::Changed);
    assert_eq!(db.follow("a", "b", 0).await.unwrap(), Followed::Unchanged);
    let mut raw = Raw::connect(&app).await;
    for sql in [
        "INSERT INTO followers (who_id, whom_id, created_at) VALUES (1, 2, 0)",
        "INSERT INTO followers (who_id, whom_id, created_at) VALUES (1, 999, 0)",
        "INSERT INTO messages (author_id, text, pub_date) VALUES (999, '', 0)",
        "INSERT INTO messages (author_id, text, pub_date) VALUES (1, NULL, 0)",
        "INSERT INTO sessions (token_hash, user_id, created_at, last_seen) VALUES ('', 999, 0, 0)",
        "INSERT INTO simulator_latest (id, value) VALUES (2, 0)",
        "INSERT INTO operators (name, pw_hash, role, created_at) VALUES ('x', '', 'root', 0)",
        "DELETE FROM users WHERE id = 1",
    ] {
        assert!(raw.execute(sql).await.is_err(), "{sql}");
    }
    let text = MessageText::parse("x").unwrap();
    assert!(!db.post_message("nobody", &text, 0).await.unwrap());
    assert_eq!(db.follow("a", "nobody", 0).await.unwrap(), Followed::UnknownUser);
    assert_eq!(db.follow("a", "a", 0).await.unwrap(), Followed::Changed);
    assert_eq!(db.unfollow("nobody", "nobody").await.unwrap(), Followed::UnknownUser);
}

async fn of_many_who_register_a_name_one_gets_it(app: TestApp) {
    let user = NewUser::check("wanted", "a@b", "p", None, 1).unwrap();
    let attempts = (0..16).map(|_| app.state.db.create_user(&user, "", 0));
    let results = futures_util::future::join_all(attempts).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let taken = |result: &&db::Result<()>| matches!(result, Err(db::Error::Taken(_)));
    assert_eq!(results.iter().filter(taken).count(), 15, "{results:?}");
}

async fn of_many_replicas_one_claims_a_tick(app: TestApp) {
    let other = app.twin().await;
    let lease = Lease { from: 1_000, until: 2_000 };
    for tick in [7, 8, 100] {
        let claims = (0..8).map(|n| {
            let db = if n % 2 == 0 { &app.state.db } else { &other.state.db };
            db.claim_job("backup", tick, lease)
        });
        let claims = futures_util::future::try_join_all(claims).await.unwrap();
        assert_eq!(claims.iter().filter(|claimed| **claimed).count(), 1, "tick {tick}");
        app.state.db.finish_job("backup", 1_500, "success", "done").await.unwrap();
    }
    let db = &app.state.db;
    assert!(!db.claim_job("backup", 99, lease).await.unwrap(), "an earlier tick is over");
    assert!(
        db.claim_job("backup", 42, lease).await.unwrap(),
        "no clock is right that is so far ahead"
    );
    db.finish_job("backup", 1_500, "success", "done").await.unwrap();
    assert!(db.claim_job("other", 1, lease).await.unwrap());
}

async fn a_job_is_held_until_its_end_or_that_of_its_lease(app: TestApp) {
    let (db, other) = (&app.state.db, &app.twin().await.state.db);
    let at = |from| Lease { from, until: from + 1_000 };
    assert!(db.take_job("backup", 7, at(0)).await.unwrap());
    assert!(!other.take_job("backup", 7, at(999)).await.unwrap(), "it runs");
    assert!(!other.claim_job("backup", 8, at(999)).await.unwrap(), "it runs");
    db.renew_job("backup", 2_500).await.unwrap();
    assert!(!other.take_job("backup", 7, at(1_000)).await.unwrap(), "it still runs");
    assert!(other.take_job("backup", 7, at(2_500)).await.unwrap(), "its process must have died");
    db.renew_job("backup", 5_000_000).await.unwrap();
    assert!(other.take_job("backup", 7, at(5_000)).await.unwrap(), "no lease is that long");
    other.finish_job("backup", 5_100, "failure", "disk full").await.unwrap();
    assert!(db.claim_job("backup", 7, at(5_200)).await.unwrap(), "a run by hand costs no tick");
    db.finish_job("backup", 5_300, "success", "wrote it").await.unwrap();
    let run = JobRun {
        name: "backup".to_owned(),
        lease_until: 0,
        ended_at: Some(5_300),
        outcome: Some("success".to_owned()),
        said: Some("wrote it".to_owned()),
        failed_at: Some(5_100),
    };
    assert_eq!(other.job_runs().await.unwrap(), [run]);
}

async fn migrating_again_changes_nothing(app: TestApp) {
    app.user("a").await;
    app.state.db.migrate().await.unwrap();
    let other = app.twin().await;
    assert!(other.state.db.user_exists("a").await.unwrap());
}

#[tokio::test]
async fn replicas_that_start_together_migrate_once() {
    let Some(cluster) = postgres::shared() else { return };
    let database = cluster.create_database();
    let url = DatabaseUrl::Postgres(database.url());
    let sizes = db::PoolSizes { sqlite_readers: 1, postgres: 2 };
    let (a, b) = (Db::open(&url, sizes).await.unwrap(), Db::open(&url, sizes).await.unwrap());
    let (first, second) = tokio::join!(a.migrate(), b.migrate());
    first.unwrap();
    second.unwrap();
    assert_eq!(a.totals().await.unwrap().users, 0);
}

async fn a_newer_schema_is_refused(app: TestApp) {
    let mut raw = Raw::connect(&app).await;
    let sql =
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
               VALUES (4711, 'of the future', TRUE, '', 0)";
    raw.execute(sql).await.unwrap();
    let error = app.state.db.migrate().await.unwrap_err();
    assert!(matches!(error, MigrationError::Newer { found: 4711, .. }), "{error:?}");
    assert!(error.to_string().contains("run the newer version"), "{error}");
}

async fn a_text_with_nul_matches_nothing(app: TestApp) {
    app.user("a").await;
    let db = &app.state.db;
    assert!(db.credentials("a\0").await.unwrap().is_none());
    assert!(!db.user_exists("\0").await.unwrap());
    assert_eq!(db.follow("a", "a\0", 0).await.unwrap(), Followed::UnknownUser);
    assert_eq!(db.unfollow("a\0", "a").await.unwrap(), Followed::UnknownUser);
    assert!(db.followed_by("a\0", 10).await.unwrap().is_none());
    assert!(
        db.author_timeline("a\0", db::Asking::program(), Page::default(), 10)
            .await
            .unwrap()
            .is_none()
    );
}

async fn deleting_expired_sessions_leaves_the_others(app: TestApp) {
    let user = app.user("a").await;
    let db = &app.state.db;
    for (name, created, seen) in [(1, 100, 100), (2, 100, 900), (3, 800, 900)] {
        db.create_session(&[name], user, created).await.unwrap();
        db.touch_session(&[name], seen).await.unwrap();
    }
    assert_eq!(db.delete_idle_sessions(500, 1_000).await.unwrap(), 1, "the idle one");
    assert_eq!(db.delete_idle_sessions(500, 1_000).await.unwrap(), 0);
    assert!(db.session(&[2], 500, 500).await.unwrap().is_none(), "past its absolute end");
    assert!(db.session(&[3], 500, 500).await.unwrap().is_some());
    assert_eq!(db.delete_idle_sessions(500, 899).await.unwrap(), 2, "seen by a clock ahead");
}
