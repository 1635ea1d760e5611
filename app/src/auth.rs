//! Who somebody is: passwords, session tokens, the simulator's credentials and the throttle of
//! log-ins. Cookies and extractors are in `middleware/session.rs`.

use std::time::Duration;

use crate::clock::micros;

/// The longest time between two notes of when a session was used last: no write per request.
const TOUCH_INTERVAL: Duration = Duration::from_mins(1);

/// The time between two notes of when a session was used last, in microseconds: at most a quarter of the idle
/// timeout, so that no session ends in use.
pub fn touch_interval(idle: Duration) -> i64 {
    micros(TOUCH_INTERVAL.min(idle / 4))
}

mod alert_token;
mod device;
mod key;
mod password;
mod simulator;
mod throttle;
mod token;

pub use alert_token::AlertToken;
pub use device::DEVICE_LIFE;
pub use password::{Busy, PasswordCheck, Passwords, Place};
pub use simulator::SimulatorCredentials;
pub use throttle::{Attempt, Realm, Throttle, Throttled};
pub use token::SessionToken;
