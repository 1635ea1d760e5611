//! Who may use whom: the table of edges between the modules of each crate, read from their sources, and
//! the absences that keep the parts apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of `app`, and what each may use. Reads as an order: nothing here points up.
const APP: &[(&str, &[&str])] = &[
    ("main", &["commands"]),
    // Leaves: types and rules, no I/O.
    ("domain", &[]),
    ("clock", &[]),
    ("escape", &[]),
    ("avatar", &[]),
    ("build", &[]),
    ("metrics", &["build"]),
    ("links", &[]),
    ("tally", &[]),
    ("causes", &[]),
    // Data.
    ("db", &["causes", "domain", "metrics", "tally"]),
    ("data_dir", &[]),
    ("auth", &["clock", "db", "tally"]),
    ("config", &["auth", "db"]),
    ("durable", &[]),
    ("state", &["auth", "clock", "config", "db", "durable", "metrics"]),
    // The web.
    ("error", &["auth", "causes", "db", "metrics"]),
    ("body", &["error", "tally"]),
    ("chaos", &["error", "state"]),
    ("assets", &["error"]),
    ("flash_cookie", &["domain"]),
    ("accounts", &["auth", "db", "domain", "error", "metrics", "state"]),
    (
        "middleware",
        &[
            "assets",
            "auth",
            "clock",
            "db",
            "domain",
            "error",
            "flash_cookie",
            "links",
            "metrics",
            "state",
            "tally",
        ],
    ),
    (
        "pages",
        &[
            "accounts",
            "assets",
            "auth",
            "avatar",
            "body",
            "db",
            "domain",
            "error",
            "escape",
            "links",
            "metrics",
            "middleware",
            "state",
            "tally",
        ],
    ),
    ("api", &["accounts", "assets", "body", "db", "domain", "error", "metrics", "state"]),
    // Beside the web.
    ("backup", &["data_dir", "db"]),
    ("client", &[]),
    ("control", &[]),
    ("logs", &["config", "metrics"]),
    ("simulate", &["client", "clock"]),
    ("process", &["metrics"]),
    ("runtime", &["metrics"]),
    ("signals", &[]),
    ("exposition", &["db", "metrics", "process", "runtime"]),
    (
        "ops",
        &[
            "auth",
            "body",
            "build",
            "clock",
            "db",
            "domain",
            "error",
            "exposition",
            "jobs",
            "metrics",
            "middleware",
            "operators",
            "state",
        ],
    ),
    (
        "routes",
        &[
            "api",
            "assets",
            "chaos",
            "error",
            "exposition",
            "links",
            "metrics",
            "middleware",
            "ops",
            "pages",
            "state",
            "tally",
        ],
    ),
    // The program.
    ("listen", &["middleware"]),
    ("telemetry", &["config", "data_dir", "exposition", "logs", "metrics"]),
    ("operators", &["auth", "clock", "config", "db", "state"]),
    (
        "jobs",
        &[
            "auth",
            "backup",
            "causes",
            "chaos",
            "clock",
            "config",
            "db",
            "domain",
            "escape",
            "links",
            "metrics",
            "operators",
            "state",
            "tally",
        ],
    ),
];

/// The modules that put the program together; they may use every other.
const WIRING: &[&str] = &["commands", "server", "lib"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The sources below a folder of the repository.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                found.push((path, text));
            }
        }
    }
    found
}

/// The top-level module a source file belongs to.
fn module(path: &Path, folder: &str) -> String {
    let relative = path.strip_prefix(root().join(folder)).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The code of a file: without comments, and without the tests at its end.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules that are named behind `crate::`, one or a list in braces.
fn uses(text: &str) -> BTreeSet<String> {
    let name = |text: &str| {
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
    };
    let mut found = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => drop(found.insert(name(rest))),
            Some(list) => {
                let (mut depth, mut start) = (0, true);
                for (at, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && c.is_ascii_alphabetic() => {
                            found.insert(name(&list[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

#[test]
fn modules_use_only_those_below_them() {
    let allowed: BTreeMap<_, _> = APP.iter().copied().collect();
    let modules: BTreeSet<_> =
        sources("app/src").iter().map(|(path, _)| module(path, "app/src")).collect();
    let mut wrong = Vec::new();
    for (path, text) in sources("app/src") {
        let module = module(&path, "app/src");
        if WIRING.contains(&module.as_str()) {
            continue;
        }
        let Some(allowed) = allowed.get(module.as_str()) else {
            wrong.push(format!("{module} is not in the table"));
            continue;
        };
        for used in uses(&code(&text)) {
            let is_module = modules.contains(&used) && used != module;
            if is_module && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{} uses {used}", path.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_has_no_cycle_and_no_ghost() {
    let mut placed = BTreeSet::new();
    let mut waiting: Vec<_> = APP.iter().filter(|(module, _)| *module != "main").collect();
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|(module, uses)| {
            let ready = uses.iter().all(|used| placed.contains(used));
            if ready {
                placed.insert(*module);
            }
            !ready
        });
        assert!(waiting.len() < before, "a cycle among {waiting:?}");
    }
    for module in placed {
        let file = root().join(format!("app/src/{module}.rs"));
        let folder = root().join(format!("app/src/{module}"));
        assert!(file.exists() || folder.exists(), "{module} is in the table and nowhere else");
    }
}

/// Fails when a file of the folder other than the allowed ones names the text.
fn named_only_in(folder: &str, needle: &str, allowed: &[&str]) {
    for (path, text) in sources(folder) {
        let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let is_allowed = allowed.iter().any(|allowed| path.starts_with(allowed));
        if Path::new(&path).extension().is_some_and(|end| end == "rs") && !is_allowed {
            assert!(!code(&text).contains(needle), "{path} names {needle}");
        }
    }
}

#[test]
fn each_part_keeps_to_itself() {
    named_only_in("app/src", "sqlx::", &["app/src/db/"]);
    named_only_in("app/src", "SystemTime::now", &["app/src/clock.rs"]);
    named_only_in("app/src", "set_global_recorder", &["app/src/telemetry.rs"]);
    named_only_in("app/src", "try_init()", &["app/src/telemetry.rs"]);
    named_only_in("app/src", "panic::set_hook", &["app/src/telemetry.rs"]);
    named_only_in("app/src/db", "axum", &[]);
    named_only_in("app/src/domain", "sqlx", &[]);
    named_only_in("app/src/domain", "axum", &[]);
    named_only_in("logsearch/src", "tantivy::", &["logsearch/src/embedded"]);
    named_only_in("logsearch/src", "axum", &[]);
    named_only_in("logsearch/src", "sqlx", &[]);
    named_only_in("logsearch/src", "use minitwit", &[]);
    named_only_in("admin/src", "sqlx", &[]);
    named_only_in("admin/src", "use minitwit", &[]);
    for folder in ["app/src", "logsearch/src", "admin/src"] {
        for (path, text) in sources(folder) {
            assert!(!text.contains("unsafe "), "{} has unsafe code", path.display());
        }
    }
}

#[test]
fn crates_depend_downwards_only() {
    let manifest = |name: &str| fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
    let depends = |name: &str, on: &str| {
        let manifest = manifest(name);
        let (_, dependencies) = manifest.split_once("[dependencies]").unwrap();
        let own = dependencies.split("\n[").next().unwrap();
        own.lines().any(|line| line.split(['.', ' ', '=']).next() == Some(on))
    };
    assert!(depends("app", "logsearch"));
    for (lower, upper) in [
        ("logsearch", "minitwit"),
        ("logsearch", "admin"),
        ("admin", "minitwit"),
        ("logsearch", "axum"),
        ("logsearch", "sqlx"),
        ("admin", "sqlx"),
    ] {
        assert!(!depends(lower, upper), "{lower} depends on {upper}");
    }
}

#[test]
fn pages_never_trust_a_text() {
    let mut folders = vec!["app/templates", "app/assets"];
    folders.extend(
        ["admin/templates", "admin/assets"]
            .into_iter()
            .filter(|folder| root().join(folder).exists()),
    );
    for folder in folders {
        for (path, text) in sources(folder) {
            let path = path.strip_prefix(root()).unwrap().display().to_string();
            if path.contains("vendor") {
                continue;
            }
            // What the admin's charts draw from numbers, its own names and escaped text.
            let drawn = ["{{ histogram|safe }}", "{{ waterfall|safe }}", "{{ sparkline|safe }}"];
            let text = drawn.iter().fold(text, |text, drawn| text.replace(drawn, ""));
            let forbidden: &[&str] = match path.rsplit_once('.').map(|(_, end)| end) {
                Some("html") => &[
                    "|safe",
                    "| safe",
                    "escape=",
                    "<style",
                    "onclick",
                    "onload",
                    "javascript:",
                    " style=",
                    "http://",
                ],
                Some("js") => &[
                    "innerHTML",
                    "outerHTML",
                    "insertAdjacentHTML",
                    "document.write",
                    "eval(",
                    "new Function",
                ],
                Some("css") => &["@import", "http://", "https://"],
                _ => &[],
            };
            for needle in forbidden {
                assert!(!text.contains(needle), "{path} has {needle}");
            }
        }
    }
    // Whatever turns a string into trusted markup.
    for (path, text) in sources("app/src") {
        let trusted = text.split("Safe<").skip(1);
        for kind in trusted {
            let path = path.display();
            assert!(kind.starts_with("&'static str>"), "{path} trusts more than a constant");
        }
    }
    named_only_in("app/src", "MarkupDisplay", &[]);
}
