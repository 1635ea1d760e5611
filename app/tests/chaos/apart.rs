//! Where the gate departs from the rules: alerts it does not fire, and thresholds that a test machine
//! cannot reach. The list of all alerts tells both.

/// Alerts that nothing can trigger here; `promtool` runs each on made-up series.
pub const NOT_HERE: [(&str, &str); 6] = [
    ("MiniTwitErrorBudgetBurnCreep", "its windows of days stay beyond any test, however scaled"),
    ("MiniTwitCpuSaturated", "a test that takes all processors measures nothing else any more"),
    (
        "MiniTwitDiskAlmostFull",
        "fills the disk of whoever runs it, or needs the right to mount one",
    ),
    ("MiniTwitDiskFilling", "the same, for hours"),
    ("MiniTwitLogIngestLag", "needs a disk that stops"),
    ("MiniTwitLogIndexOverBudget", "needs a disk that refuses to delete"),
];

/// Thresholds of the test: alert, what the rule says, what it says here.
pub const THRESHOLDS: [(&str, &str, &str); 7] = [
    // Two starts fit into a second of the scaled quarter of an hour, three do not.
    ("MiniTwitRestartLoop", "[15s]", "[40s]"),
    ("MiniTwitSimulatorStalled", "> 600", "> 10"),
    ("MiniTwitSimulatorStalled", "< 86400", "< 1440"),
    // The job runs each 15 seconds, here as well.
    ("MiniTwitJobOverdue", "> 3", "> 2"),
    // The limit is the machine's.
    ("MiniTwitMemoryHigh", "minitwit_memory_limit_bytes{job=\"minitwit\"}", "700e6"),
    ("MiniTwitDbWalGrows", "> 268435456", "> 6291456"),
    // Fewer requests come in the scaled window than in a real quarter of an hour.
    ("MiniTwitWritesNotStored", "> 50", "> 20"),
];
