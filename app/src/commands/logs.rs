//! `minitwit logs`: the logs from the command line. Asks the running service; when none uses the data
//! directory, opens the logs itself.

mod line;
mod moment;
mod output;
mod source;
mod stats;

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use logsearch::store::{MAX_PAGE, Search, TimeRange};
use logsearch::{embedded, query};

use self::moment::Moment;
use self::output::{Look, Output, OutputFormat};
use self::source::Source;
pub use self::source::open_files;
use super::out::{note, say};
use crate::clock::{Clock, micros};
use crate::config::Span;
use crate::control::{LevelChange, Tailed};
use crate::data_dir::DataDir;

/// Subcommands of `minitwit logs`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find records: `minitwit logs search status:5xx timed out --last 1h`
    Search(SearchArgs),
    /// Follow matching records live until interrupted
    Tail(TailArgs),
    /// Write all matching records to standard output
    Export(ExportArgs),
    /// Show the size, state and problems of the log store
    Stats(Place),
    /// Show or change the log levels, optionally for a limited time
    Levels(LevelsArgs),
    /// Verify the checksums of all log files; changes nothing
    Verify(Place),
    /// Rebuild the index from the stored records; stop the service first
    Reindex(Place),
}

/// Location of the logs.
#[derive(Args, Clone, Debug)]
pub struct Place {
    /// Data directory of the service
    #[arg(long, env = "MINITWIT_DATA_DIR", default_value = "data", value_name = "DIR")]
    data_dir: PathBuf,
}

/// Time window of a search.
#[derive(Args, Clone, Debug)]
struct Window {
    /// Length of the window up to now, such as 15m, 1h or 7d
    #[arg(long, value_name = "DURATION", default_value = "1h", conflicts_with_all = ["from", "to"])]
    last: Span,
    /// Start of the window: 10:31, yesterday, '10 min ago', or RFC 3339
    #[arg(long, value_name = "TIME")]
    from: Option<Moment>,
    /// End of the window, as for --from [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<Moment>,
}

/// A query as words of the command line.
#[derive(Args, Clone, Debug)]
struct Words {
    /// Query: words, "phrases", field:value, level>=warn, (a OR b), -not in quotes or behind --; empty matches
    /// all records
    #[arg(value_name = "QUERY")]
    query: Vec<String>,
}

impl Words {
    /// The words as they were typed.
    fn text(&self) -> String {
        self.query.join(" ")
    }
}

fn parse_limit(text: &str) -> Result<usize, &'static str> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or("must be a number greater than 0")
}

#[derive(Args, Clone, Debug)]
pub struct SearchArgs {
    #[command(flatten)]
    words: Words,
    #[command(flatten)]
    window: Window,
    /// Maximum number of records
    #[arg(long, short = 'n', default_value_t = 100, value_name = "N", value_parser = parse_limit)]
    limit: usize,
    /// Show the oldest records first
    #[arg(long)]
    ascending: bool,
    #[command(flatten)]
    look: Look,
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Clone, Debug)]
pub struct TailArgs {
    #[command(flatten)]
    words: Words,
    #[command(flatten)]
    look: Look,
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    #[command(flatten)]
    words: Words,
    #[command(flatten)]
    window: Window,
    #[arg(long, value_enum, default_value_t = OutputFormat::Ndjson)]
    format: OutputFormat,
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Clone, Debug)]
pub struct LevelsArgs {
    /// New levels, such as `info,minitwit::db=debug`; without them, the current levels are shown
    levels: Option<String>,
    /// Restore the configured levels after this time
    #[arg(long = "for", value_name = "DURATION", requires = "levels")]
    time: Option<Span>,
    #[command(flatten)]
    place: Place,
}

/// Runs `minitwit logs`.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Search(args) => search(args).await,
        Command::Tail(args) => tail(args).await,
        Command::Export(args) => export(args).await,
        Command::Stats(place) => stats(&place).await,
        Command::Levels(args) => levels(args).await,
        Command::Verify(place) => verify(&place),
        Command::Reindex(place) => reindex(&place),
    }
}

async fn search(args: SearchArgs) -> anyhow::Result<()> {
    let query = args.words.text();
    let search = args.window.search(&query, args.ascending, args.limit)?;
    let mut source = Source::open(&args.place.data_dir).await?;
    show_unknown_fields(&mut source, &query).await?;
    let mut output = Output::looking(args.look)?;
    let found = source.pages(search, args.limit, |records| output.records(records)).await?;
    if found == 0 {
        note("no matching records in this window; widen it, for example with --last 24h")?;
    }
    Ok(())
}

async fn export(args: ExportArgs) -> anyhow::Result<()> {
    let query = args.words.text();
    let search = args.window.search(&query, true, usize::MAX)?;
    let mut source = Source::open(&args.place.data_dir).await?;
    show_unknown_fields(&mut source, &query).await?;
    let mut output = Output::new(args.format)?;
    source.pages(search, usize::MAX, |records| output.records(records)).await?;
    Ok(())
}

async fn tail(args: TailArgs) -> anyhow::Result<()> {
    let query = args.words.text();
    show_notices(&query)?;
    let Source::Service(mut client) = Source::open(&args.place.data_dir).await? else {
        bail!(
            "no service is running on {}, so there is nothing to tail",
            args.place.data_dir.display()
        );
    };
    let mut output = Output::looking(args.look)?;
    client
        .tail(query, |tailed| match tailed {
            Tailed::Record(record) => output.records(&[*record]),
            Tailed::Gap(gap) => note(&format!("skipped {gap} records (output too slow)")),
        })
        .await
}

async fn stats(place: &Place) -> anyhow::Result<()> {
    let stats = Source::open(&place.data_dir).await?.stats().await?;
    stats::lines(&stats).iter().try_for_each(|line| say(line))
}

async fn levels(args: LevelsArgs) -> anyhow::Result<()> {
    let Source::Service(mut client) = Source::open(&args.place.data_dir).await? else {
        bail!(
            "no service is running on {}; set its levels with --log-index",
            args.place.data_dir.display()
        );
    };
    let levels = match args.levels {
        None => client.levels().await?,
        Some(levels) => {
            let seconds = args.time.map(|time| time.0.as_secs());
            client.set_levels(&LevelChange { levels, seconds }).await?
        }
    };
    say(&levels)
}

fn verify(place: &Place) -> anyhow::Result<()> {
    let found = embedded::verify(&source::existing(&place.data_dir)?)?;
    for partition in &found.partitions {
        say(&format!("{}  {} records", partition.name, partition.records))?;
        partition.damage.iter().try_for_each(|damage| say(&format!("  damaged: {damage}")))?;
    }
    say(&format!("write-ahead log  {} records", found.log_records))?;
    found.log_damage.iter().try_for_each(|damage| say(&format!("  damaged: {damage}")))?;
    anyhow::ensure!(
        found.is_sound(),
        "log files are damaged; on its next start the service quarantines them and rebuilds what it \
         can, and `minitwit logs reindex` rebuilds all indexes (files of a running service can look damaged)"
    );
    Ok(())
}

fn reindex(place: &Place) -> anyhow::Result<()> {
    let path = source::existing(&place.data_dir)?;
    let _alone = DataDir::open(&place.data_dir)?;
    let mut said = Ok(());
    embedded::reindex(&path, &embedded::Options::default(), |name, records| {
        if said.is_ok() {
            said = say(&format!("{name}  {records} records"));
        }
    })?;
    said
}

impl Window {
    /// Builds the search for a query in this window and prints parser notices.
    fn search(&self, text: &str, ascending: bool, limit: usize) -> anyhow::Result<Search> {
        show_notices(text)?;
        let now = Clock::default().now();
        let to = self.to.map_or(now.saturating_add(1), |Moment(to)| to);
        let last = to.saturating_sub(micros(self.last.0));
        let from = self.from.map_or(last, |Moment(from)| from);
        anyhow::ensure!(from < to, "the window must end after it starts");
        let search = Search::new(query::parse(text).query).within(TimeRange { from, to });
        Ok(search.ascending(ascending).limit(limit.min(MAX_PAGE)))
    }
}

fn show_notices(text: &str) -> anyhow::Result<()> {
    query::parse(text).notices.iter().try_for_each(|notice| note(&notice.to_string()))
}

/// Says which fields of a query no record has, so that an empty answer is not taken for good news.
async fn show_unknown_fields(source: &mut Source, text: &str) -> anyhow::Result<()> {
    /// A query has few; each is a search of its own.
    const LOOKED_FOR: usize = 4;
    let query = query::parse(text).query;
    for field in query.dynamic_fields().into_iter().take(LOOKED_FOR) {
        let search = Search::new(query::Query::Exists(field.clone())).limit(1);
        if source.pages(search, 1, |_| Ok(())).await? == 0 {
            note(&query::Notice::unknown_field(field, text).to_string())?;
        }
    }
    Ok(())
}
