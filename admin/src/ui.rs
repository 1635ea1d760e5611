//! How the panel looks: the frame of a page, charts, the escaper of every template, styles and scripts.

pub mod assets;
pub mod charts;
pub mod error_page;
pub mod escape;
pub mod layout;
pub mod markdown;
pub mod shell;
pub mod table;
pub mod tabs;
