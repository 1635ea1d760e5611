//! The first operator: an account has to exist before anybody can look at the panel.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use admin::Role;
use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::{PasswordCheck, Passwords};
use crate::clock::Clock;
use crate::config::Secret;
use crate::db::{Db, OperatorAccount, OperatorCredentials};
use crate::domain::{NameError, Username};
use crate::state::AppState;

/// The account that is always there.
pub const ADMIN: &str = "admin";
/// Shortest password of an operator, in characters.
const MIN_PASSWORD: usize = 8;
/// Fewest different characters in it.
const MIN_DISTINCT: usize = 4;
/// Random bytes of a made-up password: 16 characters.
const MADE_UP: usize = 12;

/// The password of the first operator, which nobody has seen yet. Shown when dropped: at the end of the start,
/// below everything else, and also when the start fails meanwhile.
pub struct FirstPassword {
    password: String,
    next: Vec<String>,
}

impl FirstPassword {
    /// With what to do next, a line each.
    #[must_use]
    pub fn before(mut self, next: Vec<String>) -> Self {
        self.next = next;
        self
    }
}

impl Drop for FirstPassword {
    fn drop(&mut self) {
        let text = introduction(&self.password, &self.next);
        // There is nobody else to tell.
        let _unseen = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Sets the configured password of `admin`. Without one, and if there is no operator yet, generates
/// a password and hands it out once: on a terminal as the result, elsewhere to a file. It is never logged.
pub async fn ensure(
    state: &AppState,
    configured: Option<&Secret>,
    data_dir: &Path,
) -> anyhow::Result<Option<FirstPassword>> {
    let set = async |password: &str| {
        set_password(&state.db, &state.passwords, ADMIN, password, Role::Operator, &state.clock)
            .await
    };
    if let Some(password) = configured {
        // Setting it again would log everybody out at each start.
        let known = state.db.operator(ADMIN).await?.map(|known| known.pw_hash);
        let check = state.passwords.verify(&password.0, known.as_deref()).await?;
        if check == (PasswordCheck::Match { outdated: false }) {
            return Ok(None);
        }
        return set(&password.0).await.map(|()| None);
    }
    if !state.db.has_no_operator().await? {
        return Ok(None);
    }
    let password = make_up()?;
    set(&password).await?;
    if std::io::stderr().is_terminal() {
        return Ok(Some(FirstPassword { password, next: Vec::new() }));
    }
    keep(&password, data_dir)?;
    Ok(None)
}

/// While the database is away, the configured password of `admin` is known all the same: it counts until the
/// database says something else.
pub async fn assume_configured(
    state: &AppState,
    configured: Option<&Secret>,
) -> anyhow::Result<()> {
    let Some(password) = configured else { return Ok(()) };
    let known = state.operators.account(ADMIN);
    let stored = known.as_ref().map(|known| known.pw_hash.as_str());
    if state.passwords.verify(&password.0, stored).await? != PasswordCheck::Mismatch {
        return Ok(());
    }
    let account = OperatorAccount {
        name: ADMIN.to_owned(),
        pw_hash: state.passwords.hash(&password.0).await?,
        role: Role::Operator,
        created_at: state.clock.now(),
        last_login_at: 0,
        disabled_at: 0,
    };
    state.operators.set_account(account);
    Ok(())
}

fn introduction(password: &str, next: &[String]) -> String {
    let next = next.join("\n  ");
    format!(
        "\n  {next}\n\n  Operator account:  {ADMIN}\n  Password:          {password}\n  \
         This password is shown only once. Change it with `minitwit admin passwd`.\n\n"
    )
}

/// Where standard error is no terminal it is a log that somebody keeps; the password goes to a file.
fn keep(password: &str, data_dir: &Path) -> anyhow::Result<()> {
    let path = data_dir.join("admin-password");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    let mut file = file.with_context(|| format!("could not write {}", path.display()))?;
    writeln!(file, "{password}")?;
    tracing::info!("made up a password for the operator {ADMIN}, which is in {}", path.display());
    Ok(())
}

/// Sets the password of an operator and creates the account if needed. Ends the operator's
/// sessions.
pub async fn set_password(
    db: &Db,
    passwords: &Passwords,
    name: &str,
    password: &str,
    role: Role,
    clock: &Clock,
) -> anyhow::Result<()> {
    check_password(name, password).map_err(anyhow::Error::msg)?;
    let pw_hash = passwords.hash(password).await?;
    let operator = OperatorCredentials { name: name.to_owned(), pw_hash, role };
    let now = clock.now();
    db.set_operator(&operator, now).await?;
    // Whoever knew the old one is out.
    db.delete_operator_sessions(name, now, &[]).await?;
    Ok(())
}

/// Whether an operator of this name may have this password; the error says what is wrong.
pub fn check_password(name: &str, password: &str) -> Result<(), String> {
    if password.chars().count() < MIN_PASSWORD {
        return Err(format!("operator passwords must have at least {MIN_PASSWORD} characters"));
    }
    if password.chars().collect::<HashSet<_>>().len() < MIN_DISTINCT {
        return Err(format!(
            "operator passwords must have at least {MIN_DISTINCT} different characters"
        ));
    }
    let is_name = password.trim().to_lowercase() == name.to_lowercase();
    if is_name { Err("the password of an operator cannot be its name".to_owned()) } else { Ok(()) }
}

/// The name of a new operator, by the rules of usernames and without spaces; the error says what is wrong.
pub fn parse_name(text: &str) -> Result<String, &'static str> {
    let name = Username::parse(text).map_err(|error| match error {
        NameError::Empty | NameError::Long => "a name must have 1 to 64 characters and no spaces",
        NameError::Unlinkable => {
            "a name cannot contain slashes or control characters, or be just dots"
        }
        NameError::Invisible => "a name cannot contain invisible characters",
    })?;
    let has_space = name.as_str().contains(char::is_whitespace);
    if has_space { Err("a name cannot contain spaces") } else { Ok(name.to_string()) }
}

fn make_up() -> anyhow::Result<String> {
    let mut bytes = [0; MADE_UP];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_start_says_what_to_do_before_the_password() {
        let text = introduction("geheim", &["Open: http://127.0.0.1:5000/".to_owned()]);
        let (next, password) = (text.find("5000/\n"), text.find(" geheim\n"));
        assert!(next.is_some() && next < password, "{text}");
    }
}
