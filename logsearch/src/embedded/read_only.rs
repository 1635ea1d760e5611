//! Looking at a store that another process owns, or owned: nothing in its directory is written, created or
//! locked. What is written meanwhile is followed: commits of the index and new records of the log.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::OpenError;
use super::disk::partition::{self, PartitionError, View, name_of};
use super::disk::rows::Rows;
use super::disk::usage::directory_bytes;
use super::maintain::recovery;
use super::options::{Options, Places};
use super::shared::{Shared, State, Unindexed};
use crate::shortage::in_words;
use crate::wal::{Reader, Wal};

/// Time between two looks at the files.
const PAUSE: Duration = Duration::from_secs(1);
/// Attempts to open a partition whose files are replaced meanwhile, and the time between two.
const ATTEMPTS: u32 = 5;
const SETTLE: Duration = Duration::from_millis(20);
/// The log is read into memory as far as it is not indexed; it has no more bytes.
const TAIL_BYTES: usize = 512 * 1024 * 1024;

/// When the last commit of a partition was, and the bytes that tell of it.
type Stamp = (SystemTime, u64);

/// Follows the files of a store.
pub struct Follower {
    shared: Arc<Shared>,
    known: HashMap<PathBuf, Stamp>,
    log: Option<Reader>,
}

impl Follower {
    /// Reads what a directory holds at the moment.
    ///
    /// # Errors
    /// When there is no such directory, or it cannot be read.
    pub fn open(root: &Path, mut options: Options) -> Result<Self, OpenError> {
        let places = Places::of(root);
        let unreadable = |source| OpenError::Unreadable { path: root.to_owned(), source };
        fs::read_dir(root).map_err(unreadable)?;
        options.tail_bytes = TAIL_BYTES;
        let wal = Wal::open_read_only(&places.wal, options.wal.clone());
        let shared = Shared::new(options, places, wal, State::default());
        let mut follower = Self { shared, known: HashMap::new(), log: None };
        // What is committed while the log is read has left it when it is read.
        let mut rounds = 0;
        while follower.look() && rounds < ATTEMPTS {
            rounds += 1;
        }
        Ok(follower)
    }

    /// What searches look at.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Follows the files until the store is closed.
    pub fn run(mut self) {
        let _quiet = crate::quiet::quiet();
        while !self.shared.is_stopping() {
            self.shared.wait_stopped(PAUSE);
            self.look();
        }
    }

    /// Brings what searches see up to date. Returns whether a partition was new or had a new commit.
    fn look(&mut self) -> bool {
        let dirs = match recovery::list(&self.shared.places.index) {
            Ok(dirs) => dirs,
            Err(error) => {
                let notice = format!("could not read the index: {}", in_words(&error));
                self.shared.state.write().note(notice);
                Vec::new()
            }
        };
        let mut changed = Vec::new();
        for dir in &dirs {
            let stamp = stamp(dir);
            if stamp.is_some() && self.known.get(dir) == stamp.as_ref() {
                continue;
            }
            if let Some(stamp) = stamp {
                self.known.insert(dir.clone(), stamp);
            }
            changed.push((dir.clone(), open_settled(dir)));
        }
        let has_news = changed.iter().any(|(_, opened)| opened.is_ok());
        self.publish(&dirs, changed);
        self.read_log();
        has_news
    }

    fn publish(
        &self,
        dirs: &[PathBuf],
        changed: Vec<(PathBuf, Result<Arc<View>, PartitionError>)>,
    ) {
        let sizes: HashMap<PathBuf, u64> =
            dirs.iter().map(|dir| (dir.clone(), directory_bytes(dir))).collect();
        let mut state = self.shared.state.write();
        state.views.retain(|view| dirs.contains(&view.partition.dir));
        state.rebuild.retain(|one| dirs.contains(&one.dir));
        for (dir, opened) in changed {
            state.rebuild.retain(|one| one.dir != dir);
            match opened {
                Ok(view) => {
                    state.views.retain(|view| view.partition.dir != dir);
                    state.views.push(view);
                }
                Err(error) if dir.exists() => state.miss(dir, &error),
                Err(_) => {}
            }
        }
        state.views.sort_by(|a, b| a.partition.dir.cmp(&b.partition.dir));
        state.index_bytes = sizes.values().sum();
        state.sizes = sizes;
        let next = state.views.iter().map(|view| view.payload.next).max().unwrap_or(0);
        state.next = state.next.max(next);
        let next = state.next;
        state.tail.drop_until(next);
    }

    /// Adds the records of the log that are in no partition.
    fn read_log(&mut self) {
        let (shared, next) = (&self.shared, self.shared.state.read().next);
        if !shared.places.wal.is_dir() {
            return;
        }
        let log = self.log.get_or_insert_with(|| shared.wal.reader(next));
        loop {
            match log.next_batch() {
                Ok(Some(batch)) => {
                    let mut state = shared.state.write();
                    state.tail.push(Arc::new(batch));
                    state.tail.shrink_to(shared.options.tail_bytes);
                }
                Ok(None) => break,
                Err(error) => {
                    let notice =
                        format!("could not read the write-ahead log: {}", in_words(&error));
                    shared.state.write().note(notice);
                    break;
                }
            }
        }
        let notices = log.take_notices();
        let mut state = shared.state.write();
        for notice in notices {
            state.note(notice);
        }
    }
}

impl State {
    /// A partition cannot be searched, and nobody repairs it here.
    fn miss(&mut self, dir: PathBuf, error: &PartitionError) {
        let (name, error) = (name_of(&dir), in_words(error));
        self.note(format!(
            "partition {name} cannot be searched until the service repairs it: {error}"
        ));
        let groups = Rows::open(&dir.join("rows")).map(|rows| rows.groups()).unwrap_or_default();
        self.views.retain(|view| view.partition.dir != dir);
        self.rebuild.push(Unindexed::new(dir, &groups));
    }
}

fn stamp(dir: &Path) -> Option<Stamp> {
    let meta = fs::metadata(dir.join("index").join("meta.json")).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

/// Opens a partition whose segments may be merged meanwhile.
fn open_settled(dir: &Path) -> Result<Arc<View>, PartitionError> {
    let mut attempt = 1;
    loop {
        match partition::open(dir).and_then(|(view, _)| view.segments().map(drop).map(|()| view)) {
            Err(_) if attempt < ATTEMPTS && dir.exists() => {
                attempt += 1;
                std::thread::sleep(SETTLE);
            }
            result => return result,
        }
    }
}
