//! Commands, and the course's file of them: tab-separated, no header, no quoting. The columns are id,
//! pause before the next command in milliseconds, time, command, username, and what the command needs.

use std::path::Path;

use anyhow::Context;
use http::Method;
use serde_json::json;

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// A new user.
    Register,
    /// A new message.
    Tweet,
    /// A user follows another.
    Follow,
    /// No longer; often somebody who was not followed.
    Unfollow,
}

impl Action {
    /// All actions in report order.
    pub const ALL: [Self; 4] = [Self::Register, Self::Tweet, Self::Follow, Self::Unfollow];

    /// The name in scenario files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Tweet => "tweet",
            Self::Follow => "follow",
            Self::Unfollow => "unfollow",
        }
    }

    /// Whether the simulator takes this answer for the right one.
    pub fn accepts(self, status: u16) -> bool {
        // A user may be there from an earlier run.
        status == 204 || (self == Self::Register && status == 400)
    }
}

/// One command of the simulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Sent as `latest`.
    pub id: i64,
    /// Pause before the next command, in milliseconds.
    pub pause_ms: u64,
    /// Who does it.
    pub user: String,
    /// What.
    pub what: What,
}

/// The rest of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Register with email address and password.
    Register(String, String),
    /// The text.
    Tweet(String),
    /// Whom.
    Follow(String),
    /// Whom.
    Unfollow(String),
}

impl Command {
    /// What it does.
    pub fn action(&self) -> Action {
        match self.what {
            What::Register(..) => Action::Register,
            What::Tweet(_) => Action::Tweet,
            What::Follow(_) => Action::Follow,
            What::Unfollow(_) => Action::Unfollow,
        }
    }

    /// Method, first segment of the path, whether the user is the second, and the body.
    pub fn request(&self) -> (Method, &'static str, Option<&str>, serde_json::Value) {
        let user = Some(self.user.as_str());
        let (resource, user, body) = match &self.what {
            What::Register(email, password) => {
                let body = json!({"username": self.user, "email": email, "pwd": password});
                ("register", None, body)
            }
            What::Tweet(text) => ("msgs", user, json!({ "content": text })),
            What::Follow(whom) => ("fllws", user, json!({ "follow": whom })),
            What::Unfollow(whom) => ("fllws", user, json!({ "unfollow": whom })),
        };
        (Method::POST, resource, user, body)
    }
}

/// Reads a whole file, so that a broken line is found before anything is sent.
pub fn read(path: &Path) -> anyhow::Result<Vec<Command>> {
    let bytes =
        std::fs::read(path).with_context(|| format!("could not read {}", path.display()))?;
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let commands = lines.filter(|(_, line)| !line.is_empty()).map(|(at, line)| {
        parse(line).with_context(|| format!("{}, line {}", path.display(), at + 1))
    });
    commands.collect()
}

fn parse(line: &[u8]) -> anyhow::Result<Command> {
    let line = str::from_utf8(line).context("not UTF-8")?;
    let mut columns = line.strip_suffix('\r').unwrap_or(line).splitn(6, '\t');
    let mut column = |name: &'static str| columns.next().with_context(|| format!("missing {name}"));
    let id = column("id")?.parse().context("the id is not a number")?;
    let pause_ms = column("pause")?.parse().context("the pause is not a number")?;
    let _time = column("time")?;
    let command = column("command")?;
    let user = column("username")?.to_owned();
    let rest = column("argument")?;
    let what = match command {
        "register" => {
            let (email, password) = rest.split_once('\t').context("missing password")?;
            What::Register(email.to_owned(), password.to_owned())
        }
        "tweet" => What::Tweet(rest.to_owned()),
        "follow" => What::Follow(rest.to_owned()),
        "unfollow" => What::Unfollow(rest.to_owned()),
        other => {
            anyhow::bail!("unknown command {other:?}; use register, tweet, follow or unfollow")
        }
    };
    Ok(Command { id, pause_ms, user, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_raw_tabs_without_quoting() {
        let row = "7\t13700323\t1582260561061\tregister\tGeoffrey Stieff\tg@x\t-']S!{\\\"";
        let command = parse(row.as_bytes()).unwrap();
        assert_eq!((command.id, command.pause_ms), (7, 13_700_323));
        assert_eq!(command.what, What::Register("g@x".to_owned(), "-']S!{\\\"".to_owned()));
        let tweet = parse("8\t1\t2\ttweet\tA B\t\"quoted\" \u{feff}text".as_bytes()).unwrap();
        assert_eq!(tweet.what, What::Tweet("\"quoted\" \u{feff}text".to_owned()));
    }

    #[test]
    fn a_broken_row_says_what_is_wrong_and_where() {
        for (row, says) in [
            ("x\t1\t2\ttweet\ta\tb", "the id is not a number"),
            ("1\t1\t2\ttweet\ta", "missing argument"),
            ("1\t1\t2\tregister\ta\tb", "missing password"),
            ("1\t1\t2\tdance\ta\tb", "unknown command"),
        ] {
            let error = format!("{:#}", parse(row.as_bytes()).unwrap_err());
            assert!(error.contains(says), "{error}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "0\t1\t2\ttweet\ta\tb\nbroken\n").unwrap();
        let error = format!("{:#}", read(file.path()).unwrap_err());
        assert!(error.contains("line 2"), "{error}");
    }
}
