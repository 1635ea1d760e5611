//! The sentences shown once on the page after an action, word for word the course's where it has one.

/// One such sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flash {
    /// After logging in.
    LoggedIn,
    /// After logging out.
    LoggedOut,
    /// After ending every session.
    LoggedOutEverywhere,
    /// After registering.
    Registered,
    /// After posting.
    Posted,
    /// After following this user.
    Followed(String),
    /// After unfollowing this user.
    Unfollowed(String),
}

impl Flash {
    /// The sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::LoggedIn => "You were logged in".to_owned(),
            Self::LoggedOut => "You were logged out".to_owned(),
            Self::LoggedOutEverywhere => "You were signed out on all devices".to_owned(),
            Self::Registered => "You were successfully registered and can login now".to_owned(),
            Self::Posted => "Your message was recorded".to_owned(),
            Self::Followed(name) => format!("You are now following \"{name}\""),
            Self::Unfollowed(name) => format!("You are no longer following \"{name}\""),
        }
    }
}
