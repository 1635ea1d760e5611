//! How the command line reads settings that are secrets: no error repeats one.

use std::ffi::OsStr;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};

/// A parser of secrets: an error names the setting and what it accepts, and does not repeat the value.
pub fn hidden<T>() -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: fmt::Display> + Clone + Send + Sync + 'static,
{
    Hidden(PhantomData)
}

#[derive(Clone)]
struct Hidden<T>(PhantomData<T>);

impl<T> TypedValueParser for Hidden<T>
where
    T: FromStr<Err: fmt::Display> + Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, Error> {
        let parsed = value.to_str().ok_or_else(|| "it is not valid UTF-8".to_owned());
        let parsed =
            parsed.and_then(|text| text.parse().map_err(|error: T::Err| error.to_string()));
        parsed.map_err(|error| {
            let setting = arg.map(ToString::to_string).unwrap_or_default();
            let text = format!("invalid value for '{setting}': {error}\n");
            Error::raw(ErrorKind::ValueValidation, text).with_cmd(command)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Credentials, FromFile, Secret};
    use crate::db::DatabaseUrl;

    #[test]
    fn an_error_of_the_command_line_does_not_repeat_a_secret() {
        let command = Command::new("x")
            .arg(Arg::new("url").long("url").value_parser(hidden::<DatabaseUrl>()))
            .arg(Arg::new("auth").long("auth").value_parser(hidden::<Credentials>()))
            .arg(Arg::new("file").long("file").value_parser(hidden::<FromFile<Secret>>()));
        for (flag, value) in [
            ("--url", "mysql://u:canary@h/d"),
            ("--url", "postgres:/u:canary@h/d"),
            ("--url", "postgres://u:canary@h/d?passwort=canary"),
            ("--url", "postgres://u:can?ary=canary@h/d"),
            ("--url", "postgres://u:canary#x@h/d"),
            ("--url", "postgres://u:canary@h:port/d"),
            ("--url", "postgres://u@h/d?sslmode=canary"),
            ("--url", "postgres://u@h/d?port=canary"),
            ("--auth", "canary"),
            ("--auth", ":canary"),
            ("--file", "canary"),
            ("--file", "postgres://u:canary@h/d"),
        ] {
            let error = command.clone().try_get_matches_from(["x", flag, value]).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(flag) && !text.contains("canary"), "{value}: {text}");
        }
    }
}
