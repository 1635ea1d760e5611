//! `minitwit simulate`.

use std::path::PathBuf;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::out::say;
use crate::config::{Credentials, DEFAULT_SIMULATOR_AUTH, FromFile, Span, hidden};
use crate::signals::Signals;
use crate::simulate::{Drive, Invention, Pace, Report, Target, Url, read, run as drive};

/// Default rate in commands per second.
const DEFAULT_RATE: f64 = 10.0;
/// Speed-up at which the course replays the scenario.
const COURSE_SPEED: f64 = 100_000.0;

/// `minitwit simulate`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// URL of the simulator API
    #[arg(long, env = "MINITWIT_SIMULATE_URL", default_value = "http://127.0.0.1:5001")]
    url: Url,
    /// Credentials as `<user>:<password>`
    #[arg(long, env = "MINITWIT_SIMULATOR_AUTH", default_value = DEFAULT_SIMULATOR_AUTH,
        value_name = "USER:PASSWORD", hide_env_values = true,
        value_parser = hidden::<Credentials>())]
    auth: Credentials,
    /// File with the credentials
    #[arg(
        long,
        env = "MINITWIT_SIMULATOR_AUTH_FILE",
        value_name = "FILE",
        value_parser = hidden::<FromFile<Credentials>>(),
        conflicts_with = "auth"
    )]
    auth_file: Option<FromFile<Credentials>>,
    /// Scenario file of the course to replay [default: an endless generated scenario of the same mix]
    #[arg(long, env = "MINITWIT_SIMULATE_FILE", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Commands per second [default: 10, or as set by --speed with --file]
    #[arg(long, env = "MINITWIT_SIMULATE_RATE", value_name = "N", value_parser = parse_positive)]
    rate: Option<f64>,
    /// Speed-up factor for replaying a file [default: 100000, as the course does]
    #[arg(long, env = "MINITWIT_SIMULATE_SPEED", value_name = "FACTOR", requires = "file",
        conflicts_with = "rate", value_parser = parse_positive)]
    speed: Option<f64>,
    /// Send each command as soon as a client is free
    #[arg(long, env = "MINITWIT_SIMULATE_NO_WAIT", conflicts_with_all = ["rate", "speed"],
        value_parser = clap::builder::BoolishValueParser::new())]
    no_wait: bool,
    /// Concurrent clients; with more than one, all users are registered first
    #[arg(long, env = "MINITWIT_SIMULATE_CLIENTS", default_value_t = 1, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=1024))]
    clients: u16,
    /// Users in a generated scenario
    #[arg(long, env = "MINITWIT_SIMULATE_USERS", default_value_t = 100, value_name = "N",
        value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    users: u32,
    /// Random seed of a generated scenario
    #[arg(long, env = "MINITWIT_SIMULATE_SEED", default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Stop after this time [default: 1m, or at the end of the file]
    #[arg(long, env = "MINITWIT_SIMULATE_DURATION", value_name = "DURATION")]
    duration: Option<Span>,
    /// First command id: earlier rows of a file are skipped, generated commands count from it
    #[arg(long, env = "MINITWIT_SIMULATE_START_AT", default_value_t = 0, value_name = "ID",
        value_parser = clap::value_parser!(i64).range(0..))]
    start_at: i64,
    /// Timeout for connecting and for each read
    #[arg(
        long,
        env = "MINITWIT_SIMULATE_TIMEOUT",
        default_value = "300ms",
        value_name = "DURATION"
    )]
    timeout: Span,
    /// Print the report as JSON
    #[arg(long, env = "MINITWIT_SIMULATE_JSON",
        value_parser = clap::builder::BoolishValueParser::new())]
    json: bool,
}

fn parse_positive(text: &str) -> Result<f64, &'static str> {
    let number = text.parse::<f64>().ok().filter(|number| (1e-6..=1e12).contains(number));
    number.ok_or("must be a number greater than 0")
}

impl Args {
    fn pace(&self) -> Pace {
        match (self.rate, self.speed) {
            _ if self.no_wait => Pace::NoWait,
            (Some(rate), _) => Pace::Rate(rate),
            (None, Some(speed)) => Pace::Speed(speed),
            (None, None) if self.file.is_some() => Pace::Speed(COURSE_SPEED),
            (None, None) => Pace::Rate(DEFAULT_RATE),
        }
    }

    async fn drive(&self) -> anyhow::Result<Drive> {
        let auth = self.auth_file.as_ref().map_or(&self.auth, |file| &file.0);
        let target = Target::find(self.url.clone(), &auth.0, self.timeout.0).await?;
        let default = Span(std::time::Duration::from_mins(1));
        let duration = self.duration.or(self.file.is_none().then_some(default));
        Ok(Drive {
            target,
            pace: self.pace(),
            clients: usize::from(self.clients),
            duration: duration.map(|span| span.0),
            stop: CancellationToken::new(),
        })
    }
}

/// Runs the simulation, prints the report and fails if a command failed.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let parameters = args.drive().await?;
    let stop = parameters.stop.clone();
    let mut signals = Signals::listen()?;
    tokio::spawn(async move {
        signals.wait().await;
        stop.cancel();
        signals.exit_on_second().await
    });
    let report = if let Some(path) = &args.file {
        let mut commands = read(path)?;
        commands.retain(|command| command.id >= args.start_at);
        let total = u64::try_from(commands.len()).ok();
        drive(&parameters, commands.into_iter(), total).await
    } else {
        let commands = Invention::new(args.users, args.start_at, args.seed);
        // Several clients keep the order of each user's commands only.
        let commands = if args.clients == 1 { commands.mixed() } else { commands };
        drive(&parameters, commands, None).await
    };
    print(&report, args.json)?;
    let (errors, requests) = (report.errors(), report.requests());
    anyhow::ensure!(requests > 0, "no commands were sent");
    anyhow::ensure!(errors == 0, "{errors} of {requests} commands failed");
    Ok(())
}

fn print(report: &Report, as_json: bool) -> anyhow::Result<()> {
    let text = if as_json {
        serde_json::to_string_pretty(&report.to_json()).context("could not write the report")?
    } else {
        report.to_string()
    };
    say(&text)
}
