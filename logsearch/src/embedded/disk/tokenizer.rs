//! How texts become terms: the language's own words and folding, so that the index and the matcher
//! can never disagree about what a word is.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::schema::FOREIGN;
use crate::fields;
use crate::query::{Tokens, fold, tokens};

/// The words of a text, as the query language cuts them.
#[derive(Clone, Debug, Default)]
pub struct WordTokenizer {
    token: Token,
}

/// Token stream of [`WordTokenizer`].
pub struct Words<'a> {
    words: Tokens<'a>,
    token: &'a mut Token,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = Words<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Words<'a> {
        self.token.reset();
        Words { words: tokens(text), token: &mut self.token }
    }
}

impl TokenStream for Words<'_> {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else { return false };
        // The first word moves a fresh token from "before everything" to position 0.
        self.token.position = self.token.position.wrapping_add(1);
        self.token.text.clear();
        self.token.text.push_str(&fold(word.raw));
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

/// The whole text as one term, in the form the language compares in; percent-encoded text also as what it
/// means. One more term, [`FOREIGN`], says that it is not all ASCII.
#[derive(Clone, Debug, Default)]
pub struct FoldTokenizer {
    token: Token,
    decodes: bool,
}

impl FoldTokenizer {
    /// For percent-encoded texts.
    pub fn decoding() -> Self {
        Self { token: Token::default(), decodes: true }
    }
}

/// Token stream of [`FoldTokenizer`].
pub struct Folded<'a> {
    token: &'a mut Token,
    /// What is still to come, in this order. Nearly always it is only the text itself.
    text: Option<&'a str>,
    decoded: Option<String>,
    is_foreign: bool,
}

impl Tokenizer for FoldTokenizer {
    type TokenStream<'a> = Folded<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Folded<'a> {
        self.token.reset();
        self.token.position = 0;
        let decoded = self.decodes.then(|| fields::decoded(text)).flatten();
        let is_foreign =
            !text.is_ascii() || decoded.as_ref().is_some_and(|decoded| !decoded.is_ascii());
        Folded { token: &mut self.token, text: Some(text), decoded, is_foreign }
    }
}

impl TokenStream for Folded<'_> {
    fn advance(&mut self) -> bool {
        self.token.text.clear();
        if let Some(text) = self.text.take() {
            self.token.text.push_str(&fold(text));
        } else if let Some(decoded) = self.decoded.take() {
            self.token.text.push_str(&fold(&decoded));
        } else if std::mem::take(&mut self.is_foreign) {
            self.token.text.push_str(FOREIGN);
        } else {
            return false;
        }
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}
