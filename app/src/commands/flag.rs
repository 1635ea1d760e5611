//! The course's flag tool: list messages, hide some, show them again.

use logsearch::export::cell;

use super::out::{Out, say};
use crate::config::DataConfig;
use crate::db::StoredMessage;

/// Messages read at once: a database of any size goes through little memory.
const BATCH: i64 = 1_000;

/// `minitwit messages`.
#[derive(clap::Args, Debug)]
pub struct MessagesArgs {
    #[command(flatten)]
    data: DataConfig,
}

/// `minitwit flag` and `minitwit unflag`.
#[derive(clap::Args, Debug)]
pub struct FlagArgs {
    /// Message ids, as listed by `minitwit messages`
    #[arg(required = true, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    ids: Vec<i64>,
    #[command(flatten)]
    data: DataConfig,
}

/// Prints every message in the order of ids.
pub async fn list(args: &MessagesArgs) -> anyhow::Result<()> {
    let db = super::open(&args.data).await?;
    let mut out = Out::lock();
    let mut after = 0;
    loop {
        let messages = db.dump_messages(after, BATCH).await?;
        let Some(last) = messages.last() else { break };
        after = last.id;
        messages.iter().try_for_each(|message| out.text(&row(message)))?;
    }
    out.flush()?;
    db.close().await;
    Ok(())
}

/// Hides messages or shows them again. Fails after processing all if one does not exist.
pub async fn set(args: &FlagArgs, flagged: bool) -> anyhow::Result<()> {
    let db = super::open(&args.data).await?;
    let mut unknown = Vec::new();
    for id in &args.ids {
        if db.set_flagged(*id, flagged).await? {
            say(&format!("message {id} is {}", if flagged { "hidden" } else { "visible" }))?;
        } else {
            unknown.push(id.to_string());
        }
    }
    db.close().await;
    anyhow::ensure!(unknown.is_empty(), "no such message: {}", unknown.join(", "));
    Ok(())
}

/// A message as a row of CSV, as a spreadsheet may read it.
fn row(message: &StoredMessage) -> String {
    let StoredMessage { id, author_id, text, flagged } = message;
    format!("{id},{author_id},{},{}\n", cell(text), u8::from(*flagged))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row_of(text: &str) -> String {
        let text = text.to_owned();
        row(&StoredMessage { id: 1, author_id: 2, text, flagged: true })
    }

    #[test]
    fn only_what_needs_quotes_has_them() {
        assert_eq!(row_of("plain æ"), "1,2,plain æ,1\n");
        assert_eq!(row_of("a, \"b\"\nc"), "1,2,\"a, \"\"b\"\"\nc\",1\n");
        assert_eq!(row_of(""), "1,2,,1\n");
        assert_eq!(row_of("=1+1"), "1,2,'=1+1,1\n");
    }
}
