//! `minitwit deploy-mark`: notes that something was deployed, for a deployment that the service itself
//! does not see, such as a change of its database, its proxy or its settings.

use super::out::say;
use crate::build;
use crate::clock::Clock;
use crate::config::DataConfig;

/// Maximum length of a text, in characters.
const MAX: usize = 200;

/// `minitwit deploy-mark`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Version that was deployed
    #[arg(long, env = "MINITWIT_DEPLOY_VERSION", default_value = env!("CARGO_PKG_VERSION"),
        value_parser = parse_text)]
    version: String,
    /// Source revision that was deployed
    #[arg(long, env = "MINITWIT_DEPLOY_REVISION", default_value = build::REVISION,
        value_parser = parse_text)]
    revision: String,
    /// Note to show with the mark
    #[arg(long, env = "MINITWIT_DEPLOY_NOTE", default_value = "", value_parser = parse_text)]
    note: String,
    #[command(flatten)]
    data: DataConfig,
}

fn parse_text(text: &str) -> Result<String, &'static str> {
    let is_fine = text.chars().count() <= MAX && !text.chars().any(char::is_control);
    is_fine.then(|| text.to_owned()).ok_or("use at most 200 characters on one line")
}

/// Records the deployment.
pub async fn mark(args: &Args) -> anyhow::Result<()> {
    let db = super::open(&args.data).await?;
    db.mark_deploy(&args.version, &args.revision, &args.note, Clock::default().now()).await?;
    db.close().await;
    say(&format!("marked deployment of {} {}", args.version, args.revision))
}
