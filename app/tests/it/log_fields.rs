//! Every log field that is emitted stands in the catalogue, under one name and in one unit: those of the
//! source, also where no test comes by, and those of every event and span that any test reaches.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use logsearch::fields::Kind;
use minitwit::fields;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use tracing::Metadata;

const EVENTS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "event"];
const SPANS: [&str; 6] =
    ["span", "trace_span", "debug_span", "info_span", "warn_span", "error_span"];
/// The sentence of an event is part of every record.
const MESSAGE: &str = "message";

static KNOWN: LazyLock<BTreeMap<&str, Kind>> =
    LazyLock::new(|| fields::all().map(|field| (field.name, field.kind)).collect());
/// What tests came by that is not in the catalogue, as `file: name`.
static UNKNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Looks at an event or span of ours that some test reached. Names are checked later, by
/// [`assert_known`], because a panic here would hold locks of `tracing`.
pub fn reached(callsite: &Metadata<'_>) {
    let module = callsite.module_path().unwrap_or_default();
    let is_ours = ["minitwit", "admin", "logsearch"].contains(&module.split(':').next().unwrap());
    let unknown = callsite.fields().iter().map(|field| field.name());
    let unknown = unknown.filter(|name| *name != MESSAGE && !KNOWN.contains_key(name));
    let file = callsite.file().unwrap_or_default();
    if is_ours {
        UNKNOWN.lock().unwrap().extend(unknown.map(|name| format!("{file}: {name}")));
    }
}

/// Fails when some test came by a name that is not in the catalogue.
pub fn assert_known() {
    let unknown = UNKNOWN.lock().unwrap();
    assert!(unknown.is_empty(), "log fields without a line in a catalogue: {unknown:?}");
}

/// All Rust files of a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let nested = entries.map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    nested.flatten().filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

/// Calls `found` with every field name of every event and span in these tokens, those of unit tests
/// left out. Tokens and not the syntax tree: the bodies of `macro_rules!` have events too.
fn scan(tokens: TokenStream, found: &mut dyn FnMut(String)) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut is_test = false;
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let is_attribute = group.delimiter() == Delimiter::Bracket;
        if is_attribute && group.stream().to_string().replace(' ', "") == "cfg(test)" {
            is_test = true;
        } else if group.delimiter() == Delimiter::Brace && std::mem::take(&mut is_test) {
            continue;
        }
        match macro_before(&tokens[..at]).as_deref() {
            Some("audit") => braced(group.stream(), found),
            Some(name) if EVENTS.contains(&name) => names(group.stream(), false, found),
            Some(name) if SPANS.contains(&name) => names(group.stream(), true, found),
            _ => {}
        }
        scan(group.stream(), found);
    }
}

/// The name of the macro that is called where these tokens end. In a macro of ours the level of an event
/// may be its parameter.
fn macro_before(tokens: &[TokenTree]) -> Option<String> {
    let [before @ .., TokenTree::Ident(name), TokenTree::Punct(bang)] = tokens else { return None };
    let is_parameter =
        matches!(before.last(), Some(TokenTree::Punct(mark)) if mark.as_char() == '$');
    let name = if is_parameter && name == "level" { "event".to_owned() } else { name.to_string() };
    (bang.as_char() == '!').then_some(name)
}

/// The names among the arguments of an event, whose sentence comes last, or of a span, whose name comes
/// first.
fn names(arguments: TokenStream, mut has_name: bool, found: &mut dyn FnMut(String)) {
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
    let arguments: Vec<TokenTree> = arguments.into_iter().collect();
    for argument in arguments.split(is_comma) {
        match argument {
            [TokenTree::Group(group)] if group.delimiter() == Delimiter::Brace => {
                names(group.stream(), false, found);
            }
            [TokenTree::Literal(_)] if has_name => has_name = false,
            // What follows the sentence are its arguments.
            [TokenTree::Literal(_)] => return,
            _ => name(argument).into_iter().for_each(&mut *found),
        }
    }
}

/// The names in the braces among the arguments of `audit!`.
fn braced(arguments: TokenStream, found: &mut dyn FnMut(String)) {
    for argument in arguments {
        if let TokenTree::Group(group) = argument {
            names(group.stream(), false, found);
        }
    }
}

/// The name of `a.b = value`, `"a-b" = value`, or of the shorthands `a`, `%a` and `?a`.
fn name(argument: &[TokenTree]) -> Option<String> {
    let mut name = String::new();
    for token in argument {
        match token {
            TokenTree::Ident(part) => name.push_str(&part.to_string()),
            TokenTree::Literal(part) => name.push_str(part.to_string().trim_matches('"')),
            TokenTree::Punct(mark) => match mark.as_char() {
                '.' => name.push('.'),
                '%' | '?' if name.is_empty() => {}
                '=' => break,
                // `target: …`, a path, or fields that a macro of ours passes on.
                _ => return None,
            },
            TokenTree::Group(_) => return None,
        }
    }
    (!name.is_empty()).then_some(name)
}

/// The names in all sources, with one of the files that have it.
fn emitted() -> BTreeMap<String, PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut emitted = BTreeMap::new();
    for file in
        ["app/src", "admin/src", "logsearch/src"].iter().flat_map(|at| sources(&root.join(at)))
    {
        let tokens: TokenStream = fs::read_to_string(&file).unwrap().parse().unwrap();
        scan(tokens, &mut |name| {
            emitted.insert(name, file.clone());
        });
    }
    emitted
}

#[test]
fn every_field_that_is_emitted_stands_in_a_catalogue() {
    let emitted = emitted();
    assert!(emitted.len() > 60, "{emitted:?}");
    for (name, file) in &emitted {
        assert!(KNOWN.contains_key(name.as_str()), "{name} in {}", file.display());
    }
    // What only a macro of ours, a macro with the level as its parameter, or a shorthand has.
    for name in ["logs.format", "db.repeats", "duration_us", "http.request.header.accept-language"]
    {
        assert!(emitted.contains_key(name), "{name} is not found");
    }
}

#[test]
fn the_catalogues_of_panel_and_service_have_no_line_that_nothing_emits() {
    let emitted = emitted();
    for field in fields::CATALOGUE.iter().chain(admin::fields::CATALOGUE) {
        assert!(emitted.contains_key(field.name), "{}", field.name);
    }
}

#[test]
fn a_name_stands_in_one_catalogue_and_numbers_with_a_unit_say_it() {
    assert_eq!(KNOWN.len(), fields::all().count(), "a name has two lines");
    for field in fields::all() {
        let is_time = field.name.ends_with("_us");
        assert_eq!(is_time, field.kind == Kind::Microseconds, "{}", field.name);
        let says_unit = ["_us", "_s", ".bytes"].iter().any(|unit| field.name.ends_with(unit));
        assert!(!says_unit || field.kind.is_number(), "{}", field.name);
    }
}

#[test]
fn names_are_found_in_every_form_that_tracing_takes() {
    let code = r#"
        tracing::info!(target: "audit", { a.b = %x, "c-d" = y(1, 2) }, "sentence {} {e}", f.g);
        warn!(h, ?i, %j, k.type = Some("l"), "m");
        tracing::$level!(n = 1);
        debug_span!("o", p = field::Empty);
        audit!("action", by, { q = 1, r.s }, "t");
        #[cfg(test)]
        mod tests { fn u() { info!(v = 1); } }
        print!("w {x}", y);
    "#;
    let mut names = Vec::new();
    scan(code.parse().unwrap(), &mut |name| names.push(name));
    names.sort();
    assert_eq!(names, ["a.b", "c-d", "h", "i", "j", "k.type", "n", "p", "q", "r.s"]);
}
