//! Commands that an operator copies into a shell. What a visitor wrote stands in single quotes, where a shell
//! expands nothing, and curl is told to expand nothing either.

/// A request with this method to this path of the service.
pub fn request(method: &str, path: &str) -> String {
    // curl waits for the body of an answer to HEAD unless it knows what it asks.
    let method =
        if method == "HEAD" { "--head".to_owned() } else { format!("-X {}", quoted(method)) };
    format!("curl -g -i --path-as-is {method} \"$SERVICE\"{}", quoted(path))
}

/// A download from the panel; who runs it knows the host and has a session of their own.
pub fn export(url: &str) -> String {
    format!("curl -g --path-as-is --cookie \"$PANEL_COOKIE\" \"$PANEL_HOST\"{}", quoted(url))
}

/// A text as one word.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
#[path = "../../../app/tests/support/installed.rs"]
mod installed;

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::process::{Command, Stdio};

    use super::*;

    /// The request line that a server gets from a command in a shell.
    fn sent(server: &TcpListener, command: &str) -> String {
        let host = format!("http://{}", server.local_addr().unwrap());
        // Interactive, as for who pastes it: the shell has a history to expand.
        let mut shell = Command::new("bash");
        shell.args(["--norc", "-i"]).env("SERVICE", &host).env("PANEL_HOST", &host);
        shell.env("PANEL_COOKIE", "a=b").env_remove("http_proxy").env_remove("HISTFILE");
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut shell = shell.spawn().unwrap();
        writeln!(shell.stdin.take().unwrap(), "set -H; {command}").unwrap();
        let (mut client, _) = server.accept().unwrap();
        let mut line = String::new();
        BufReader::new(&client).read_line(&mut line).unwrap();
        client.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").unwrap();
        drop(client);
        shell.wait().unwrap();
        line.trim_end().to_owned()
    }

    #[test]
    fn a_copied_request_asks_for_the_same_path() {
        if ["bash", "curl"].into_iter().any(|program| installed::installed(program).is_none()) {
            return;
        }
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        for path in [
            "/public",
            "/!x!!",
            "/{a,b}",
            "/[1-3]",
            "/it's",
            "/'';id;'",
            "/$HOME/`id`/$(id)",
            "/a\\b",
            "/../../etc/./passwd",
            "//double",
            "/%2e%2e/%7B%00",
            "/a;b&c|d>e*f?g",
            "/~\"<>^",
        ] {
            for method in ["GET", "POST", "HEAD", "DELETE"] {
                let line = sent(&server, &request(method, path));
                assert_eq!(line, format!("{method} {path} HTTP/1.1"));
            }
            assert_eq!(sent(&server, &export(path)), format!("GET {path} HTTP/1.1"));
        }
    }
}
