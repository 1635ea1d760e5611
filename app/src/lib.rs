//! MiniTwit.
