//! argon2id at the floor of OWASP's advice, about 30 ms of CPU a hash.
//!
//! Of the equal settings on that list this is the one with the least memory (7 MiB, 5 passes, 1 lane):
//! the others cost the same time and more memory. Hashing runs on blocking threads under as many
//! permits as there are cores, its memory reused; beyond a short queue it is refused, because the
//! simulator waits 0.3 seconds and everybody else waits for the processor.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use parking_lot::Mutex;
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::request_profile;

/// Argon2 cost: KiB of memory, passes, lanes.
const COST: (u32, u32, u32) = (7_168, 5, 1);
/// Lengths of hash and salt in bytes.
const HASH_LENGTH: usize = 32;
const SALT_LENGTH: usize = 16;
/// Requests that may wait, per permit: eight wait at most 0.25 s.
const QUEUE: usize = 8;

/// Of those, so many that only comparisons take: people sign in while registrations fill the others.
const SIGN_IN_QUEUE: usize = 4;

/// Too many passwords are being hashed already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many password checks in progress")]
pub struct Busy;

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// Another password, or there is none to compare with.
    Mismatch,
    /// The password; its hash was made with other parameters when `outdated`.
    Match {
        /// Should be hashed again.
        outdated: bool,
    },
}

/// Hashes and compares passwords. Clones share permits and memory.
#[derive(Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
    places: Arc<Semaphore>,
    /// The places that new hashes may take.
    new_hashes: Arc<Semaphore>,
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
    /// Compared with when there is no such user, so that both cases take the same time.
    nobody: Arc<str>,
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let nobody = phc(&[0; SALT_LENGTH], &[0; HASH_LENGTH]);
        Self {
            permits: Arc::new(Semaphore::new(cores)),
            places: Arc::new(Semaphore::new(cores * (QUEUE + 1))),
            new_hashes: Arc::new(Semaphore::new(cores * (QUEUE + 1 - SIGN_IN_QUEUE))),
            memory: Arc::default(),
            nobody: nobody.into(),
        }
    }
}

impl Passwords {
    /// The hash to store, in PHC form. [`Busy`] when new hashes fill their part of the queue.
    pub async fn hash(&self, password: &str) -> anyhow::Result<String> {
        let new_hash = Arc::clone(&self.new_hashes).try_acquire_owned().map_err(|_| Busy)?;
        let password = password.to_owned();
        let mut salt = [0; SALT_LENGTH];
        getrandom::fill(&mut salt)?;
        self.reserve()?
            .run(move |memory| {
                let hash = derive(&params()?, password.as_bytes(), &salt, memory)?;
                drop(new_hash);
                Ok(phc(&salt, &hash))
            })
            .await
    }

    /// Verifies a password against a stored hash, or against a dummy hash for unknown users, so
    /// that both take equally long.
    pub async fn verify(
        &self,
        password: &str,
        stored: Option<&str>,
    ) -> anyhow::Result<PasswordCheck> {
        self.reserve()?.verify(password, stored).await
    }

    /// A place in the queue, for who has other things to do before the comparison and should not do
    /// them in vain.
    pub fn reserve(&self) -> Result<Place, Busy> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Busy)?;
        Ok(Place { passwords: self.clone(), place })
    }
}

/// A place in the queue of those who wait for a hash.
pub struct Place {
    passwords: Passwords,
    place: OwnedSemaphorePermit,
}

impl Place {
    /// Verifies a password against a stored hash, or against a dummy hash for unknown users, so
    /// that both take equally long.
    pub async fn verify(
        self,
        password: &str,
        stored: Option<&str>,
    ) -> anyhow::Result<PasswordCheck> {
        let password = password.to_owned();
        let known = stored.is_some();
        let stored = stored.unwrap_or(&self.passwords.nobody).to_owned();
        let check = self.run(move |memory| compare(&password, &stored, memory)).await?;
        Ok(if known { check } else { PasswordCheck::Mismatch })
    }

    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Vec<Block>) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        // With the wait for a processor: this is most of a log-in.
        let _stage = request_profile::stage("password");
        let Self { passwords, place } = self;
        let permit = Arc::clone(&passwords.permits).acquire_owned().await?;
        let memory = Arc::clone(&passwords.memory);
        // The permits move into the thread: a request that goes away does not free them early.
        let task = tokio::task::spawn_blocking(move || {
            let mut blocks = memory.lock().pop().unwrap_or_default();
            let result = work(&mut blocks);
            memory.lock().push(blocks);
            drop((permit, place));
            result
        });
        task.await?
    }
}

fn params() -> anyhow::Result<Params> {
    let (memory, passes, lanes) = COST;
    Ok(Params::new(memory, passes, lanes, Some(HASH_LENGTH))?)
}

fn compare(password: &str, stored: &str, memory: &mut Vec<Block>) -> anyhow::Result<PasswordCheck> {
    let stored = PasswordHash::new(stored)?;
    let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else {
        anyhow::bail!("a stored password hash has no salt or no hash");
    };
    let parameters = Params::try_from(&stored)?;
    let hash = derive(&parameters, password.as_bytes(), salt.as_ref(), memory)?;
    if !bool::from(hash.as_slice().ct_eq(expected.as_bytes())) {
        return Ok(PasswordCheck::Mismatch);
    }
    let (memory, passes, lanes) = COST;
    let current = (parameters.m_cost(), parameters.t_cost(), parameters.p_cost());
    Ok(PasswordCheck::Match { outdated: current != (memory, passes, lanes) })
}

fn derive(
    parameters: &Params,
    password: &[u8],
    salt: &[u8],
    memory: &mut Vec<Block>,
) -> anyhow::Result<Vec<u8>> {
    memory.resize(parameters.block_count().max(memory.len()), Block::default());
    let mut hash = vec![0; parameters.output_len().unwrap_or(HASH_LENGTH)];
    let blocks = &mut memory[..parameters.block_count()];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters.clone())
        .hash_password_into_with_memory(password, salt, &mut hash, blocks)?;
    Ok(hash)
}

fn phc(salt: &[u8], hash: &[u8]) -> String {
    let (memory, passes, lanes) = COST;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_is_right_and_others_are_wrong() {
        let passwords = Passwords::default();
        let hash = passwords.hash("pässword").await.unwrap();
        let right = PasswordCheck::Match { outdated: false };
        assert_eq!(passwords.verify("pässword", Some(&hash)).await.unwrap(), right);
        assert_eq!(
            passwords.verify("password", Some(&hash)).await.unwrap(),
            PasswordCheck::Mismatch
        );
        assert_eq!(passwords.verify("", None).await.unwrap(), PasswordCheck::Mismatch);
    }

    #[tokio::test]
    async fn salts_differ() {
        let passwords = Passwords::default();
        assert_ne!(passwords.hash("a").await.unwrap(), passwords.hash("a").await.unwrap());
    }

    #[tokio::test]
    async fn other_parameters_are_accepted_and_reported() {
        // `password` at 64 KiB, 2 passes, with the salt `somesalt`, as the argon2 command line prints.
        let hash = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$\
                    nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let check = Passwords::default().verify("password", Some(hash)).await.unwrap();
        assert_eq!(check, PasswordCheck::Match { outdated: true });
    }

    #[tokio::test]
    async fn a_flood_of_registrations_leaves_places_to_sign_ins() {
        let passwords = Passwords::default();
        let flood = (0..64).map(|_| passwords.hash("a"));
        let (flood, check) =
            tokio::join!(futures_util::future::join_all(flood), passwords.verify("", None));
        assert_eq!(check.unwrap(), PasswordCheck::Mismatch);
        assert!(flood.iter().any(Result::is_ok) && flood.iter().any(Result::is_err));
    }

    #[tokio::test]
    async fn more_than_the_queue_is_refused_at_once() {
        let passwords = Passwords::default();
        let places = passwords.places.available_permits();
        let held =
            Arc::clone(&passwords.places).acquire_many_owned(places.try_into().unwrap()).await;
        let error = passwords.hash("a").await.unwrap_err();
        assert!(error.is::<Busy>(), "{error}");
        drop(held);
        assert!(passwords.hash("a").await.is_ok());
    }
}
