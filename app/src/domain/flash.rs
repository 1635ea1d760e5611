//! The sentences shown once on the page after an action, word for word the course's where it has one.

/// A flash message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flash {
    /// The user signed in.
    LoggedIn,
    /// The user signed out.
    LoggedOut,
    /// All sessions were ended.
    LoggedOutEverywhere,
    /// An account of this name was registered; the sentence does not name it, the form does.
    Registered(String),
    /// A message was posted.
    Posted,
    /// A message was deleted.
    Deleted,
    /// This user was followed.
    Followed(String),
    /// This user was unfollowed.
    Unfollowed(String),
}

impl Flash {
    /// The sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::LoggedIn => "You were logged in".to_owned(),
            Self::LoggedOut => "You were logged out".to_owned(),
            Self::LoggedOutEverywhere => "You were signed out on all devices".to_owned(),
            Self::Registered(_) => "You were successfully registered and can login now".to_owned(),
            Self::Posted => "Your message was recorded".to_owned(),
            Self::Deleted => "Your message was deleted".to_owned(),
            Self::Followed(name) => format!("You are now following \"{name}\""),
            Self::Unfollowed(name) => format!("You are no longer following \"{name}\""),
        }
    }
}
