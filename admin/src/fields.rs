//! The log fields of what operators do in the panel, beyond the standard ones of
//! [`logsearch::fields`](logsearch::fields::CATALOGUE).

use logsearch::fields::Kind::{Integer, Keyword};
use logsearch::fields::{Definition, field};

/// What audit records of the panel carry: who did it is `user.name`, what was done is `event.action`.
#[rustfmt::skip]
pub const CATALOGUE: &[Definition] = &[
    field("error.fingerprint", Keyword, &[], "id of the error group"),
    field("error.place", Keyword, &[], "source location of the error group"),
    field("logs.format", Keyword, &[], "export format"),
    field("logs.query", Keyword, &[], "query of the export or saved search"),
    field("operator.name", Keyword, &[], "operator account that was changed"),
    field("operator.role", Keyword, &[], "new role of the operator account"),
    field("operator.sessions_ended", Integer, &[], "number of ended operator sessions"),
    field("search.id", Integer, &[], "saved search id"),
    field("search.name", Keyword, &[], "saved search name"),
];
