//! Who somebody is: passwords, session tokens, the simulator's credentials and the throttle of
//! log-ins. Cookies and extractors are in `middleware/session.rs`.

/// The time between two notes of when a session was used last, in microseconds: no write per request.
pub const TOUCH_INTERVAL: i64 = 60_000_000;

mod alert_token;
mod password;
mod simulator;
mod throttle;
mod token;

pub use alert_token::AlertToken;
pub use password::{Busy, PasswordCheck, Passwords, Place};
pub use simulator::SimulatorCredentials;
pub use throttle::{Throttle, Throttled};
pub use token::SessionToken;
