//! Who may be a user: the rules of registration, in the order the course fixed.

use super::username::{NameError, NameKeys, Username};

/// Longest email address, in characters (RFC 5321).
const MAX_EMAIL: usize = 254;
/// Longest password, in bytes: hashing must not become a way to burn time.
const MAX_PASSWORD: usize = 1024;

/// A user as pages and the API need one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Primary key.
    pub id: i64,
    /// Username as registered.
    pub username: String,
}

/// What a registration asks for, checked.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Username; may already be taken.
    pub username: Username,
    /// What it shares with names that read the same.
    pub keys: NameKeys,
    /// Email address as typed.
    pub email: String,
}

/// Why a registration is refused. The first six sentences are the course's, word for word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// The username is empty or missing.
    #[error("You have to enter a username")]
    NoUsername,
    /// The email address is empty or has no `@`.
    #[error("You have to enter a valid email address")]
    NoEmail,
    /// The password is empty or missing.
    #[error("You have to enter a password")]
    NoPassword,
    /// The second password differs.
    #[error("The two passwords do not match")]
    PasswordMismatch,
    /// Somebody has the name, or one that reads the same.
    #[error("The username is already taken")]
    Taken,
    /// The username exceeds the length limit.
    #[error("Usernames can have up to 64 characters")]
    LongUsername,
    /// A slash, a control character, or dots alone.
    #[error("Usernames cannot contain slashes or control characters, or be just dots")]
    UnlinkableUsername,
    /// A character that is not seen.
    #[error("Usernames cannot contain invisible characters")]
    InvisibleUsername,
    /// The email address exceeds the length limit.
    #[error("Email addresses can have up to 254 characters")]
    LongEmail,
    /// The password exceeds the length limit.
    #[error("Passwords can have up to 1024 bytes")]
    LongPassword,
    /// Under the length this service asks for.
    #[error("Passwords must have at least {0} characters")]
    ShortPassword(usize),
}

impl NewUser {
    /// Checks in the course's order: username, email, password, repetition; the first failure wins.
    /// `repeated` is `None` where the form has no second password. `min_password` is in characters.
    pub fn check(
        username: &str,
        email: &str,
        password: &str,
        repeated: Option<&str>,
        min_password: usize,
    ) -> Result<Self, RegisterError> {
        let username = Username::parse(username)?;
        if email.is_empty() || !email.contains('@') || email.chars().any(char::is_control) {
            return Err(RegisterError::NoEmail);
        }
        if email.chars().count() > MAX_EMAIL {
            return Err(RegisterError::LongEmail);
        }
        check_password(password, min_password)?;
        if repeated.is_some_and(|repeated| repeated != password) {
            return Err(RegisterError::PasswordMismatch);
        }
        let keys = NameKeys::of(username.as_str());
        Ok(Self { username, keys, email: email.to_owned() })
    }
}

impl From<NameError> for RegisterError {
    fn from(error: NameError) -> Self {
        match error {
            NameError::Empty => Self::NoUsername,
            NameError::Long => Self::LongUsername,
            NameError::Unlinkable => Self::UnlinkableUsername,
            NameError::Invisible => Self::InvisibleUsername,
        }
    }
}

fn check_password(password: &str, min: usize) -> Result<(), RegisterError> {
    if password.is_empty() {
        return Err(RegisterError::NoPassword);
    }
    if password.len() > MAX_PASSWORD {
        return Err(RegisterError::LongPassword);
    }
    if password.chars().count() < min {
        return Err(RegisterError::ShortPassword(min));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(username: &str, email: &str, password: &str, repeated: &str) -> Option<RegisterError> {
        NewUser::check(username, email, password, Some(repeated), 1).err()
    }

    #[test]
    fn the_first_failure_wins_in_the_course_order() {
        assert_eq!(check("", "", "", "x"), Some(RegisterError::NoUsername));
        assert_eq!(check("a", "nobody", "", "x"), Some(RegisterError::NoEmail));
        assert_eq!(check("a", "a@b", "", "x"), Some(RegisterError::NoPassword));
        assert_eq!(check("a", "a@b", "p", "x"), Some(RegisterError::PasswordMismatch));
        assert_eq!(check("a", "a@b", "p", "p"), None);
    }

    #[test]
    fn lengths_are_bounded() {
        assert_eq!(check(&"é".repeat(64), "a@b", "p", "p"), None);
        assert_eq!(check(&"é".repeat(65), "a@b", "p", "p"), Some(RegisterError::LongUsername));
        let password = "p".repeat(1025);
        assert_eq!(check("a", "a@b", &password, &password), Some(RegisterError::LongPassword));
        let short = NewUser::check("a", "a@b", "1234567", None, 8).err();
        assert_eq!(short, Some(RegisterError::ShortPassword(8)));
    }
}
