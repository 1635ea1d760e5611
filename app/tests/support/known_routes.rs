//! Every route of the service, for tests that go through them all.

use std::collections::BTreeSet;

/// Method, address, and the template it leads to.
pub type Row = (&'static str, &'static str, &'static str);

/// Every route of the site, among them odd addresses that lead to it.
pub const SITE_ROUTES: &[Row] = &[
    ("GET", "/", "/"),
    ("GET", "/public", "/public"),
    ("GET", "/public?before=7", "/public"),
    ("GET", "/a", "/{username}"),
    ("GET", "/Roger%20Histand", "/{username}"),
    ("GET", "/nobody", "/{username}"),
    ("GET", "/wp-login.php", "/{username}"),
    ("GET", "/a/follow", "/{username}/follow"),
    ("POST", "/a/unfollow", "/{username}/unfollow"),
    ("GET", "/a/20", "/{username}/{number}"),
    ("GET", "/public/20", "/public/{number}"),
    ("GET", "/timeline/20", "/timeline/{number}"),
    ("POST", "/add_message", "/add_message"),
    ("GET", "/login", "/login"),
    ("POST", "/login", "/login"),
    ("GET", "/register", "/register"),
    ("GET", "/logout", "/logout"),
    ("POST", "/-/logout-everywhere", "/-/logout-everywhere"),
    ("GET", "/-/people?q=a", "/-/people"),
    ("GET", "/-/newer?after=1", "/-/newer"),
    ("GET", "/-/message/1", "/-/message/{id}"),
    ("GET", "/-/message/x", "/-/message/{id}"),
    ("GET", "/-/message/1/delete", "/-/message/{id}/delete"),
    ("GET", "/-/user/a/followers", "/-/user/{username}/followers"),
    ("GET", "/-/user/a/following", "/-/user/{username}/following"),
    ("GET", "/-/user/a", "/-/user/{username}"),
    ("GET", "/-/user/public", "/-/user/{username}"),
    ("GET", "/-/user/public/follow", "/-/user/{username}/follow"),
    ("GET", "/static/style.css", "/static/{name}"),
    ("GET", "/static/no.css", "/static/{name}"),
    ("GET", "/favicon.ico", "/favicon.ico"),
    ("GET", "/robots.txt", "/robots.txt"),
    ("GET", "/a/b/c", "<unmatched>"),
    ("GET", "/.git/config/x/y", "<unmatched>"),
    ("GET", "/api/msgs", "/msgs"),
    ("GET", "/api/msgs/a", "/msgs/{username}"),
    ("POST", "/sim/fllws/a", "/fllws/{username}"),
    ("GET", "/sim/latest", "/latest"),
    ("GET", "/api/nowhere", "<unmatched>"),
    ("GET", "/api/no/where/at/all", "<unmatched>"),
];

/// Every route at the API's own address.
pub const API_ROUTES: &[Row] = &[
    ("GET", "/msgs", "/msgs"),
    ("POST", "/msgs/a", "/msgs/{username}"),
    ("GET", "/msgs/Roger%20Histand?no=3", "/msgs/{username}"),
    ("GET", "/fllws/a", "/fllws/{username}"),
    ("POST", "/register", "/register"),
    ("GET", "/latest", "/latest"),
    ("GET", "/openapi.json", "/openapi.json"),
    ("GET", "/public", "<unmatched>"),
];

/// The first address of each template of a table, without its query.
pub fn addresses(table: &[Row]) -> Vec<&'static str> {
    let mut seen = BTreeSet::new();
    let first = table.iter().filter(|(.., route)| seen.insert(*route));
    first.map(|(_, address, _)| address.split('?').next().unwrap_or(address)).collect()
}
