//! Settings: one struct per concern, each a flag with its environment variable and default. A wrong
//! value ends the program with the name of the setting and what it accepts.

mod secrets;
mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use logsearch::filter::Levels;

use crate::alerts::AlertApi;
use crate::auth::AlertToken;
use crate::db::{DatabaseUrl, PoolSizes};
pub use secrets::hidden;
pub use values::{Credentials, FromFile, Secret, Size, Span, parse_address};
use values::{parse_network, parse_web_url};

/// All settings of `minitwit serve`.
#[derive(Args, Clone, Debug)]
pub struct Config {
    #[command(flatten)]
    pub data: DataConfig,
    #[command(flatten)]
    pub listen: ListenConfig,
    #[command(flatten)]
    pub account: AccountConfig,
    #[command(flatten)]
    pub alert: AlertConfig,
    #[command(flatten)]
    pub log: LogConfig,
    #[command(flatten)]
    pub job: JobConfig,
}

/// Data settings.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Data")]
pub struct DataConfig {
    /// Directory for the SQLite file, the logs and the backups; created if missing
    #[arg(long, env = "MINITWIT_DATA_DIR", default_value = "data", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// `sqlite:<path>` or `postgres://<user>@<host>/<name>` [default: minitwit.sqlite in the data
    /// directory]
    #[arg(long, env = "MINITWIT_DATABASE_URL", value_name = "URL", hide_env_values = true,
        value_parser = hidden::<DatabaseUrl>())]
    pub database_url: Option<DatabaseUrl>,
    /// File with the database URL, for URLs that contain a password
    #[arg(
        long,
        env = "MINITWIT_DATABASE_URL_FILE",
        value_name = "FILE",
        value_parser = hidden::<FromFile<DatabaseUrl>>(),
        conflicts_with = "database_url"
    )]
    pub database_url_file: Option<FromFile<DatabaseUrl>>,
    /// Number of SQLite read connections
    #[arg(long, env = "MINITWIT_SQLITE_READERS", default_value_t = 4, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=64))]
    pub sqlite_readers: u32,
    /// Number of PostgreSQL connections
    #[arg(long, env = "MINITWIT_POSTGRES_CONNECTIONS", default_value_t = 10, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub postgres_connections: u32,
}

impl DataConfig {
    /// URL of the database to open.
    pub fn database(&self) -> DatabaseUrl {
        let from_file = self.database_url_file.as_ref().map(|file| file.0.clone());
        let given = from_file.or_else(|| self.database_url.clone());
        given.unwrap_or_else(|| DatabaseUrl::Sqlite(self.sqlite_path()))
    }

    /// Path of the default SQLite file.
    pub fn sqlite_path(&self) -> PathBuf {
        self.data_dir.join("minitwit.sqlite")
    }

    /// Sizes of the connection pools.
    pub fn pool_sizes(&self) -> PoolSizes {
        PoolSizes { sqlite_readers: self.sqlite_readers, postgres: self.postgres_connections }
    }
}

/// Listeners that this process opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Surfaces {
    /// Site, API and ops
    All,
    /// Site and ops
    Site,
    /// API and ops
    Api,
    /// Ops only; also runs the scheduled jobs
    Ops,
}

/// Listener settings.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Listeners")]
pub struct ListenConfig {
    /// Address of the site; port 0 picks a free port and logs it
    #[arg(long, env = "MINITWIT_SITE", default_value = "127.0.0.1:5000", value_name = "ADDRESS",
        value_parser = parse_address)]
    pub site: SocketAddr,
    /// Address of the simulator API
    #[arg(long, env = "MINITWIT_API", default_value = "127.0.0.1:5001", value_name = "ADDRESS",
        value_parser = parse_address)]
    pub api: SocketAddr,
    /// Address of /admin, /metrics, /livez and /readyz; never expose it publicly
    #[arg(long, env = "MINITWIT_OPS", default_value = "127.0.0.1:5002", value_name = "ADDRESS",
        value_parser = parse_address)]
    pub ops: SocketAddr,
    /// Which listeners this process opens
    #[arg(long, env = "MINITWIT_ROLE", value_enum, default_value_t = Surfaces::All)]
    pub role: Surfaces,
    /// Networks of proxies whose X-Forwarded-For and X-Forwarded-Proto headers are trusted
    #[arg(long, env = "MINITWIT_TRUSTED_PROXIES", value_delimiter = ',', value_name = "CIDR,...",
        value_parser = parse_network)]
    pub trusted_proxies: Vec<IpNet>,
    /// Request timeout
    #[arg(long, env = "MINITWIT_REQUEST_TIMEOUT", default_value = "20s", value_name = "DURATION")]
    pub request_timeout: Span,
    /// Maximum number of route, method and status combinations in metrics; further ones share one series
    #[arg(long, env = "MINITWIT_METRICS_LABEL_SETS", default_value_t = 190, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub metrics_label_sets: u16,
    /// How long to wait for running requests after SIGTERM, SIGINT, SIGHUP or SIGQUIT
    #[arg(long, env = "MINITWIT_SHUTDOWN_GRACE", default_value = "7s", value_name = "DURATION")]
    pub shutdown_grace: Span,
    /// Name of this replica in the panel [default: the host's name]
    #[arg(long, env = "MINITWIT_REPLICA", value_name = "NAME")]
    pub replica: Option<String>,
    /// URL of Grafana, linked from the panel
    #[arg(long, env = "MINITWIT_GRAFANA_URL", value_name = "URL", value_parser = parse_web_url)]
    pub grafana_url: Option<String>,
    /// URL of Prometheus, linked from the panel
    #[arg(long, env = "MINITWIT_PROMETHEUS_URL", value_name = "URL", value_parser = parse_web_url)]
    pub prometheus_url: Option<String>,
}

impl ListenConfig {
    /// Names and URLs of other tools that monitor this service.
    pub fn external_links(&self) -> Vec<(&'static str, String)> {
        let tools = [("Grafana", &self.grafana_url), ("Prometheus", &self.prometheus_url)];
        tools
            .into_iter()
            .filter_map(|(name, url)| Some((name, url.clone()?)))
            .filter(|(_, url)| !url.is_empty())
            .collect()
    }
}

/// Settings of accounts, sessions and credentials.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Accounts")]
pub struct AccountConfig {
    /// Minimum password length for new users, in characters; simulator users have 5 or more
    #[arg(long, env = "MINITWIT_MIN_PASSWORD", default_value_t = 1, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=128))]
    pub min_password: u16,
    /// Idle timeout of sessions
    #[arg(long, env = "MINITWIT_SESSION_IDLE", default_value = "12h", value_name = "DURATION")]
    pub session_idle: Span,
    /// Maximum lifetime of sessions
    #[arg(long, env = "MINITWIT_SESSION_MAX", default_value = "7d", value_name = "DURATION")]
    pub session_max: Span,
    /// Credentials of the simulator as `<user>:<password>`; the default is publicly known
    #[arg(long, env = "MINITWIT_SIMULATOR_AUTH", default_value = DEFAULT_SIMULATOR_AUTH,
        value_name = "USER:PASSWORD", hide_env_values = true,
        value_parser = hidden::<Credentials>())]
    pub simulator_auth: Credentials,
    /// File with the credentials
    #[arg(
        long,
        env = "MINITWIT_SIMULATOR_AUTH_FILE",
        value_name = "FILE",
        value_parser = hidden::<FromFile<Credentials>>(),
        conflicts_with = "simulator_auth"
    )]
    pub simulator_auth_file: Option<FromFile<Credentials>>,
    /// Password of the operator `admin`, set at startup [default: generated and printed on first start]
    #[arg(long, env = "MINITWIT_ADMIN_PASSWORD", value_name = "PASSWORD", hide_env_values = true,
        value_parser = hidden::<Secret>())]
    pub admin_password: Option<Secret>,
    /// File with the password of the operator `admin`
    #[arg(
        long,
        env = "MINITWIT_ADMIN_PASSWORD_FILE",
        value_name = "FILE",
        value_parser = hidden::<FromFile<Secret>>(),
        conflicts_with = "admin_password"
    )]
    pub admin_password_file: Option<FromFile<Secret>>,
    /// Load avatars from gravatar.com instead of generating them; tells Gravatar which users are viewed
    #[arg(long, env = "MINITWIT_GRAVATAR", value_parser = clap::builder::BoolishValueParser::new())]
    pub gravatar: bool,
}

/// Default credentials of the course's simulator.
pub const DEFAULT_SIMULATOR_AUTH: &str = "simulator:super_safe!";

impl AccountConfig {
    /// The operator's password, if one was given.
    pub fn admin_password(&self) -> Option<&Secret> {
        self.admin_password_file.as_ref().map(|file| &file.0).or(self.admin_password.as_ref())
    }

    /// Credentials that the simulator must send.
    pub fn simulator_auth(&self) -> &Credentials {
        self.simulator_auth_file.as_ref().map_or(&self.simulator_auth, |file| &file.0)
    }
}

/// Settings for notifications of alerting systems.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Alerts")]
pub struct AlertConfig {
    /// Bearer token that Grafana or Alertmanager sends to /admin/api/alerts [default: generated and
    /// stored in alert-token in the data directory]
    #[arg(long, env = "MINITWIT_ALERT_TOKEN", value_name = "TOKEN", hide_env_values = true,
        value_parser = hidden::<Secret>())]
    pub alert_token: Option<Secret>,
    /// File with the alert token
    #[arg(
        long,
        env = "MINITWIT_ALERT_TOKEN_FILE",
        value_name = "FILE",
        value_parser = hidden::<FromFile<Secret>>(),
        conflicts_with = "alert_token"
    )]
    pub alert_token_file: Option<FromFile<Secret>>,
    /// Address of Grafana or Alertmanager, http:// only; what fires there and in the inbox is compared
    #[arg(long, env = "MINITWIT_ALERT_API_URL", value_name = "URL")]
    pub alert_api_url: Option<String>,
    /// User of the alert API; without one the password is sent as a bearer token
    #[arg(long, env = "MINITWIT_ALERT_API_USER", value_name = "NAME")]
    pub alert_api_user: Option<String>,
    /// Password or token of the alert API
    #[arg(
        long,
        env = "MINITWIT_ALERT_API_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true
    )]
    pub alert_api_password: Option<Secret>,
    /// File with the password or token of the alert API
    #[arg(
        long,
        env = "MINITWIT_ALERT_API_PASSWORD_FILE",
        value_name = "FILE",
        conflicts_with = "alert_api_password"
    )]
    pub alert_api_password_file: Option<FromFile<Secret>>,
    /// Channels by which alerting notifies people, such as `mail,slack`; told to operators only
    #[arg(long, env = "MINITWIT_ALERT_CHANNELS", value_delimiter = ',', value_name = "NAME,...")]
    pub alert_channels: Vec<String>,
}

impl AlertConfig {
    /// The configured token, or one generated and stored in the data directory.
    pub fn token(&self, data_dir: &Path) -> anyhow::Result<AlertToken> {
        let of_file = self.alert_token_file.as_ref().map(|file| &file.0);
        let set = of_file.or(self.alert_token.as_ref()).map(|token| token.0.trim());
        // Compose files pass a variable on that may be empty.
        AlertToken::open(set.filter(|token| !token.is_empty()), data_dir)
    }

    /// The API of the alerting system, if its address is set.
    pub fn api(&self) -> anyhow::Result<Option<AlertApi>> {
        // Compose files pass variables on that may be empty.
        let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let of_file = self.alert_api_password_file.as_ref().map(|file| &file.0);
        let secret = of_file.or(self.alert_api_password.as_ref()).map(|secret| secret.0.trim());
        let secret = secret.filter(|secret| !secret.is_empty());
        let user = set(&self.alert_api_user);
        set(&self.alert_api_url).map(|url| AlertApi::new(&url, user.as_deref(), secret)).transpose()
    }

    /// Names of the channels that are set.
    pub fn channels(&self) -> Vec<String> {
        let names = self.alert_channels.iter().map(|name| name.trim().to_owned());
        names.filter(|name| !name.is_empty()).collect()
    }
}

/// Format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise
    Auto,
    /// Human-readable
    Pretty,
    /// One JSON object per line
    Json,
}

/// Log settings.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Logs")]
pub struct LogConfig {
    /// Format of the log on standard error
    #[arg(long, env = "MINITWIT_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,
    /// Log levels for standard error, as `<target>=<level>,...`
    #[arg(long, env = "MINITWIT_LOG", default_value = DEFAULT_LEVELS, value_name = "LEVELS",
        value_parser = Levels::parse)]
    pub log: Levels,
    /// Log levels for the log index; change them at runtime with `minitwit logs levels`
    #[arg(long, env = "MINITWIT_LOG_INDEX", default_value = DEFAULT_LEVELS, value_name = "LEVELS",
        value_parser = Levels::parse)]
    pub log_index: Levels,
    /// Retention of log records
    #[arg(long, env = "MINITWIT_LOG_MAX_AGE", default_value = "14d", value_name = "DURATION")]
    pub log_max_age: Span,
    /// Maximum size of the log store on disk; the oldest records are deleted first
    #[arg(long, env = "MINITWIT_LOG_MAX_SIZE", default_value = "2GiB", value_name = "SIZE")]
    pub log_max_size: Size,
    /// Also log to this file as text; rotated at 5 MiB, keeping 5 old files
    #[arg(long, env = "MINITWIT_LOG_FILE", value_name = "FILE")]
    pub log_file: Option<PathBuf>,
}

/// Default levels. The scheduler logs every tick at INFO; the jobs' own records say more.
const DEFAULT_LEVELS: &str = "info,tokio_cron_scheduler=warn";

/// Settings of scheduled jobs.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Jobs")]
pub struct JobConfig {
    /// Number of daily backups to keep; 0 disables them
    #[arg(long, env = "MINITWIT_BACKUPS", default_value_t = 7, value_name = "N",
        value_parser = clap::value_parser!(u16).range(0..=3650))]
    pub backups: u16,
    /// Backup directory [default: backups in the data directory]
    #[arg(long, env = "MINITWIT_BACKUP_DIR", value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,
    /// Address of the TLS server in front, whose certificate is watched
    #[arg(long, env = "MINITWIT_CERTIFICATE_ENDPOINT", value_name = "HOST:PORT")]
    pub certificate_endpoint: Option<String>,
    /// Name for which the certificate is requested [default: the host of the endpoint]
    #[arg(
        long,
        env = "MINITWIT_CERTIFICATE_NAME",
        value_name = "NAME",
        requires = "certificate_endpoint"
    )]
    pub certificate_name: Option<String>,
}

impl JobConfig {
    /// Backup directory.
    pub fn backup_dir(&self, data: &DataConfig) -> PathBuf {
        self.backup_dir.clone().unwrap_or_else(|| data.data_dir.join("backups"))
    }
}
