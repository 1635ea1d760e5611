//! The log fields of MiniTwit: the standard catalogue of `logsearch`, that of the panel, and here what
//! this service adds. One line for each name it records; a test compares them with every event and span
//! in the source and with those that a whole test run reaches.

use logsearch::fields::Kind::{Integer, Keyword};
use logsearch::fields::{Definition, field};

/// What the service records beyond the standard fields and those of the panel.
#[rustfmt::skip]
pub const CATALOGUE: &[Definition] = &[
    field("chaos.fault", Keyword, &[], "fault that was switched on, in a build with the feature chaos"),
    field("db.url", Keyword, &[], "address of the database, without its password"),
    field("http.request.header.accept", Keyword, &[], "header of a request that is kept"),
    field("http.request.header.accept-encoding", Keyword, &[], "header of a request that is kept"),
    field("http.request.header.accept-language", Keyword, &[], "header of a request that is kept"),
    field("http.request.header.authorization", Keyword, &[], "that the header was there, never its value"),
    field("http.request.header.content-length", Keyword, &[], "header of a request that is kept, as it was sent"),
    field("http.request.header.content-type", Keyword, &[], "header of a request that is kept"),
    field("http.request.header.cookie", Keyword, &[], "that the header was there, never its value"),
    field("http.request.header.host", Keyword, &[], "header of a request that is kept"),
    field("http.request.header.if-none-match", Keyword, &[], "header of a request that is kept"),
    field("http.request.header.origin", Keyword, &[], "header of a request that is kept"),
    field("http.request.header.range", Keyword, &[], "header of a request that is kept"),
    field("http.request.header.referer", Keyword, &[], "header of a request that is kept"),
    field("http.request.header.sec-fetch-site", Keyword, &[], "header of a request that is kept"),
    field("http.request.header.x-forwarded-for", Keyword, &[], "header of a request that is kept"),
    field("http.request.header.x-forwarded-proto", Keyword, &[], "header of a request that is kept"),
    field("job.missed", Integer, &[], "scheduled runs that did not come"),
    field("listener.address", Keyword, &[], "address and port a listener is bound to"),
    field("listener.name", Keyword, &[], "site, api or ops"),
    field("metric.label_sets.limit", Integer, &[], "label sets of a metric that are measured apart"),
    field("metric.name", Keyword, &[], "name of a metric"),
    field("parity.matching", Integer, &[], "messages that site and API show alike"),
    field("parity.messages", Integer, &[], "messages that were compared between site and API"),
    field("process.signal", Keyword, &[], "signal that stops the process"),
    field("service.revision", Keyword, &[], "commit the service was built from"),
];

/// Every field the process records, the standard ones first.
pub fn all() -> impl Iterator<Item = &'static Definition> {
    logsearch::fields::CATALOGUE.iter().chain(admin::fields::CATALOGUE).chain(CATALOGUE)
}
