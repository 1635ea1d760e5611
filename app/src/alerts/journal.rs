//! The journal of the inbox: a file beside the logs that keeps what the database does not have yet. One
//! entry a line, `<crc32> <json>`, fsynced before a notification is answered. A thread of its own writes
//! it, so that a slow or full disk costs nobody more than the wait they ask for. A torn or damaged line
//! is skipped; a process that is killed loses nothing that was answered for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use admin::Alert;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::history::{Event, History};

/// Name of the file in the data directory.
pub const FILE: &str = "alerts.journal";
/// Largest file that is read at a start, in bytes; later entries are ignored.
const MAX_READ: u64 = 64 * 1024 * 1024;
/// Size from which the file is written anew, in bytes.
const MAX_SIZE: u64 = 8 * 1024 * 1024;
/// Writes that may wait for the disk.
const QUEUE: usize = 256;
/// The longest anybody waits for the disk.
const SYNC_TIMEOUT: Duration = Duration::from_millis(500);

/// A line of the file.
#[derive(Serialize, Deserialize)]
enum Entry {
    /// An alert as the database had it.
    Row(Alert),
    /// An event with its number.
    Event(u64, Event),
    /// The database has all events up to this number.
    Stored(u64),
}

/// What the thread does.
enum Command {
    Append(Vec<u8>, oneshot::Sender<bool>),
    Replace(Vec<u8>),
}

/// The journal. Dropping it ends its thread after what was handed over.
#[derive(Debug)]
pub struct Journal {
    commands: SyncSender<Command>,
    status: Arc<Status>,
}

#[derive(Debug, Default)]
struct Status {
    size: AtomicU64,
    is_failing: AtomicBool,
}

/// An append that may not be on the disk yet.
pub struct Append(Option<oneshot::Receiver<bool>>);

impl Append {
    /// Waits until the entry is fsynced, at most half a second; whether it is.
    pub async fn synced(self) -> bool {
        let Some(done) = self.0 else { return false };
        matches!(tokio::time::timeout(SYNC_TIMEOUT, done).await, Ok(Ok(true)))
    }
}

impl Journal {
    /// Opens the journal of a data directory, and what it says.
    pub fn open(data_dir: &Path) -> (io::Result<Self>, History) {
        let path = data_dir.join(FILE);
        let (history, skipped) = match read(&path) {
            Ok(bytes) => parse(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (History::default(), 0),
            Err(error) => {
                tracing::warn!(error.message = %error, "could not read the alert journal");
                (History::default(), 0)
            }
        };
        if skipped > 0 {
            tracing::warn!("skipped {skipped} damaged lines of the alert journal");
        }
        (Self::start(path), history)
    }

    fn start(path: PathBuf) -> io::Result<Self> {
        let mut writer = Writer::open(path)?;
        let (commands, waiting) = sync_channel(QUEUE);
        let status = Arc::new(Status::default());
        status.size.store(writer.size, Ordering::Relaxed);
        let shared = Arc::clone(&status);
        let thread = std::thread::Builder::new().name("alert journal".to_owned());
        thread.spawn(move || writer.run(&waiting, &shared))?;
        Ok(Self { commands, status })
    }

    /// Appends an event. Does not wait; the order of the calls is that of the file.
    pub fn append(&self, number: u64, event: &Event) -> Append {
        self.hand_over(&Entry::Event(number, event.clone()))
    }

    /// Notes that the database has all events up to this number.
    pub fn note_stored(&self, number: u64) {
        drop(self.hand_over(&Entry::Stored(number)));
    }

    fn hand_over(&self, entry: &Entry) -> Append {
        let (done, wait) = oneshot::channel();
        let sent = line(entry).map(|line| self.commands.try_send(Command::Append(line, done)));
        Append(matches!(sent, Some(Ok(()))).then_some(wait))
    }

    /// Whether the file should be written anew: it is large, or a write failed.
    pub fn needs_replacing(&self) -> bool {
        self.is_failing() || self.status.size.load(Ordering::Relaxed) > MAX_SIZE
    }

    /// Whether the last write failed.
    pub fn is_failing(&self) -> bool {
        self.status.is_failing.load(Ordering::Relaxed)
    }

    /// Replaces the file by what is known; at most about half of the size that makes it large.
    pub fn replace(&self, history: &History) {
        let mut bytes = Vec::new();
        let stored = history.events().map(|(number, _)| *number).min();
        let stored = stored.map_or(history.last_number(), |first| first - 1);
        bytes.extend(line(&Entry::Stored(stored)).unwrap_or_default());
        let mut rows: Vec<&Alert> = history.rows().collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.ended.is_none(), row.started)));
        let mut events: Vec<_> = history.events().collect();
        events.sort_by_key(|(number, _)| *number);
        for (number, event) in events {
            bytes.extend(line(&Entry::Event(*number, event.clone())).unwrap_or_default());
        }
        for row in rows {
            if bytes.len() as u64 > MAX_SIZE / 2 {
                break;
            }
            bytes.extend(line(&Entry::Row(row.clone())).unwrap_or_default());
        }
        // A full queue means that it is tried again.
        let _later = self.commands.try_send(Command::Replace(bytes));
    }
}

/// The end of the file and how the last write went.
struct Writer {
    path: PathBuf,
    file: File,
    size: u64,
    /// Whether the file may end within a line.
    is_torn: bool,
}

impl Writer {
    fn open(path: PathBuf) -> io::Result<Self> {
        let mut file =
            OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(&path)?;
        let size = file.metadata()?.len();
        let mut last = [b'\n'];
        if size > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        Ok(Self { path, file, size, is_torn: last != *b"\n" })
    }

    fn run(&mut self, waiting: &Receiver<Command>, status: &Status) {
        while let Ok(first) = waiting.recv() {
            let mut lines = Vec::new();
            let mut done = Vec::new();
            let mut next = Some(first);
            // One fsync for everything that waits.
            while let Some(command) = next {
                match command {
                    Command::Append(line, sender) => {
                        lines.extend(line);
                        done.push(sender);
                    }
                    Command::Replace(bytes) => {
                        self.finish(&lines, &mut done, status);
                        lines.clear();
                        let replaced = self.replace(&bytes);
                        self.note(replaced, status);
                    }
                }
                next = waiting.try_recv().ok();
            }
            self.finish(&lines, &mut done, status);
        }
    }

    fn finish(&mut self, lines: &[u8], done: &mut Vec<oneshot::Sender<bool>>, status: &Status) {
        if lines.is_empty() {
            return;
        }
        let written = self.append(lines);
        let is_written = written.is_ok();
        self.note(written, status);
        for sender in done.drain(..) {
            // Who waited may have gone.
            let _gone = sender.send(is_written);
        }
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if std::mem::replace(&mut self.is_torn, true) {
            self.file.write_all(b"\n")?;
            self.size += 1;
        }
        self.file.write_all(lines)?;
        self.size += lines.len() as u64;
        self.is_torn = false;
        self.file.sync_data()
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let new = self.path.with_extension("journal.new");
        let mut file =
            OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        if let Some(directory) = self.path.parent() {
            File::open(directory)?.sync_all()?;
        }
        *self = Self::open(self.path.clone())?;
        Ok(())
    }

    fn note(&self, result: io::Result<()>, status: &Status) {
        status.size.store(self.size, Ordering::Relaxed);
        let was_failing = status.is_failing.swap(result.is_err(), Ordering::Relaxed);
        match result {
            Err(error) if !was_failing => tracing::warn!(
                error.message = %error,
                "could not write the alert journal; new alerts are kept in memory only"
            ),
            Ok(()) if was_failing => tracing::info!("writing the alert journal again"),
            _ => {}
        }
    }
}

fn line(entry: &Entry) -> Option<Vec<u8>> {
    let json = serde_json::to_string(entry).ok()?;
    Some(format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_READ).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What the file says, and the number of lines that are damaged.
fn parse(bytes: &[u8]) -> (History, usize) {
    let mut history = History::default();
    let mut stored = 0;
    let mut skipped = 0;
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match entry(line) {
            Some(Entry::Row(row)) => history.add_row(row),
            Some(Entry::Event(number, event)) => history.add_numbered(number, event),
            Some(Entry::Stored(number)) => stored = stored.max(number),
            None => skipped += 1,
        }
    }
    history.settle(stored);
    (history, skipped)
}

fn entry(line: &[u8]) -> Option<Entry> {
    let text = std::str::from_utf8(line).ok()?;
    let (sum, json) = text.split_at_checked(8)?;
    let json = json.strip_prefix(' ')?;
    let sum = u32::from_str_radix(sum, 16).ok()?;
    (sum == crc32fast::hash(json.as_bytes())).then(|| serde_json::from_str(json).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(rule: &str, started: i64) -> Event {
        Event::Notified(Alert {
            rule: rule.to_owned(),
            fingerprint: rule.to_owned(),
            started,
            ..Alert::default()
        })
    }

    fn rules(history: &History) -> Vec<String> {
        let mut rules: Vec<_> = history.alerts().map(|alert| alert.rule.clone()).collect();
        rules.sort();
        rules
    }

    #[tokio::test]
    async fn what_was_synced_is_there_after_any_end_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let (journal, _) = Journal::open(dir.path());
        let journal = journal.unwrap();
        for (number, rule) in (1..).zip(["a", "b", "c"]) {
            assert!(journal.append(number, &event(rule, 1)).synced().await);
        }
        drop(journal);
        let whole = fs::read(&path).unwrap();
        let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        for end in last..=whole.len() {
            fs::write(&path, &whole[..end]).unwrap();
            let (journal, history) = Journal::open(dir.path());
            let expected: &[&str] =
                if end + 1 >= whole.len() { &["a", "b", "c"] } else { &["a", "b"] };
            assert_eq!(rules(&history), expected, "{end} of {}", whole.len());
            // What comes after a torn line is whole.
            assert!(journal.unwrap().append(9, &event("d", 1)).synced().await);
            assert!(rules(&Journal::open(dir.path()).1).contains(&"d".to_owned()));
        }
        let mut damaged = whole.clone();
        damaged[last / 2] ^= 1;
        damaged.extend_from_slice(b"\n\xff\xfe\0\0\0 \n00000000 {}\n");
        fs::write(&path, damaged).unwrap();
        assert_eq!(rules(&Journal::open(dir.path()).1).len(), 2);
    }

    #[tokio::test]
    async fn what_the_database_has_is_kept_as_rows_when_the_file_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, mut history) = Journal::open(dir.path());
        let journal = journal.unwrap();
        for rule in ["a", "b"] {
            let number = history.add(event(rule, 1));
            assert!(journal.append(number, &event(rule, 1)).synced().await);
        }
        journal.note_stored(1);
        let rows = history.of("a").to_vec();
        history.stored("a", rows, 1);
        journal.replace(&history);
        assert!(journal.append(3, &event("c", 1)).synced().await);
        let read = Journal::open(dir.path()).1;
        assert_eq!(rules(&read), ["a", "b", "c"]);
        assert_eq!((read.pending_count(), read.rows().count()), (2, 1));
    }

    #[tokio::test]
    async fn a_disk_that_takes_nothing_is_noticed_and_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::start(PathBuf::from("/dev/full")).unwrap();
        assert!(!journal.append(1, &event("a", 1)).synced().await);
        assert!(journal.needs_replacing());
        assert!(Journal::open(&dir.path().join("missing")).0.is_err());
    }
}
