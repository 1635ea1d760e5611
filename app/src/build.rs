//! What was built: facts the build script left.

/// Revision of the source, or `unknown` outside a checkout.
pub const REVISION: &str = env!("MINITWIT_BUILD_REVISION");
/// Version of the compiler.
pub const RUSTC: &str = env!("MINITWIT_BUILD_RUSTC");
