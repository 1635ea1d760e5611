//! The log fields of what operators do in the panel, beyond the standard ones of
//! [`logsearch::fields`](logsearch::fields::CATALOGUE).

use logsearch::fields::Kind::{Integer, Keyword};
use logsearch::fields::{Definition, field};

/// What audit records of the panel carry: who did it is `user.name`, what was done is `event.action`.
#[rustfmt::skip]
pub const CATALOGUE: &[Definition] = &[
    field("error.fingerprint", Keyword, &[], "id of a group of errors"),
    field("error.place", Keyword, &[], "file:line or module where a group of errors is logged"),
    field("logs.format", Keyword, &[], "format of an export"),
    field("logs.query", Keyword, &[], "query of an export or a saved search"),
    field("message.author", Keyword, &[], "who wrote the message that was moderated"),
    field("message.id", Integer, &[], "id of the message that was moderated"),
    field("operator.name", Keyword, &[], "account of an operator that was changed"),
    field("operator.role", Keyword, &[], "role an account of an operator has from now on"),
    field("operator.sessions_ended", Integer, &[], "sessions of an operator that were ended"),
    field("search.id", Integer, &[], "id of a saved search"),
    field("search.name", Keyword, &[], "name of a saved search"),
];
