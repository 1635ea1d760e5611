//! Which part of a crate may use which other. Each table reads as an order: nothing in it points up.

/// A top-level module, and the others that it may use.
pub type Table = &'static [(&'static str, &'static [&'static str])];

/// The modules of `app`, and what each may use. Reads as an order: nothing here points up.
pub const APP: Table = &[
    ("main", &["commands"]),
    // Leaves: types and rules, no I/O.
    ("domain", &[]),
    ("clock", &[]),
    ("escape", &[]),
    ("avatar", &[]),
    ("build", &[]),
    ("metrics", &["build"]),
    ("links", &[]),
    ("request_profile", &[]),
    ("supervise", &["metrics"]),
    ("listen", &["clock", "supervise"]),
    // Data.
    ("db", &["domain", "metrics", "request_profile"]),
    ("data_dir", &[]),
    ("auth", &["clock", "db", "request_profile"]),
    ("config", &["auth", "db"]),
    ("durable", &[]),
    ("state", &["auth", "clock", "config", "db", "durable", "metrics", "supervise"]),
    // The web.
    ("error", &["auth", "db", "metrics"]),
    ("body", &["error", "request_profile"]),
    ("chaos", &["error", "state"]),
    ("assets", &["error"]),
    ("flash_cookie", &["domain"]),
    ("accounts", &["auth", "db", "domain", "error", "metrics", "state"]),
    (
        "middleware",
        &[
            "assets",
            "auth",
            "clock",
            "db",
            "domain",
            "error",
            "flash_cookie",
            "links",
            "listen",
            "metrics",
            "state",
            "request_profile",
        ],
    ),
    (
        "pages",
        &[
            "accounts",
            "assets",
            "auth",
            "avatar",
            "body",
            "db",
            "domain",
            "error",
            "escape",
            "links",
            "metrics",
            "middleware",
            "state",
            "request_profile",
        ],
    ),
    ("api", &["accounts", "assets", "body", "db", "domain", "error", "metrics", "state"]),
    // Beside the web.
    ("backup", &["data_dir", "db"]),
    // Answers on every surface before the database does.
    ("waiting", &["config", "db", "error", "listen", "middleware", "ops", "supervise"]),
    ("client", &[]),
    ("control", &["client", "listen", "supervise"]),
    ("logs", &["config", "metrics"]),
    ("simulate", &["client", "clock"]),
    ("process", &["metrics"]),
    ("runtime", &["metrics"]),
    ("signals", &[]),
    ("exposition", &["db", "metrics", "process", "runtime"]),
    (
        "ops",
        &[
            "auth",
            "body",
            "build",
            "clock",
            "db",
            "domain",
            "error",
            "exposition",
            "jobs",
            "metrics",
            "middleware",
            "operators",
            "state",
        ],
    ),
    (
        "routes",
        &[
            "api",
            "assets",
            "chaos",
            "error",
            "exposition",
            "links",
            "metrics",
            "middleware",
            "ops",
            "pages",
            "state",
            "request_profile",
        ],
    ),
    // The program.
    ("telemetry", &["config", "data_dir", "exposition", "logs", "metrics"]),
    ("operators", &["auth", "clock", "config", "db", "state"]),
    (
        "jobs",
        &[
            "auth",
            "backup",
            "chaos",
            "clock",
            "config",
            "db",
            "domain",
            "escape",
            "links",
            "metrics",
            "operators",
            "state",
            "supervise",
            "request_profile",
        ],
    ),
];

/// The modules that put a crate together; they may use every other.
pub const WIRING: &[&str] = &["commands", "server", "lib"];

/// The rooms of `admin`.
pub const ADMIN: Table = &[
    // Leaves.
    ("clock", &[]),
    ("format", &[]),
    // The past of the metrics, charts over it, and what a service may offer.
    ("history", &["format"]),
    ("metrics", &["clock", "format", "history"]),
    ("host", &["metrics"]),
    // What every page may use; it knows no page.
    ("context", &["format", "host"]),
    ("access", &["context", "host"]),
    // How things look, without knowing any data, and data without knowing how it looks.
    ("ui", &["access", "context", "format", "metrics"]),
    ("data", &["context", "format", "history", "host", "metrics"]),
    ("pages", &["access", "context", "data", "format", "host", "metrics", "ui"]),
    // Only the builder knows the routes, and only the routes know every page.
    ("routes", &["access", "context", "pages", "ui"]),
    ("admin", &["access", "clock", "context", "host", "metrics", "routes"]),
];

/// The rooms of `logsearch`.
pub const LOGSEARCH: Table = &[
    // Leaves.
    ("clock", &[]),
    ("quiet", &[]),
    ("record", &[]),
    ("fields", &[]),
    ("redact", &[]),
    ("time", &[]),
    ("percentile", &[]),
    ("disk_status", &[]),
    // What is asked, and of what.
    ("query", &["fields", "record"]),
    ("store", &["query", "record", "time"]),
    ("json", &["fields", "record"]),
    ("export", &["fields", "json", "record", "store"]),
    ("suggest", &["fields", "query", "record", "store", "time"]),
    ("memory", &["fields", "percentile", "query", "record", "store", "time"]),
    // The way of a record.
    ("codec", &["record"]),
    ("error_chain", &["codec"]),
    ("wal", &["clock", "codec", "record"]),
    ("writer", &["clock", "codec", "quiet", "record", "wal"]),
    ("layer", &["clock", "codec", "error_chain", "fields", "quiet", "record", "redact", "writer"]),
    ("metrics", &["clock", "disk_status", "record", "store", "writer"]),
    (
        "embedded",
        &[
            "clock",
            "codec",
            "disk_status",
            "fields",
            "metrics",
            "percentile",
            "query",
            "quiet",
            "record",
            "store",
            "time",
            "wal",
        ],
    ),
    ("instrumented", &["metrics", "query", "record", "store", "time"]),
    ("live", &["codec", "query", "record"]),
    ("file_sink", &["codec", "json"]),
    ("filter", &[]),
    ("pipeline", &["codec", "file_sink", "layer", "live", "query", "writer"]),
    (
        "logs",
        &[
            "disk_status",
            "embedded",
            "file_sink",
            "instrumented",
            "layer",
            "live",
            "metrics",
            "pipeline",
            "query",
            "record",
            "redact",
            "store",
            "wal",
            "writer",
        ],
    ),
    ("testing", &["codec", "fields", "memory", "query", "record", "store", "time", "wal"]),
];

/// The circles of files that are left; each is to be cut.
pub const CIRCLES: &[&[&str]] = &[];
