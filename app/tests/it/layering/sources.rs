//! The modules of a crate and what each of their files uses, read from its sources with `syn`: `use` trees
//! and the paths in types, expressions, patterns and macros. A name is followed through re-exports and globs
//! to the file that defines it, so no door in between hides an edge. Tests at the end of files are left out;
//! method calls name no path and are not seen.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

/// Sources by their path below the folder of the crate's sources: `lib.rs`, `ui/layout.rs`.
pub type Files = BTreeMap<String, String>;

/// Names from the root of the crate down to a module; empty for the root itself.
type ModulePath = Vec<String>;

/// Follows no longer chain of re-exports than this.
const MAX_DEPTH: usize = 16;

/// One file that uses another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The file that uses.
    pub from: String,
    /// The file that defines what is used.
    pub to: String,
    /// Whether the file only hands the name on: `pub use`.
    pub is_reexport: bool,
}

/// A crate that was read.
pub struct Crate {
    name: String,
    modules: BTreeMap<ModulePath, Module>,
}

#[derive(Default)]
struct Module {
    file: String,
    children: BTreeSet<String>,
    /// Names of items that are defined here.
    items: BTreeSet<String>,
    imports: Vec<Import>,
    /// Paths in the code, with at least one name.
    paths: BTreeSet<Vec<String>>,
}

struct Import {
    /// The name it has here; `None` for a glob.
    name: Option<String>,
    path: Vec<String>,
    is_public: bool,
}

/// What a path leads to.
#[derive(Clone)]
enum Target {
    Module(ModulePath),
    /// An item of this module.
    Item(ModulePath),
}

impl Crate {
    /// Reads a crate from its roots, such as `lib.rs`; `name` is what others call it.
    ///
    /// # Panics
    /// When a file is missing or is no Rust.
    pub fn read(name: &str, roots: &[&str], files: &Files) -> Self {
        let mut read = Self { name: name.to_owned(), modules: BTreeMap::new() };
        for root in roots {
            let module = match *root {
                "lib.rs" => Vec::new(),
                root => vec![root.trim_end_matches(".rs").to_owned()],
            };
            read.file(&module, root, files);
        }
        read
    }

    fn file(&mut self, module: &ModulePath, file: &str, files: &Files) {
        let text = files.get(file).unwrap_or_else(|| panic!("there is no {file}"));
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        self.items(module, file, parsed.items, files);
    }

    fn items(&mut self, path: &ModulePath, file: &str, items: Vec<Item>, files: &Files) {
        let mut reader = Reader { module: Module { file: file.to_owned(), ..Module::default() } };
        let mut children = Vec::new();
        for item in items {
            match item {
                Item::Mod(child) if is_for_tests(&child.attrs) => {}
                Item::Mod(child) => children.push(child),
                item => reader.top_level(&item),
            }
        }
        reader.module.children = children.iter().map(|child| child.ident.to_string()).collect();
        self.modules.insert(path.clone(), reader.module);
        for child in children {
            self.child(path, file, child, files);
        }
    }

    fn child(&mut self, parent: &ModulePath, file: &str, child: ItemMod, files: &Files) {
        let name = child.ident.to_string();
        let path = [parent.as_slice(), std::slice::from_ref(&name)].concat();
        if let Some((_, items)) = child.content {
            return self.items(&path, file, items, files);
        }
        let stem = file.trim_end_matches(".rs");
        let folder = match stem.rsplit_once('/') {
            _ if matches!(stem, "lib" | "main") => String::new(),
            Some((folder, "mod")) => format!("{folder}/"),
            _ => format!("{stem}/"),
        };
        let known = [format!("{folder}{name}.rs"), format!("{folder}{name}/mod.rs")];
        let found = known.iter().find(|file| files.contains_key(*file));
        let found = found.unwrap_or_else(|| panic!("{file} has no file for its module {name}"));
        self.file(&path, found, files);
    }

    /// Every path and method that a file names, one segment a string, methods with a dot in front.
    pub fn names(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.modules.values().flat_map(|module| {
            let imports = module.imports.iter().map(|import| &import.path);
            imports.chain(&module.paths).map(|path| (module.file.as_str(), path.as_slice()))
        })
    }

    /// Which file uses which other.
    pub fn edges(&self) -> BTreeSet<Edge> {
        let mut edges = BTreeSet::new();
        for (path, module) in &self.modules {
            let imports = module.imports.iter().map(|import| (&import.path, import.is_public));
            let paths = module.paths.iter().map(|path| (path, false));
            for (used, is_reexport) in imports.chain(paths) {
                let target = self.resolve(path, used, MAX_DEPTH);
                let Some(Target::Module(to) | Target::Item(to)) = target else { continue };
                let (from, to) = (module.file.clone(), self.modules[&to].file.clone());
                if from != to {
                    edges.insert(Edge { from, to, is_reexport });
                }
            }
        }
        edges
    }

    fn resolve(&self, from: &ModulePath, path: &[String], depth: usize) -> Option<Target> {
        let depth = depth.checked_sub(1)?;
        let (first, mut rest) = path.split_first()?;
        let mut target = match first.as_str() {
            "crate" => Target::Module(Vec::new()),
            name if name == self.name => Target::Module(Vec::new()),
            "self" => Target::Module(from.clone()),
            "super" => Target::Module(from.split_last()?.1.to_vec()),
            _ => self.look_up(from, first, depth)?,
        };
        while let (Target::Module(module), Some((next, others))) = (&target, rest.split_first()) {
            target = match next.as_str() {
                "super" => Target::Module(module.split_last()?.1.to_vec()),
                "self" => target,
                _ => self.look_up(module, next, depth)?,
            };
            rest = others;
        }
        Some(target)
    }

    /// What a name stands for inside a module.
    fn look_up(&self, within: &ModulePath, name: &str, depth: usize) -> Option<Target> {
        let depth = depth.checked_sub(1)?;
        let module = self.modules.get(within)?;
        if module.children.contains(name) {
            return Some(Target::Module([within.as_slice(), &[name.to_owned()]].concat()));
        }
        if module.items.contains(name) {
            return Some(Target::Item(within.clone()));
        }
        // A name may be a type and a function at once; what is no import of itself is followed.
        let named = module.imports.iter().filter(|import| import.name.as_deref() == Some(name));
        for import in named {
            if let Some(found) = self.resolve(within, &import.path, depth) {
                return Some(found);
            }
        }
        let globs = module.imports.iter().filter(|import| import.name.is_none());
        globs.into_iter().find_map(|glob| match self.resolve(within, &glob.path, depth)? {
            Target::Module(from) if from != *within => self.look_up(&from, name, depth),
            _ => None,
        })
    }
}

/// Whether an item is compiled for tests alone.
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// Collects what the code of one module names.
struct Reader {
    module: Module,
}

impl Reader {
    fn top_level(&mut self, item: &Item) {
        if let Some(name) = name_of(item) {
            self.module.items.insert(name);
        }
        self.visit_item(item);
    }

    fn import(&mut self, tree: &UseTree, before: &[String], is_public: bool) {
        let with = |name: String| [before, &[name]].concat();
        let mut add = |name: Option<String>, path: Vec<String>| {
            self.module.imports.push(Import { name, path, is_public });
        };
        match tree {
            UseTree::Path(path) => {
                self.import(&path.tree, &with(path.ident.to_string()), is_public);
            }
            UseTree::Name(name) if name.ident == "self" => {
                add(before.last().cloned(), before.to_vec());
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                add(Some(name.clone()), with(name));
            }
            UseTree::Rename(name) => {
                add(Some(name.rename.to_string()), with(name.ident.to_string()));
            }
            UseTree::Glob(_) => add(None, before.to_vec()),
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.import(tree, before, is_public));
            }
        }
    }

    /// Paths in the tokens of a macro, which no parser knows: names joined by `::`.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        let mut found = Vec::new();
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        found.push(std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                other => {
                    found.push(std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        found.push(path);
        self.module.paths.extend(found.into_iter().filter(|path| path.len() > 1));
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.import(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|segment| segment.ident.to_string());
        self.module.paths.insert(names.collect());
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {
        // `pub(crate)` is no use of the root.
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.module.paths.insert(vec![format!(".{}", call.method)]);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        assert!(is_for_tests(&item.attrs), "a module inside a function: {}", item.ident);
    }
}

fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// Files that use each other in a circle, directly or through others, each group once. That a module uses
/// its own parts makes no circle of those that use the module.
pub fn circles(edges: &BTreeSet<Edge>) -> Vec<BTreeSet<String>> {
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for edge in edges.iter().filter(|edge| !edge.is_reexport && !edge.is_to_own_part()) {
        uses.entry(&edge.from).or_default().insert(&edge.to);
    }
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        uses.keys().map(|file| (*file, reached(file, &uses))).collect();
    let circle_of = |file: &str| -> BTreeSet<String> {
        let leads_back = |other: &&&str| reach.get(**other).is_some_and(|back| back.contains(file));
        reach[file].iter().filter(leads_back).map(|other| (*other).to_owned()).collect()
    };
    let found: BTreeSet<_> = uses.keys().map(|file| circle_of(file)).collect();
    found.into_iter().filter(|circle| !circle.is_empty()).collect()
}

impl Edge {
    fn is_to_own_part(&self) -> bool {
        let stem = self.from.trim_end_matches(".rs");
        let folder = stem.strip_suffix("/mod").unwrap_or(stem);
        folder == "lib" || self.to.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// The files that this one uses, directly or through others.
fn reached<'a>(from: &'a str, uses: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let (mut reached, mut waiting) = (BTreeSet::new(), vec![from]);
    while let Some(file) = waiting.pop() {
        let next = uses.get(file).into_iter().flatten().copied();
        waiting.extend(next.filter(|next| reached.insert(*next)));
    }
    reached
}
