//! The index thread: takes records in the order of the write-ahead log, from memory where it can, and
//! brings them into the partition of their time. It is the only writer of partitions, so it also
//! starts, seals, rebuilds and removes them. Whatever fails, it tries again later from the last commit:
//! the log keeps what is not committed.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::rebuild::rebuild_next;
use super::recovery;
use super::retention::Retention;
use super::verify::damage_of;
use crate::codec::Batch;
use crate::embedded::disk::partition::{self, Opened, PartitionError, View, name_of};
use crate::embedded::disk::usage::directory_bytes;
use crate::embedded::disk::writer::PartitionWriter;
use crate::embedded::shared::{IndexerCommands, Shared, Unindexed};
use crate::shortage::in_words;
use crate::wal::Reader;

/// How often the thread looks for new records when nothing wakes it.
const PAUSE: Duration = Duration::from_millis(200);
/// Time between two attempts after a failure.
const RETRY: Duration = Duration::from_secs(1);
/// Time between two looks at age and free disk when nothing is committed.
const MAINTENANCE: Duration = Duration::from_secs(30);
/// Time between two looks for partitions that somebody removed.
const LOOK: Duration = Duration::from_secs(2);
/// Time between two partitions being read for flipped bits. With the usual two weeks of partitions each
/// is read about once a day.
const SCRUB: Duration = Duration::from_mins(90);
const DAY: i64 = 24 * 60 * 60 * 1_000_000;
/// A partition of a day that a wandering clock made up is left again when it has so many records.
const STRAY: u64 = 50_000;
/// A clock that wanders back and forth over midnight must not fill the disk with small partitions.
const MANY_PARTITIONS: usize = 400;

/// The index thread, the only writer of partitions.
pub struct Indexer {
    shared: Arc<Shared>,
    writer: Option<PartitionWriter>,
    /// Left open by the last process.
    resumable: Option<(Arc<View>, Opened)>,
    retention: Retention,
    /// The next sequence to add.
    position: u64,
    reader: Option<Reader>,
    committed_at: Instant,
    maintained_at: Instant,
    scrubbed_at: Instant,
    /// Partitions read so far.
    scrubbed: usize,
    /// When the directories of the partitions were last looked for.
    looked_at: Instant,
    /// How often the files of the log were found removed.
    removals: u64,
}

impl Indexer {
    /// An indexer that goes on where the last process stopped.
    pub fn new(shared: Arc<Shared>, resumable: Option<(Arc<View>, Opened)>) -> Self {
        let (position, retention) = {
            let state = shared.state.read();
            (state.next, Retention::new(&state.views))
        };
        Self {
            shared,
            writer: None,
            resumable,
            retention,
            position,
            reader: None,
            committed_at: Instant::now(),
            maintained_at: Instant::now(),
            scrubbed_at: Instant::now(),
            scrubbed: 0,
            looked_at: Instant::now(),
            removals: 0,
        }
    }

    /// Runs until stopped.
    pub fn run(mut self) {
        let _quiet = crate::quiet::quiet();
        // Requests come first; on Linux this is the priority of this thread and those it starts.
        let _ = rustix::process::nice(5);
        self.warm_up();
        loop {
            let commands = self.shared.wait(PAUSE);
            let result = self.guarded_round(commands);
            let trouble = result.as_ref().err().map(|error| in_words(error));
            self.shared.state.write().set_trouble(trouble);
            if result.is_err() {
                self.start_over();
                self.free_disk();
            }
            if commands.stop {
                return;
            }
            if result.is_err() {
                self.shared.wait_stopped(RETRY);
            } else if let Some(flush) = commands.flush {
                self.shared.flushed(flush);
            }
        }
    }

    /// Opens what the first search for a rare word would have to open, which looks into every segment.
    fn warm_up(&self) {
        let views = self.shared.state.read().views.clone();
        for view in views.iter().rev() {
            if self.shared.is_stopping() {
                return;
            }
            // What cannot be opened is found, told and mended by the first search.
            let _ = view.warm_up();
        }
    }

    /// Whether memory had to let records go that cannot be found until they are committed.
    fn has_gap(&self) -> bool {
        let state = self.shared.state.read();
        state.tail.gap_from(state.next).is_some()
    }

    /// A round of which a panic is an error like others: this thread is the only one that indexes.
    fn guarded_round(&mut self, commands: IndexerCommands) -> Result<(), PartitionError> {
        let round = catch_unwind(AssertUnwindSafe(|| self.round(commands)));
        round.unwrap_or_else(|_| Err(PartitionError::Broken("indexing panicked".to_owned())))
    }

    fn round(&mut self, commands: IndexerCommands) -> Result<(), PartitionError> {
        self.retry_failed();
        let wanted = commands.stop || commands.flush.is_some();
        // A flush covers what was there when it was asked for, not what arrives meanwhile.
        let until = self.shared.state.read().tail.next().unwrap_or(0);
        self.add_until(until)?;
        let pending = self.writer.as_ref().map_or(0, PartitionWriter::pending);
        let due = self.committed_at.elapsed() >= self.shared.options.commit_interval;
        // Somebody removed the log: only the index can keep what is in memory.
        let removals = self.shared.wal.removals();
        let is_removed = std::mem::replace(&mut self.removals, removals) != removals;
        if pending > 0 && (wanted || due || is_removed || self.has_gap()) {
            self.commit()?;
        }
        if self.maintained_at.elapsed() >= MAINTENANCE {
            self.run_maintenance()?;
        }
        if self.looked_at.elapsed() >= LOOK {
            self.look_for_removed();
        }
        if commands.stop {
            return Ok(());
        }
        rebuild_next(&self.shared);
        if self.scrubbed_at.elapsed() >= SCRUB {
            self.scrub_next();
        }
        Ok(())
    }

    fn add_until(&mut self, until: u64) -> Result<(), PartitionError> {
        // Who stops has waited as long as they wanted to: the log keeps what is not committed.
        while self.position < until && !self.shared.is_stopping() {
            let Some(batch) = self.next_batch()? else { break };
            let mut at = 0;
            for view in batch.records() {
                let length = view.as_bytes().len();
                if view.sequence() >= self.position {
                    self.make_room(view.timestamp(), view.sequence())?;
                    if let Some(writer) = &mut self.writer {
                        writer.add(&batch, at, &view)?;
                    }
                    self.position = view.sequence() + 1;
                }
                at += length;
            }
            self.position = self.position.max(batch.next);
            let pending = self.writer.as_ref().map_or(0, PartitionWriter::pending);
            if pending >= self.shared.options.commit_records {
                self.commit()?;
            }
        }
        Ok(())
    }

    /// The batch at the position, from memory or, where memory had to let go, from the log.
    fn next_batch(&mut self) -> Result<Option<Arc<Batch>>, PartitionError> {
        if let Some(tail) = self.shared.state.read().tail.batch_from(self.position) {
            self.reader = None;
            return Ok(Some(tail.batch));
        }
        let (shared, position) = (&self.shared, self.position);
        let reader = self.reader.get_or_insert_with(|| shared.wal.reader(position));
        let batch = reader.next_batch()?;
        for notice in reader.take_notices() {
            shared.state.write().note(notice);
        }
        if batch.is_none() {
            self.reader = None;
            // What the log does not have any more is lost; go on with what memory has.
            let first = shared.state.read().tail.first();
            self.position = first.unwrap_or(position).max(position);
        }
        Ok(batch.map(Arc::new))
    }

    /// Sees to it that there is a partition the record belongs to.
    fn make_room(&mut self, timestamp: i64, sequence: u64) -> Result<(), PartitionError> {
        if let Some(resumable) = self.resumable.take() {
            let (view, opened) = resumable;
            let heap = self.shared.options.writer_bytes;
            self.writer = Some(PartitionWriter::resume(&view, opened, heap)?);
            self.shared.state.write().writing = Some(view.partition.dir.clone());
        }
        let day = timestamp.div_euclid(DAY);
        match &self.writer {
            Some(writer) if self.belongs(writer, day) => return Ok(()),
            Some(_) => self.seal()?,
            None => {}
        }
        fs::create_dir_all(&self.shared.places.index)?;
        let dir = self.shared.places.index.join(format!("p-{sequence:020}"));
        let writer = self.create(&dir, day)?;
        let mut state = self.shared.state.write();
        // An attempt that failed before its first commit had the same name.
        state.views.retain(|view| view.partition.dir != dir);
        state.views.push(Arc::clone(writer.view()));
        state.writing = Some(dir);
        drop(state);
        self.writer = Some(writer);
        Ok(())
    }

    /// Starts a partition. Something else that has its name is set aside.
    fn create(&self, dir: &Path, day: i64) -> Result<PartitionWriter, PartitionError> {
        let created = PartitionWriter::create(dir, day, self.shared.options.writer_bytes);
        if let Err(PartitionError::Io(error)) = &created
            && error.kind() == io::ErrorKind::AlreadyExists
        {
            recovery::quarantine(&self.shared.places, dir, &name_of(dir))?;
        }
        created
    }

    fn belongs(&self, writer: &PartitionWriter, day: i64) -> bool {
        let records = writer.records();
        if records >= self.shared.options.partition_records {
            return false;
        }
        if records == 0 || self.shared.state.read().views.len() >= MANY_PARTITIONS {
            return true;
        }
        // Records of yesterday that arrive late do not open yesterday's partition again: the zone maps
        // make up for the disorder.
        let own = writer.view().partition.format.day;
        day == own || day == own - 1 || (day < own && records < STRAY)
    }

    /// Commits, releases the log up to the commit and publishes the new view.
    fn commit(&mut self) -> Result<(), PartitionError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let started = Instant::now();
        writer.commit()?;
        self.committed_at = Instant::now();
        self.shared.options.metrics.committed(self.committed_at - started);
        publish(&self.shared, writer.view());
        self.shared.wal.release(writer.view().payload.next);
        if writer.merge_neighbors()? {
            publish(&self.shared, writer.view());
        }
        let full = directory_bytes(&writer.view().partition.dir)
            >= self.shared.options.largest_partition();
        if full {
            self.seal()?;
        }
        self.run_maintenance()
    }

    /// Closes the partition that is being written.
    fn seal(&mut self) -> Result<(), PartitionError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        if writer.pending() > 0 {
            writer.commit()?;
            // Before anything else can fail: what is committed must not be added again.
            publish(&self.shared, writer.view());
        }
        writer.seal()?;
        publish(&self.shared, writer.view());
        self.shared.wal.release(writer.view().payload.next);
        self.writer = None;
        Ok(())
    }

    fn run_maintenance(&mut self) -> Result<(), PartitionError> {
        self.maintained_at = Instant::now();
        let writing = self.writer.as_ref().map(|writer| writer.view().partition.dir.clone());
        if self.retention.enforce(&self.shared, writing.as_deref()) {
            self.seal()?;
            self.retention.enforce(&self.shared, None);
        }
        Ok(())
    }

    /// Makes room after a failure, which a full disk is the likeliest reason of. What is written to
    /// stays: with it gone there would be nothing to go on with.
    fn free_disk(&mut self) {
        let writing = self.resumable.as_ref().map(|(view, _)| view.partition.dir.clone());
        self.retention.enforce(&self.shared, writing.as_deref());
    }

    /// Goes back to the last commit, as the disk knows it.
    fn start_over(&mut self) {
        self.reader = None;
        let writing = self.writer.take().map(|writer| Arc::clone(writer.view()));
        if let Some(view) = writing {
            match partition::open(&view.partition.dir) {
                Ok((view, opened)) => {
                    publish(&self.shared, &view);
                    self.resumable = Some((view, opened));
                }
                Err(error) => view.fail(&error),
            }
        }
        self.position = self.shared.state.read().next;
    }

    /// Partitions a search could not read are set aside and rebuilt like those found broken at start.
    fn retry_failed(&mut self) {
        let failed: Vec<Arc<View>> = {
            let state = self.shared.state.read();
            state.views.iter().filter(|view| view.failure().is_some()).cloned().collect()
        };
        for view in failed {
            let dir = view.partition.dir.clone();
            let is_writing = |writer: &PartitionWriter| writer.view().partition.dir == dir;
            if self.writer.as_ref().is_some_and(is_writing) {
                self.writer = None;
                self.position = view.payload.next;
            }
            self.pass(&view);
            if self.resumable.as_ref().is_some_and(|(other, _)| other.partition.dir == dir) {
                self.resumable = None;
            }
            let (name, error) = (view.partition.name(), view.failure().unwrap_or_default());
            let mut state = self.shared.state.write();
            state.views.retain(|other| !Arc::ptr_eq(other, &view));
            state.note(format!("rebuilding the index of partition {name}: {error}"));
            let mut unindexed = Unindexed::new(dir, &view.partition.rows.groups());
            unindexed.sequences.1 = unindexed.sequences.1.max(view.payload.next);
            state.rebuild.push(unindexed);
        }
    }

    /// Leaves out what the new index of a partition will have: all rows that are written, committed
    /// or not.
    fn pass(&mut self, view: &View) {
        let behind = view.partition.rows.groups().last().map_or(0, |group| group.last + 1);
        let behind = behind.max(view.payload.next);
        self.position = self.position.max(behind);
        let mut state = self.shared.state.write();
        state.next = state.next.max(behind);
    }

    /// Takes partitions that somebody removed out of service, to be written again from the log.
    fn look_for_removed(&mut self) {
        self.looked_at = Instant::now();
        let views = self.shared.state.read().views.clone();
        for view in views {
            if !view.partition.dir.join("rows").exists() {
                view.fail(&PartitionError::Broken("somebody removed its files".to_owned()));
            }
        }
    }

    /// Reads a partition that does not change any more, a different one each time.
    fn scrub_next(&mut self) {
        self.scrubbed_at = Instant::now();
        self.scrubbed += 1;
        let views = self.shared.state.read().views.clone();
        let writing = self.writer.as_ref().map(|writer| writer.view().partition.dir.clone());
        let at_rest = |view: &&Arc<View>| Some(&view.partition.dir) != writing.as_ref();
        let at_rest: Vec<_> = views.iter().filter(at_rest).collect();
        let Some(view) = at_rest.get(self.scrubbed % at_rest.len().max(1)) else { return };
        if let Some(damage) = damage_of(view).into_iter().next() {
            view.fail(&PartitionError::Broken(damage));
        }
    }
}

/// Lets searches see a commit: what it has leaves the memory tail in the same moment.
fn publish(shared: &Shared, view: &Arc<View>) {
    let mut state = shared.state.write();
    let dir: &Path = &view.partition.dir;
    match state.views.iter_mut().find(|other| other.partition.dir == dir) {
        Some(known) => *known = Arc::clone(view),
        None => state.views.push(Arc::clone(view)),
    }
    state.next = state.next.max(view.payload.next);
    let next = state.next;
    state.tail.drop_until(next);
}
