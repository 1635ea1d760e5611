//! How texts become terms: the language's own words and folding, so that the index and the matcher
//! can never disagree about what a word is.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

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

/// The whole text as one term, in the case the language compares in.
#[derive(Clone, Debug, Default)]
pub struct FoldTokenizer {
    token: Token,
}

/// Token stream of [`FoldTokenizer`].
pub struct Folded<'a> {
    token: &'a mut Token,
    pending: bool,
}

impl Tokenizer for FoldTokenizer {
    type TokenStream<'a> = Folded<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Folded<'a> {
        self.token.reset();
        self.token.position = 0;
        self.token.text.clear();
        self.token.text.push_str(&fold(text));
        Folded { token: &mut self.token, pending: true }
    }
}

impl TokenStream for Folded<'_> {
    fn advance(&mut self) -> bool {
        std::mem::take(&mut self.pending)
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}
