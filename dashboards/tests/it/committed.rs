//! The files of the repository: the sources that people write, and those that are generated from them.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use provisioning::alerts::source::Source;
use provisioning::files;
use serde::de::DeserializeOwned;

/// The sources of alerts.
pub static SOURCE: LazyLock<Source> = LazyLock::new(|| Source::read(&root()).unwrap());

/// The top of the repository.
pub fn root() -> PathBuf {
    files::repository()
}

/// A file of the repository.
pub fn read(path: &str) -> String {
    let full = root().join(path);
    fs::read_to_string(&full).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A YAML file of the repository.
pub fn yaml<T: DeserializeOwned>(path: &str) -> T {
    provisioning::alerts::source::yaml(&root(), path).unwrap()
}

#[test]
fn the_repository_is_what_is_generated() {
    let generated = provisioning::generate(&root()).unwrap();
    assert!(generated.len() >= 14, "only {} files", generated.len());
    assert_eq!(files::check(&root(), &generated).unwrap(), [""; 0]);
}
