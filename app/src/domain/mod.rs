//! Types and rules of MiniTwit. No I/O, no web, no SQL.

mod alert;
mod flash;
mod message;
mod timeline;
mod user;

pub use alert::{NotificationError, parse_notification};
pub use flash::Flash;
pub use message::{MAX_TEXT, Message, MessageText, MessageTextError};
pub use timeline::{PAGE_SIZE, Page};
pub use user::{NewUser, RegisterError, User, Username};
