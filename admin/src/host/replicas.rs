//! The replicas of the host's service, each with logs of its own.

/// A process of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replica {
    /// One for each process; what [`Replicas::choose`] takes.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Source revision; may be empty.
    pub revision: String,
    /// When it started, in microseconds since the Unix epoch.
    pub started: i64,
    /// When it was last heard of, in microseconds since the Unix epoch.
    pub seen: i64,
    /// Whether it takes requests; `None` when it was not heard of lately.
    pub is_ready: Option<bool>,
    /// Records in its log store.
    pub records: u64,
    /// Whether it is this process.
    pub is_current: bool,
    /// Whether a browser can be sent to it.
    pub can_be_chosen: bool,
}

/// The replicas of the host's service. Answers come from memory: pages never wait for them.
pub trait Replicas: Send + Sync + 'static {
    /// Every replica, this process among them, in an order that stays.
    fn list(&self) -> Vec<Replica>;

    /// The value of the `Set-Cookie` header that sends a browser to that replica; `None` when it cannot be chosen.
    fn choose(&self, id: &str) -> Option<String>;
}
