//! Which faults are tried together, what each is to fire, and what else they may fire, with the reason.

/// One try.
pub struct Round {
    /// What is done, for people.
    pub what: &'static str,
    /// Faults of the service, in the words of `/chaos/<fault>`.
    pub faults: &'static [&'static str],
    /// What has to fire.
    pub fires: &'static [&'static str],
    /// What may fire as well, and why.
    pub may_fire: &'static [(&'static str, &'static str)],
}

/// Requests that fail, and beside them what needs no request: the failing ones go on long enough for the
/// slow burn, which is an hour of real time.
pub const FAILING: Round = Round {
    what: "a third of the requests fails; panics, failing jobs, lost logs, memory, a long reader",
    faults: &[
        "errors?share=0.35",
        "panic?count=3",
        "job-fail?name=business_totals",
        "lose-logs",
        "memory?mib=900",
        "reader",
    ],
    fires: &[
        "MiniTwitDbWalGrows",
        "MiniTwitErrorBudgetBurnFast",
        "MiniTwitErrorBudgetBurnMedium",
        "MiniTwitErrorBudgetBurnSlow",
        "MiniTwitErrorLogs",
        "MiniTwitJobFailed",
        "MiniTwitLogsDropped",
        "MiniTwitMemoryHigh",
        "MiniTwitPanics",
        "MiniTwitSimulatorErrors",
    ],
    may_fire: &[
        (
            "MiniTwitEventLoopBlocked",
            "so much memory at once takes the processors of a small machine",
        ),
        ("MiniTwitJobOverdue", "the failing job has not succeeded for two of its periods"),
    ],
};

pub const SLOW: Round = Round {
    what: "every request takes 700 ms; a job hangs, passwords are guessed, connections are held open",
    faults: &["latency?ms=700", "job-hang?name=business_totals"],
    fires: &[
        "MiniTwitFileDescriptors",
        "MiniTwitJobOverdue",
        "MiniTwitLatencyBudgetBurnFast",
        "MiniTwitLatencyBudgetBurnSlow",
        "MiniTwitLoginAttack",
    ],
    may_fire: &[],
};

pub const STARVED: Round = Round {
    what: "every database connection is taken",
    faults: &["connections"],
    fires: &["MiniTwitDbPoolExhausted", "MiniTwitDbTimeouts"],
    may_fire: &[
        ("MiniTwitDbSlow", "a statement waits for its connection, and that is part of its time"),
        ("MiniTwitErrorBudgetBurnFast", "who waits two seconds gets 503"),
        ("MiniTwitErrorBudgetBurnMedium", "the same"),
        ("MiniTwitErrorBudgetBurnSlow", "the same"),
        ("MiniTwitErrorLogs", "each 503 is an error in the log"),
        ("MiniTwitJobFailed", "jobs need connections, too"),
        ("MiniTwitLatencyBudgetBurnFast", "two seconds of waiting are slow"),
        ("MiniTwitLatencyBudgetBurnSlow", "the same"),
        ("MiniTwitSimulatorErrors", "the simulator gets 503 as well"),
    ],
};

pub const DISCARDING: Round = Round {
    what: "accepted messages go nowhere, and statements are slow",
    faults: &["discard", "sql"],
    fires: &["MiniTwitDbSlow", "MiniTwitWritesNotStored"],
    may_fire: &[],
};

pub const BLOCKED: Round = Round {
    what: "every worker of the runtime is held for 300 ms at a time",
    faults: &["block?ms=300"],
    fires: &["MiniTwitEventLoopBlocked"],
    may_fire: &[
        ("MiniTwitLatencyBudgetBurnFast", "requests wait for a worker"),
        ("MiniTwitLatencyBudgetBurnSlow", "the same"),
        ("MiniTwitDbSlow", "and so do statements"),
        ("MiniTwitDbPoolExhausted", "connections come back late"),
        ("MiniTwitDbTimeouts", "too late for some"),
        ("MiniTwitErrorBudgetBurnFast", "which then get 503"),
        ("MiniTwitErrorBudgetBurnMedium", "the same"),
        ("MiniTwitErrorBudgetBurnSlow", "the same"),
        ("MiniTwitErrorLogs", "the same"),
        ("MiniTwitJobFailed", "jobs need connections, too"),
        ("MiniTwitSimulatorErrors", "the simulator gets 503 as well"),
        ("MiniTwitDown", "a scrape has a second, in which it needs several turns"),
    ],
};

pub const QUIET: Round = Round {
    what: "the simulator stops, a second instance is not there, labels run out of room",
    faults: &[],
    fires: &["MiniTwitInstanceDown", "MiniTwitMetricsOverflow", "MiniTwitSimulatorStalled"],
    may_fire: &[],
};

pub const RESTARTING: Round = Round {
    what: "the service is killed and started three times",
    faults: &[],
    fires: &["MiniTwitRestartLoop"],
    may_fire: &[("MiniTwitDown", "a start can take longer than the scaled minute")],
};

pub const DOWN: Round =
    Round { what: "the service is gone", faults: &[], fires: &["MiniTwitDown"], may_fire: &[] };

pub const ALL: [&Round; 8] =
    [&FAILING, &SLOW, &STARVED, &DISCARDING, &BLOCKED, &QUIET, &RESTARTING, &DOWN];
