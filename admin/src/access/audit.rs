//! How the panel records what somebody did: always in this form, so that a search for `action:*` finds
//! all of it, and always with the target `audit`, whose records are on the disk at once.

/// Records an action: its name, who did it, further fields in braces, and a sentence.
macro_rules! audit {
    ($action:expr, $by:expr, { $($fields:tt)* }, $($sentence:tt)+) => {
        tracing::info!(
            target: "audit",
            { event.action = $action, user.name = $by, $($fields)* },
            $($sentence)+
        )
    };
}
pub(crate) use audit;
