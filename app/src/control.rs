//! The control socket: how this program's own commands ask a running service, which alone has its log
//! index open. A Unix socket in the data directory: who may open the directory may ask, nobody else.
//!
//! Not an API: client and server are always the same version's, and people use `minitwit logs`.

mod client;
mod server;
mod wire;

pub use client::{Client, Tailed};
pub use server::{Control, ControlSocket};
pub use wire::{LevelChange, Stats};
