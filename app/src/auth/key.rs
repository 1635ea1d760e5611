//! The secret behind keyed hashes of names and addresses, and behind the cookies of known browsers. All replicas
//! share the one of the database; a copy in the data directory serves a start without it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use parking_lot::RwLock;
use sha2::Sha256;

/// Bytes of the key.
pub const LENGTH: usize = 32;
/// The copy in the data directory.
const FILE: &str = "sign-in-key";

/// A keyed hash, of which nobody without the key learns what was hashed.
pub type Digest = [u8; 16];

/// The key. Clones share it.
#[derive(Clone)]
pub struct SignInKey(Arc<RwLock<[u8; LENGTH]>>);

impl SignInKey {
    /// A key of this process alone, until another is set.
    pub fn generate() -> Self {
        let mut bytes = [0; LENGTH];
        // Without randomness no session can be begun either; the hashes are then merely not secret.
        let _without = getrandom::fill(&mut bytes);
        Self(Arc::new(RwLock::new(bytes)))
    }

    /// The bytes, for who stores them.
    pub fn bytes(&self) -> [u8; LENGTH] {
        *self.0.read()
    }

    /// Takes the key that all replicas share; `false` when these bytes are none.
    pub fn set(&self, bytes: &[u8]) -> bool {
        let Ok(bytes) = bytes.try_into() else { return false };
        *self.0.write() = bytes;
        true
    }

    /// Takes the copy of an earlier process, if there is one.
    pub fn read(&self, data_dir: &Path) {
        if let Ok(bytes) = fs::read(data_dir.join(FILE)) {
            self.set(&bytes);
        }
    }

    /// Leaves a copy, readable by its owner alone.
    pub fn keep(&self, data_dir: &Path) -> std::io::Result<()> {
        let path = data_dir.join(FILE);
        if fs::read(&path).is_ok_and(|kept| kept == self.bytes()) {
            return Ok(());
        }
        let part = path.with_extension("part");
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(&self.bytes())?;
        file.sync_all()?;
        fs::rename(&part, &path)
    }

    /// The keyed hash of some texts, of which none can pass for another by where they are cut.
    pub fn digest(&self, texts: &[&str]) -> Digest {
        let mut digest = Digest::default();
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.0.read()) else { return digest };
        for text in texts {
            mac.update(&(text.len() as u64).to_be_bytes());
            mac.update(text.as_bytes());
        }
        for (to, from) in digest.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = from;
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_digest_depends_on_the_key_and_on_each_text() {
        let (key, other) = (SignInKey::generate(), SignInKey::generate());
        let digest = key.digest(&["user", "ab", "c"]);
        assert_eq!(digest, key.clone().digest(&["user", "ab", "c"]));
        assert_ne!(digest, key.digest(&["user", "a", "bc"]));
        assert_ne!(digest, key.digest(&["operator", "ab", "c"]));
        assert_ne!(digest, other.digest(&["user", "ab", "c"]));
        assert!(other.set(&key.bytes()) && !other.set(&[1; 31]));
        assert_eq!(digest, other.digest(&["user", "ab", "c"]));
    }

    #[test]
    fn the_copy_is_private_and_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let (key, later) = (SignInKey::generate(), SignInKey::generate());
        key.keep(dir.path()).unwrap();
        key.keep(dir.path()).unwrap();
        later.read(dir.path());
        assert_eq!(later.bytes(), key.bytes());
        let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
