//! The last known accounts, for a start while the database is away. A file of its own, readable by its owner
//! alone, with what the table of operators has: names, roles and argon2id hashes, never a password or a token.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::db::OperatorAccount;

/// Its name in the data directory.
pub(super) const NAME: &str = "operators.json";
/// Nobody has so many operators; a larger file is not ours.
const MAX_BYTES: u64 = 4 << 20;

#[derive(Deserialize, Serialize)]
struct Content {
    accounts: Vec<OperatorAccount>,
}

/// The accounts in the file; none when there is no file.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<OperatorAccount>> {
    let context = || format!("could not read {}", path.display());
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(context),
    };
    anyhow::ensure!(size <= MAX_BYTES, "{} is too large", path.display());
    let bytes = fs::read(path).with_context(context)?;
    let stored: Content = serde_json::from_slice(&bytes).with_context(context)?;
    Ok(stored.accounts)
}

/// Replaces the file as a whole, so that no moment finds half of it.
pub(super) fn write(path: &Path, accounts: &[OperatorAccount]) -> anyhow::Result<()> {
    let context = || format!("could not write {}", path.display());
    let new = path.with_extension("json.part");
    let text = serde_json::to_vec_pretty(&Content { accounts: accounts.to_vec() })?;
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&new);
    let written = file.and_then(|mut file: File| {
        file.write_all(&text)?;
        file.sync_all()
    });
    let replaced = written.and_then(|()| fs::rename(&new, path));
    if replaced.is_err() {
        // Half a file is of no use; that it stays is told by the error.
        let _left = fs::remove_file(&new);
    }
    replaced.with_context(context)
}

/// Whether the file would say the same; when somebody last signed in is of no use in it.
pub(super) fn is_same(accounts: &[OperatorAccount], before: &[OperatorAccount]) -> bool {
    let without =
        |account: &OperatorAccount| OperatorAccount { last_login_at: 0, ..account.clone() };
    accounts.iter().map(without).eq(before.iter().map(without))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use admin::Role;

    use super::*;

    fn account(name: &str, role: Role) -> OperatorAccount {
        OperatorAccount {
            name: name.to_owned(),
            pw_hash: "$argon2id$".to_owned(),
            role,
            created_at: 1,
            last_login_at: 2,
            disabled_at: 0,
        }
    }

    #[test]
    fn accounts_come_back_and_nobody_else_reads_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        assert_eq!(read(&path).unwrap(), []);
        let accounts = [account("octavia", Role::Operator), account("victor", Role::Viewer)];
        write(&path, &accounts).unwrap();
        assert_eq!(read(&path).unwrap(), accounts);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(is_same(&accounts, &read(&path).unwrap()));
    }

    #[test]
    fn what_is_no_list_of_accounts_is_an_error_that_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        for text in ["", "{", "[]", r#"{"accounts":[{"name":"a"}]}"#] {
            fs::write(&path, text).unwrap();
            assert!(format!("{:#}", read(&path).unwrap_err()).contains(NAME), "{text}");
        }
        let in_the_way = dir.path().join("a directory");
        fs::create_dir(&in_the_way).unwrap();
        assert!(write(&in_the_way, &[]).is_err());
    }
}
