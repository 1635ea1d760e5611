//! What the panel may ask of the service it runs in: one small trait per subject, each optional and set
//! on the builder. A page or section whose trait the host does not implement is not shown.

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

/// Why the host could not answer. The panel logs it, says on the page what is missing, and shows the
/// rest.
pub type HostError = Box<dyn std::error::Error + Send + Sync>;
