//! Types and rules of MiniTwit. No I/O, no web, no SQL.

mod alert;
mod flash;
mod message;
mod part;
mod timeline;
mod user;
mod username;

pub use alert::{
    ALERTMANAGER, GRAFANA, ListedAlert, Notification, NotificationError, parse_listed,
    parse_notification,
};
pub use flash::Flash;
pub use message::{MAX_TEXT, Message, MessageText, MessageTextError};
pub use part::{Part, mention, parts};
pub use timeline::{PAGE_SIZE, Page, cut_page};
pub use user::{NewUser, RegisterError, User};
pub use username::{NameError, NameKeys, Username, canonical};
