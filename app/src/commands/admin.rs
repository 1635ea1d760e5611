//! `minitwit admin`: accounts of operators. Passwords come from the terminal or from standard input,
//! never from arguments, which everybody on the machine can read.

use admin::Role;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use super::out::say;
use super::terminal;
use crate::auth::Passwords;
use crate::clock::Clock;
use crate::config::DataConfig;
use crate::operators;

/// `minitwit admin ...`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set an operator's password; creates the account if it does not exist and enables it if it is disabled
    Passwd(PasswdArgs),
}

fn role_parser() -> impl TypedValueParser<Value = Role> {
    let roles = [
        PossibleValue::new(Role::Viewer.as_str()).help("Read-only access"),
        PossibleValue::new(Role::Operator.as_str()).help("Can also make changes"),
    ];
    PossibleValuesParser::new(roles).try_map(|text| text.parse())
}

/// `minitwit admin passwd`.
#[derive(Args, Debug)]
pub struct PasswdArgs {
    /// Name of the operator
    #[arg(long, default_value = operators::ADMIN)]
    name: String,
    /// Role of the operator [default: unchanged; operator for a new account]
    #[arg(long, value_parser = role_parser())]
    role: Option<Role>,
    #[command(flatten)]
    data: DataConfig,
}

/// Runs `minitwit admin`.
pub async fn run(command: Command) -> anyhow::Result<()> {
    let Command::Passwd(args) = command;
    let db = super::open(&args.data).await?;
    let known = db.operator(&args.name).await?;
    // An account from before the rules of names can still be given a password.
    let name = match &known {
        Some(known) => known.name.clone(),
        None => operators::parse_name(&args.name).map_err(anyhow::Error::msg)?,
    };
    let before = known.as_ref().map(|operator| operator.role);
    let role = args.role.or(before).unwrap_or(Role::Operator);
    let password = terminal::read_password(&name)?;
    let (passwords, clock) = (Passwords::default(), Clock::default());
    operators::set_password(&db, &passwords, &name, &password, role, &clock).await?;
    db.close().await;
    let verb = if known.is_some() { "changed" } else { "added" };
    say(&format!("{verb} {name} with role {}", role.as_str()))
}
