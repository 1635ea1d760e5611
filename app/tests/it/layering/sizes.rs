//! How long functions and files are, measured on what `syn` reads: from the signature to the closing brace,
//! without documentation and without tests.

use syn::visit::{self, Visit};

use super::sources::is_for_tests;

/// A function of a file.
#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub lines: usize,
}

/// Every function of a source that has a body, also those inside of others; tests are left out.
///
/// # Panics
/// When the text is no Rust.
pub fn functions(text: &str) -> Vec<Function> {
    let mut found = Functions(Vec::new());
    found.visit_file(&syn::parse_file(text).unwrap());
    found.0
}

struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let (start, end) = (signature.fn_token.span, body.brace_token.span.close());
        let lines = end.end().line - start.start().line + 1;
        self.0.push(Function { name: signature.ident.to_string(), lines });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.add(&item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }
}
