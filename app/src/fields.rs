//! The log fields of MiniTwit: the standard catalogue of `logsearch`, that of the panel, and here what
//! this service adds. One line for each name it records; a test compares them with every event and span
//! in the source and with those that a whole test run reaches.

use logsearch::fields::Kind::{Integer, Keyword, Microseconds};
use logsearch::fields::{Definition, field};

/// What the service records beyond the standard fields and those of the panel.
#[rustfmt::skip]
pub const CATALOGUE: &[Definition] = &[
    field("chaos.fault", Keyword, &[], "injected fault, in builds with the feature chaos"),
    field("clock.step_us", Microseconds, &[], "by how much the clock was set forward, or back when negative"),
    field("db.url", Keyword, &[], "database URL without its password"),
    field("file.path", Keyword, &[], "path of the file that the event is about"),
    field("http.request.header.accept", Keyword, &[], "recorded request header"),
    field("http.request.header.accept-encoding", Keyword, &[], "recorded request header"),
    field("http.request.header.accept-language", Keyword, &[], "recorded request header"),
    field("http.request.header.authorization", Keyword, &[], "whether the header was present, never its value"),
    field("http.request.header.content-length", Keyword, &[], "recorded request header, as sent"),
    field("http.request.header.content-type", Keyword, &[], "recorded request header"),
    field("http.request.header.cookie", Keyword, &[], "whether the header was present, never its value"),
    field("http.request.header.host", Keyword, &[], "recorded request header"),
    field("http.request.header.if-none-match", Keyword, &[], "recorded request header"),
    field("http.request.header.origin", Keyword, &[], "recorded request header"),
    field("http.request.header.range", Keyword, &[], "recorded request header"),
    field("http.request.header.referer", Keyword, &[], "recorded request header"),
    field("http.request.header.sec-fetch-site", Keyword, &[], "recorded request header"),
    field("http.request.header.x-forwarded-for", Keyword, &[], "recorded request header"),
    field("http.request.header.x-forwarded-proto", Keyword, &[], "recorded request header"),
    field("job.missed", Integer, &[], "number of missed scheduled runs"),
    field("listener.address", Keyword, &[], "address and port of the listener"),
    field("listener.name", Keyword, &[], "listener: site, api or ops"),
    field("message.author", Keyword, &[], "author of the message that was moderated or deleted"),
    field("message.id", Integer, &[], "id of the message that was moderated or deleted"),
    field("metric.label_sets.limit", Integer, &[], "maximum number of label sets of the metric"),
    field("metric.name", Keyword, &[], "metric name"),
    field("parity.matching", Integer, &[], "messages shown identically by site and API"),
    field("parity.messages", Integer, &[], "messages compared between site and API"),
    field("process.signal", Keyword, &[], "signal that stopped the process"),
    field("service.revision", Keyword, &[], "commit of the build"),
];

/// Every field the process records, the standard ones first.
pub fn all() -> impl Iterator<Item = &'static Definition> {
    logsearch::fields::CATALOGUE.iter().chain(admin::fields::CATALOGUE).chain(CATALOGUE)
}
