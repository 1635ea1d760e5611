//! Commands in the mixture of the course's scenario, without its file.

use super::scenario::{Command, What};

/// Of a thousand commands behind the registrations so many are messages, follows and unfollows, as in
/// the course's file.
const TWEETS: u64 = 440;
const FOLLOWS: u64 = 379;
/// Of a hundred unfollows so many are of somebody who is not followed.
const STRAY_UNFOLLOWS: u64 = 25;

const WORDS: [&str; 24] = [
    "whale",
    "sea",
    "ship",
    "captain",
    "harpoon",
    "–",
    "“aye”",
    "mast",
    "storm",
    "deck",
    "crew",
    "voyage",
    "æther",
    "island",
    "rope",
    "sail",
    "wind",
    "<night>",
    "watch",
    "lantern",
    "&",
    "oil",
    "line",
    "boat",
];

/// Whoever does something has somebody else to follow.
const FIRST_REGISTRATIONS: u64 = 2;
/// Among the commands until everybody is registered every so many is a registration.
const REGISTRATION_EVERY: i64 = 3;

/// An endless scenario: its users register, all at first or one by one among what the others do.
#[derive(Clone, Debug)]
pub struct Invention {
    users: u64,
    first_id: i64,
    is_registering_first: bool,
    next_id: i64,
    registered: u64,
    random: SplitMix,
    /// The last follows, to be undone.
    follows: Vec<(u64, u64)>,
}

/// Most follows that are remembered.
const MAX_FOLLOWS: usize = 10_000;

impl Invention {
    /// With so many users, two at least, who register before anything else; the seed makes it repeatable.
    pub fn new(users: u32, first_id: i64, seed: u64) -> Self {
        let users = u64::from(users.max(2));
        Self {
            users,
            first_id,
            is_registering_first: true,
            next_id: first_id,
            registered: 0,
            random: SplitMix(seed),
            follows: Vec::new(),
        }
    }

    /// With registrations among the other commands. For one client, which keeps the order: nobody acts or is
    /// followed before being registered.
    #[must_use]
    pub fn mixed(mut self) -> Self {
        self.is_registering_first = false;
        self
    }

    fn is_registration_next(&self) -> bool {
        let is_turn = (self.next_id - self.first_id) % REGISTRATION_EVERY == 0;
        let is_first = self.is_registering_first || self.registered < FIRST_REGISTRATIONS;
        self.registered < self.users && (is_first || is_turn)
    }

    fn activity(&mut self) -> (u64, What) {
        let user = self.random.below(self.registered);
        match self.random.below(1_000) {
            0..TWEETS => (user, What::Tweet(self.text())),
            kind if kind < TWEETS + FOLLOWS => {
                let whom = self.other(user);
                if self.follows.len() < MAX_FOLLOWS {
                    self.follows.push((user, whom));
                }
                (user, What::Follow(name(whom)))
            }
            _ => self.unfollow(user),
        }
    }

    fn unfollow(&mut self, user: u64) -> (u64, What) {
        if self.follows.is_empty() || self.random.below(100) < STRAY_UNFOLLOWS {
            return (user, What::Unfollow(name(self.other(user))));
        }
        let at = self.random.below(self.follows.len() as u64);
        let (who, whom) = self.follows.swap_remove(usize::try_from(at).unwrap_or(0));
        (who, What::Unfollow(name(whom)))
    }

    fn other(&mut self, user: u64) -> u64 {
        (user + 1 + self.random.below(self.registered - 1)) % self.registered
    }

    fn text(&mut self) -> String {
        let words = 3 + self.random.below(15);
        let word = |random: &mut SplitMix| {
            WORDS[usize::try_from(random.below(WORDS.len() as u64)).unwrap_or(0)]
        };
        (0..words).map(|_| word(&mut self.random)).collect::<Vec<_>>().join(" ")
    }
}

impl Iterator for Invention {
    type Item = Command;

    fn next(&mut self) -> Option<Command> {
        let (user, what) = if self.is_registration_next() {
            let user = self.registered;
            self.registered += 1;
            let email = format!("simulated.user.{user}@example.com");
            (user, What::Register(email, format!("p'\\{user}\"")))
        } else {
            self.activity()
        };
        let id = self.next_id;
        self.next_id += 1;
        Some(Command { id, pause_ms: 0, user: name(user), what })
    }
}

fn name(user: u64) -> String {
    format!("Simulated User {user}")
}

/// Steele, Lea and Flood's generator; small, and good enough for a mixture.
#[derive(Clone, Debug)]
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::simulate::scenario::Action;

    #[test]
    fn everybody_registers_first_and_the_mixture_is_the_courses() {
        let commands: Vec<_> = Invention::new(50, 0, 1).take(10_050).collect();
        let registered: HashSet<_> = commands[..50].iter().map(|c| c.user.clone()).collect();
        assert_eq!(registered.len(), 50);
        let share = |wanted: fn(&What) -> bool| {
            commands.iter().filter(|command| wanted(&command.what)).count() / 100
        };
        assert!((41..=47).contains(&share(|what| matches!(what, What::Tweet(_)))));
        assert!((35..=41).contains(&share(|what| matches!(what, What::Follow(_)))));
        let mut followed = HashSet::new();
        let mut strays = 0;
        for command in &commands {
            match &command.what {
                What::Follow(whom) => _ = followed.insert((command.user.clone(), whom.clone())),
                What::Unfollow(whom) => {
                    strays += u32::from(!followed.remove(&(command.user.clone(), whom.clone())));
                }
                _ => {}
            }
        }
        assert!(strays > 300, "{strays}");
        assert!(
            commands
                .iter()
                .enumerate()
                .all(|(at, command)| u64::try_from(command.id) == Ok(at as u64))
        );
        assert_eq!(commands, Invention::new(50, 0, 1).take(10_050).collect::<Vec<_>>());
    }

    #[test]
    fn a_mixed_scenario_begins_with_all_kinds_and_names_nobody_too_early() {
        let commands: Vec<_> = Invention::new(50, 7, 1).mixed().take(300).collect();
        let start: Vec<_> = commands[..30].iter().map(Command::action).collect();
        for action in Action::ALL {
            assert!(start.contains(&action), "{action:?} in {start:?}");
        }
        let registrations = start.iter().filter(|action| **action == Action::Register).count();
        assert!(registrations <= 15, "{registrations} of 30");
        let mut registered = HashSet::new();
        for command in &commands {
            match &command.what {
                What::Register(..) => assert!(registered.insert(command.user.clone())),
                What::Tweet(_) => assert!(registered.contains(&command.user)),
                What::Follow(whom) | What::Unfollow(whom) => {
                    assert!(registered.contains(&command.user) && registered.contains(whom));
                }
            }
        }
        assert_eq!(registered.len(), 50);
    }
}
