//! Interfaces to the service that hosts the panel: one small optional trait per subject, set on the
//! builder. Pages and sections without their trait are not shown.

mod alerts;
mod deploys;
mod errors;
mod jobs;
mod moderation;
mod operators;
mod plans;
mod searches;

pub use alerts::{Alert, Alerts, Rule, Texts};
pub use deploys::{Deploy, Deploys};
pub use errors::{ErrorState, ErrorStates};
pub use jobs::{Job, Jobs, Run};
pub use moderation::{Listed, Message, MessageFilter, Moderation, User};
pub use operators::{Account, AccountChange, Operators, Role, Session, SessionSelector};
pub use plans::Plans;
pub use searches::{Saved, SavedSearch, SavedSearches};

/// An error of the host. The panel logs it, shows a notice about what is missing, and renders the
/// rest.
pub type HostError = Box<dyn std::error::Error + Send + Sync>;
