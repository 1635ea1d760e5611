//! Who may use whom: the tables of edges between the rooms of each crate, read from their sources, and the
//! absences that keep the parts apart.

mod sizes;
mod sources;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use sizes::{Function, functions};
use sources::{Crate, Edge, Files, circles};
use tables::{ADMIN, APP, CIRCLES, LOGSEARCH, Table, WIRING};

/// Every crate: its folder, its name in paths, its roots, and its table.
const CRATES: [(&str, &str, &[&str], Table); 3] = [
    ("app", "minitwit", &["lib.rs", "main.rs"], APP),
    ("admin", "admin", &["lib.rs"], ADMIN),
    ("logsearch", "logsearch", &["lib.rs"], LOGSEARCH),
];

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

/// Every crate as it is, read once.
static READ: LazyLock<BTreeMap<&str, Crate>> = LazyLock::new(|| {
    let crates = CRATES.iter().map(|(folder, name, roots, _)| {
        let base = root().join(folder).join("src");
        let relative = |path: &Path| path.strip_prefix(&base).unwrap().to_str().unwrap().to_owned();
        let files = sources(&format!("{folder}/src"));
        let files = files.into_iter().map(|(path, text)| (relative(&path), text)).collect();
        (*folder, Crate::read(name, roots, &files))
    });
    crates.collect()
});

/// The top-level module a file belongs to.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// The edges that a table does not allow, in words.
fn violations(edges: &BTreeSet<Edge>, table: Table) -> Vec<String> {
    let allowed: BTreeMap<_, _> = table.iter().copied().collect();
    let mut wrong = Vec::new();
    for Edge { from, to, .. } in edges.iter().filter(|edge| room(&edge.from) != room(&edge.to)) {
        match allowed.get(room(from)) {
            _ if WIRING.contains(&room(from)) => {}
            Some(allowed) if allowed.contains(&room(to)) => {}
            Some(_) => wrong.push(format!("{from} uses {to}")),
            None => wrong.push(format!("{} is in no table", room(from))),
        }
    }
    wrong
}

#[test]
fn rooms_use_only_those_below_them() {
    for (folder, .., table) in CRATES {
        let edges = READ[folder].edges();
        assert!(edges.len() > 100, "{folder} was not read");
        let wrong = violations(&edges, table);
        assert!(wrong.is_empty(), "{folder}: {wrong:#?}");
    }
}

#[test]
fn files_make_no_circle_of_more_than_two() {
    let circles = CRATES.iter().flat_map(|(folder, ..)| circles(&READ[folder].edges()));
    let found: Vec<_> = circles.filter(|circle| circle.len() > 2).collect();
    let known: Vec<_> = CIRCLES
        .iter()
        .map(|files| files.iter().map(|file| (*file).to_owned()).collect::<BTreeSet<_>>())
        .collect();
    assert_eq!(found, known, "circles that are left, and those that are known");
}

/// Lines of a file, of a function, and of a handler of the panel at most.
const MAX_FILE: usize = 450;
const MAX_FUNCTION: usize = 60;
const MAX_HANDLER: usize = 30;

#[test]
fn files_functions_and_handlers_are_short() {
    let handlers: BTreeSet<[&str; 2]> = READ["admin"]
        .names()
        .filter_map(|(file, path)| match path {
            [module, name] if file == "routes.rs" => Some([module.as_str(), name.as_str()]),
            _ => None,
        })
        .collect();
    let (mut long, mut measured) = (Vec::new(), 0);
    for folder in ["app/src", "admin/src", "logsearch/src", "dashboards/src"] {
        for (path, text) in sources(folder) {
            let module = path.file_stem().unwrap().to_str().unwrap();
            let is_panel = folder == "admin/src";
            let lines = text.lines().count();
            if lines > MAX_FILE {
                long.push(format!("{} has {lines} lines", path.display()));
            }
            for Function { name, lines } in functions(&text) {
                let is_handler = is_panel && handlers.contains(&[module, name.as_str()]);
                measured += usize::from(is_handler);
                let most = if is_handler { MAX_HANDLER } else { MAX_FUNCTION };
                if lines > most {
                    long.push(format!("{}: {name} has {lines} lines", path.display()));
                }
            }
        }
    }
    assert!(measured > 30, "{measured} handlers were found");
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn a_function_is_measured_with_its_signature_and_without_its_documentation() {
    let text = "/// Text.\n#[must_use]\npub fn a(\n    b: u8,\n) -> u8 {\n    b\n}\n\
                trait T {\n    fn c();\n    fn d() {\n    }\n}\n\
                #[cfg(test)]\nmod tests {\n    fn e() {}\n}\n";
    let found: Vec<_> = functions(text).into_iter().map(|one| (one.name, one.lines)).collect();
    assert_eq!(found, [("a".to_owned(), 5), ("d".to_owned(), 2)]);
}

/// A small crate in which `upper` may use `door` and nothing else, and what it is found to use.
fn found_in(upper: &str) -> Vec<String> {
    const TABLE: Table = &[("hidden", &[]), ("door", &["hidden"]), ("upper", &["door"])];
    let files = [
        ("lib.rs", "mod door; mod hidden; mod upper;"),
        ("hidden.rs", "pub struct Secret; impl Secret { pub fn new() -> Self { Self } }"),
        (
            "door.rs",
            "pub use crate::hidden::Secret as Open; pub use super::hidden::*; pub fn own() {}",
        ),
        ("upper.rs", upper),
    ];
    let files: Files =
        files.into_iter().map(|(file, text)| (file.to_owned(), text.to_owned())).collect();
    violations(&Crate::read("small", &["lib.rs"], &files).edges(), TABLE)
}

#[test]
fn a_forbidden_edge_is_seen_behind_a_re_export_and_in_every_position() {
    for code in [
        "use crate::hidden::Secret;",
        "use crate::door::Open;",
        "use crate::{door::{self, Open as Other}};",
        "use super::door::Secret;",
        "pub use crate::door::Open;",
        "fn f() { let _ = crate::door::Open::new(); }",
        "struct S(Option<super::door::Secret>);",
        "use crate::door; fn f(_: door::Open) {}",
        "use crate::door::*; fn f() -> Secret { todo!() }",
        "fn f() { println!(\"{}\", crate::door::Open::new()); }",
        "fn f() { use crate::door::Open; }",
        "mod inner { use super::super::door::Open; }",
        "use small::hidden::Secret;",
    ] {
        assert_eq!(found_in(code), ["upper.rs uses hidden.rs"], "{code}");
    }
    for code in [
        "use crate::door::own;",
        "fn f() { crate::door::own(); }",
        "#[cfg(test)] mod tests { use crate::hidden::Secret; }",
        "// crate::hidden::Secret",
        "const TEXT: &str = \"crate::hidden::Secret\";",
        "pub(crate) fn f(hidden: u8) -> u8 { hidden }",
    ] {
        assert_eq!(found_in(code), [""; 0], "{code}");
    }
}

#[test]
fn a_circle_is_seen_through_re_exports_but_not_in_a_module_with_its_parts() {
    let circle = |files: &[(&str, &str)]| {
        let files: Files =
            files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
        circles(&Crate::read("small", &["lib.rs"], &files).edges())
    };
    let root = ("lib.rs", "mod a; mod b; mod c; pub use a::A;");
    let (b, c) =
        (("b.rs", "use crate::a::A; pub struct B;"), ("c.rs", "use crate::b::B; pub struct C;"));
    let found = circle(&[root, ("a.rs", "use crate::c::C; pub struct A;"), b, c]);
    assert_eq!(found, [["a.rs", "b.rs", "c.rs"].map(str::to_owned).into()]);
    assert!(circle(&[root, ("a.rs", "pub use crate::c::C; pub struct A;"), b, c]).is_empty());
    let parts = [
        ("lib.rs", "mod a;"),
        ("a.rs", "mod x; mod y; use x::X; use y::Y; pub struct A;"),
        ("a/x.rs", "use super::A; pub struct X;"),
        ("a/y.rs", "use super::A; pub struct Y;"),
    ];
    assert!(circle(&parts).is_empty());
}

#[test]
fn the_tables_have_no_cycle_and_no_ghost() {
    for (folder, .., table) in CRATES {
        let mut placed = BTreeSet::new();
        let mut waiting: Vec<_> = table.iter().filter(|(module, _)| *module != "main").collect();
        while !waiting.is_empty() {
            let before = waiting.len();
            waiting.retain(|(module, uses)| {
                let ready = uses.iter().all(|used| placed.contains(used));
                if ready {
                    placed.insert(*module);
                }
                !ready
            });
            assert!(waiting.len() < before, "{folder}: a cycle among {waiting:?}");
        }
        for module in placed {
            let file = root().join(format!("{folder}/src/{module}.rs"));
            let inside = root().join(format!("{folder}/src/{module}"));
            assert!(file.exists() || inside.exists(), "{module} is in the table and nowhere else");
        }
    }
}

/// Fails when a file of the crate other than the allowed ones names these segments of a path, next to
/// each other, or a method.
fn named_only_in(folder: &str, needle: &str, allowed: &[&str]) {
    let needle: Vec<_> = needle.split("::").collect();
    for (file, path) in READ[folder].names() {
        let is_allowed = allowed.iter().any(|allowed| file.starts_with(allowed));
        let names_it = path.windows(needle.len()).any(|names| names == needle);
        assert!(is_allowed || !names_it, "{folder}/src/{file} names {needle:?}");
    }
}

/// Fails when a file below the folder names the crate.
fn unknown_to(folder: &str, below: &str, name: &str) {
    for (file, path) in READ[folder].names().filter(|(file, _)| file.starts_with(below)) {
        assert!(path[0] != name, "{folder}/src/{file} knows {name}");
    }
}

#[test]
fn each_part_keeps_to_itself() {
    named_only_in("app", "sqlx", &["db/"]);
    named_only_in("app", "SystemTime::now", &["clock.rs"]);
    named_only_in("app", "set_global_recorder", &["telemetry.rs"]);
    named_only_in("app", ".try_init", &["telemetry.rs"]);
    named_only_in("app", "set_hook", &["telemetry.rs"]);
    // A task that nobody named is one that nobody misses.
    let unnamed = [
        "client.rs",
        "commands/",
        "chaos.rs",
        // The next look at the database waits for one that hangs.
        "db/probe.rs",
    ];
    named_only_in("app", "tokio::spawn", &unnamed);
    named_only_in("logsearch", "tantivy", &["embedded"]);
    for (folder, below, name) in [
        ("app", "db/", "axum"),
        ("app", "domain", "sqlx"),
        ("app", "domain", "axum"),
        ("logsearch", "", "axum"),
        ("logsearch", "", "sqlx"),
        ("logsearch", "", "minitwit"),
        ("logsearch", "", "admin"),
        ("admin", "", "sqlx"),
        ("admin", "", "minitwit"),
    ] {
        unknown_to(folder, below, name);
    }
    for folder in ["app/src", "logsearch/src", "admin/src"] {
        for (path, text) in sources(folder) {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let is_safe = code.into_iter().all(|line| !line.contains("unsafe "));
            assert!(is_safe, "{} has unsafe code", path.display());
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
        ("admin", "provisioning"),
        ("logsearch", "provisioning"),
        ("app", "provisioning"),
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
            // What the admin's charts draw from numbers, its own names and escaped text, and runbooks of the
            // binary, whose Markdown is rendered without markup of its own.
            let drawn = [
                "{{ histogram|safe }}",
                "{{ waterfall|safe }}",
                "{{ sparkline|safe }}",
                "{{ rendered_runbook|safe }}",
                "{{ step.html|safe }}",
                "{{ part.html|safe }}",
            ];
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
    named_only_in("app", "MarkupDisplay", &[]);
}
