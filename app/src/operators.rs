//! The first operator: an account has to exist before anybody can look at the panel.

use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use admin::Role;
use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::{PasswordCheck, Passwords};
use crate::clock::Clock;
use crate::config::Secret;
use crate::db::{Db, OperatorCredentials};
use crate::state::AppState;

/// The account that is always there.
pub const ADMIN: &str = "admin";
/// Shortest password of an operator, in characters.
pub const MIN_PASSWORD: usize = 8;
/// Longest name of an operator, in characters.
const MAX_NAME: usize = 64;
/// A session of an operator ends when unused for this long.
pub const IDLE: Duration = Duration::from_mins(30);
/// Random bytes of a made-up password: 16 characters.
const MADE_UP: usize = 12;

/// Sets the configured password of `admin`. Without one, and if there is no operator yet, generates
/// a password and hands it out once. It is never logged.
pub async fn ensure(
    state: &AppState,
    configured: Option<&Secret>,
    data_dir: &Path,
) -> anyhow::Result<()> {
    let set = async |password: &str| {
        set_password(&state.db, &state.passwords, ADMIN, password, Role::Operator, &state.clock)
            .await
    };
    if let Some(password) = configured {
        // Setting it again would log everybody out at each start.
        let known = state.db.operator(ADMIN).await?.map(|known| known.pw_hash);
        let check = state.passwords.verify(&password.0, known.as_deref()).await?;
        if check == (PasswordCheck::Match { outdated: false }) {
            return Ok(());
        }
        return set(&password.0).await;
    }
    if state.db.has_no_operator().await? {
        let password = make_up()?;
        set(&password).await?;
        hand_out(&password, data_dir)?;
    }
    Ok(())
}

/// On a terminal it is shown. Elsewhere standard error is a log that somebody keeps, and the password goes to a file.
fn hand_out(password: &str, data_dir: &Path) -> anyhow::Result<()> {
    let mut terminal = std::io::stderr().lock();
    if terminal.is_terminal() {
        writeln!(
            terminal,
            "\n  Operator account:  {ADMIN}\n  Password:          {password}\n  This password is shown only once. Change it with `minitwit admin passwd`.\n"
        )?;
        return Ok(());
    }
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
    anyhow::ensure!(
        password.chars().count() >= MIN_PASSWORD,
        "operator passwords must have at least {MIN_PASSWORD} characters"
    );
    let pw_hash = passwords.hash(password).await?;
    let operator = OperatorCredentials { name: name.to_owned(), pw_hash, role };
    db.set_operator(&operator, clock.now()).await?;
    // Whoever knew the old one is out.
    db.delete_operator_sessions(name).await?;
    Ok(())
}

/// Validates the name of an operator; the error says what is wrong.
pub fn parse_name(text: &str) -> Result<String, &'static str> {
    let is_fine = !text.is_empty()
        && text.chars().count() <= MAX_NAME
        && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    is_fine.then(|| text.to_owned()).ok_or("a name must have 1 to 64 characters and no spaces")
}

fn make_up() -> anyhow::Result<String> {
    let mut bytes = [0; MADE_UP];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
