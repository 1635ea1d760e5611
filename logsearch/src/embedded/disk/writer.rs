//! Writing a partition: adding, committing, merging and sealing it, and building an index anew. When to
//! start a new partition is the indexer's decision.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tantivy::index::SegmentId;
use tantivy::indexer::{IndexWriterOptions, NoMergePolicy, UserOperation};
use tantivy::store::{Compressor, ZstdCompressor};
use tantivy::{Index, IndexReader, IndexSettings, IndexWriter};

use super::directory::IndexDirectory;
use super::document::{IndexDocument, Router};
use super::merge::{LARGE_SEGMENT, run_to_merge};
use super::partition::{
    Format, Opened, Partition, PartitionError, Payload, View, open, open_reader, sync_dir,
};
use super::rows::{Rows, RowsWriter};
use super::schema::{self, Layout};
use super::usage::clear;
use crate::codec::{Batch, RecordView};

/// Documents handed to the index writer at once.
const HAND_OVER: usize = 256;

/// The writer of the active partition.
pub struct PartitionWriter {
    view: Arc<View>,
    index: IndexWriter<IndexDocument>,
    reader: IndexReader,
    rows: Option<RowsWriter>,
    router: Router,
    waiting: Vec<UserOperation<IndexDocument>>,
    next: u64,
    pending: u64,
    lost: Vec<u64>,
}

impl PartitionWriter {
    /// Starts a new partition in a directory. What an earlier attempt left there is cleared away: that
    /// attempt failed for want of something, and could not clean up for the same reason.
    ///
    /// # Errors
    /// When the directory holds a partition with records, or cannot be written.
    pub fn create(dir: &Path, day: i64, heap: usize) -> Result<Self, PartitionError> {
        match fs::create_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_leftover(dir) => {
                clear(dir)?;
                fs::create_dir(dir)?;
            }
            created => created?,
        }
        let created = Self::create_in(dir, day).and_then(|()| {
            let (view, opened) = open(dir)?;
            Self::resume(&view, opened, heap)
        });
        if created.is_err() {
            // A full disk, most likely. There is nothing in it yet.
            let _ = fs::remove_dir_all(dir);
        }
        created
    }

    fn create_in(dir: &Path, day: i64) -> Result<(), PartitionError> {
        drop(RowsWriter::create(&dir.join("rows"))?);
        drop(create_index(&dir.join("index"))?);
        Format { version: schema::VERSION, day, sealed: false }.write(dir)?;
        dir.parent().map_or(Ok(()), sync_dir)?;
        Ok(())
    }

    /// Continues a partition behind its last commit.
    pub fn resume(view: &Arc<View>, opened: Opened, heap: usize) -> Result<Self, PartitionError> {
        let known = &view.partition;
        let rows = RowsWriter::resume(&known.dir.join("rows"), view.payload.rows)?;
        let partition = Partition {
            dir: known.dir.clone(),
            layout: Arc::clone(&known.layout),
            rows: rows.reader(),
            format: known.format,
        };
        Self::over(Arc::new(partition), view.payload.clone(), opened, Some(rows), heap)
    }

    /// Builds an index anew over rows that are there, to replace one that is broken. The index is
    /// built aside and only takes its place with [`Self::finish_rebuild`].
    pub fn rebuild(dir: &Path, day: i64, heap: usize) -> Result<Self, PartitionError> {
        let aside = dir.join("index.new");
        if aside.exists() {
            fs::remove_dir_all(&aside)?;
        }
        let (index, layout) = create_index(&aside)?;
        let rows = Arc::new(Rows::open(&dir.join("rows"))?);
        let format = Format { version: schema::VERSION, day, sealed: true };
        let partition = Partition { dir: dir.to_owned(), layout, rows, format };
        let reader = open_reader(&index)?;
        Self::over(Arc::new(partition), Payload::default(), Opened { index, reader }, None, heap)
    }

    fn over(
        partition: Arc<Partition>,
        payload: Payload,
        opened: Opened,
        rows: Option<RowsWriter>,
        heap: usize,
    ) -> Result<Self, PartitionError> {
        let Opened { index, reader } = opened;
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(heap)
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let writer = index.writer_with_options(options)?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        let names: HashSet<String> = payload.names.iter().cloned().collect();
        let router = Router::new(Arc::clone(&partition.layout), names);
        let (next, lost) = (payload.next, payload.lost.clone());
        let view = Arc::new(View::new(partition, reader.searcher(), payload, None));
        let waiting = Vec::with_capacity(HAND_OVER);
        Ok(Self { view, index: writer, reader, rows, router, waiting, next, pending: 0, lost })
    }

    /// The partition as of its last commit.
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Records added since the last commit.
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// Records in it, added ones included.
    pub fn records(&self) -> u64 {
        self.view.records() + self.pending
    }

    /// Adds the record at an offset of a batch.
    pub fn add(
        &mut self,
        batch: &Arc<Batch>,
        at: usize,
        view: &RecordView<'_>,
    ) -> Result<(), PartitionError> {
        if let Some(rows) = &mut self.rows {
            rows.push(view)?;
        }
        self.waiting.push(UserOperation::Add(self.router.document(batch, at, view)));
        self.next = view.sequence() + 1;
        self.pending += 1;
        if self.waiting.len() >= HAND_OVER { self.hand_over() } else { Ok(()) }
    }

    /// Notes that a group of rows cannot be read, so that nobody is told again.
    pub fn note_lost(&mut self, first: u64, next: u64) {
        self.lost.push(first);
        self.next = next;
    }

    fn hand_over(&mut self) -> Result<(), PartitionError> {
        let waiting = std::mem::replace(&mut self.waiting, Vec::with_capacity(HAND_OVER));
        self.index.run(waiting)?;
        Ok(())
    }

    /// Commits all added records, which makes them durable and searchable in the index.
    pub fn commit(&mut self) -> Result<(), PartitionError> {
        self.hand_over()?;
        let rows = match &mut self.rows {
            Some(rows) => rows.commit()?,
            None => self.view.partition.rows.end(),
        };
        let mut names: Vec<String> = self.router.names().map(ToOwned::to_owned).collect();
        names.sort_unstable();
        let (skipped, lost) = (self.view.partition.rows.skipped, self.lost.clone());
        let payload = Payload { next: self.next, rows, names, skipped, lost };
        let mut prepared = self.index.prepare_commit()?;
        prepared.set_payload(&serde_json::to_string(&payload).map_err(io::Error::from)?);
        prepared.commit()?;
        self.pending = 0;
        self.publish(payload)
    }

    fn publish(&mut self, payload: Payload) -> Result<(), PartitionError> {
        self.reader.reload()?;
        let (partition, searcher) = (Arc::clone(&self.view.partition), self.reader.searcher());
        self.view = Arc::new(View::new(partition, searcher, payload, Some(&self.view)));
        // The writer's own partition is always searched, so its segments may as well be open.
        self.view.segments()?;
        Ok(())
    }

    /// Merges the newest small segments when there are many. Returns whether it did.
    pub fn merge_neighbors(&mut self) -> Result<bool, PartitionError> {
        let run = {
            let segments = self.view.segments()?;
            let sizes: Vec<u32> = segments.iter().map(|segment| segment.len()).collect();
            let run = run_to_merge(&sizes);
            let ids = segments[segments.len() - run..].iter();
            ids.map(|segment| segment.reader.segment_id()).collect::<Vec<_>>()
        };
        self.merge(&run)
    }

    /// Merges what is left of small segments; the partition will not be written to again.
    pub fn seal(&mut self) -> Result<(), PartitionError> {
        let small = {
            let segments = self.view.segments()?;
            let run = segments.iter().rev().take_while(|segment| segment.len() < LARGE_SEGMENT);
            let mut ids: Vec<_> = run.map(|segment| segment.reader.segment_id()).collect();
            ids.reverse();
            ids
        };
        self.merge(&small)?;
        let partition = &self.view.partition;
        Format { sealed: true, ..partition.format }.write(&partition.dir)?;
        Ok(())
    }

    fn merge(&mut self, ids: &[SegmentId]) -> Result<bool, PartitionError> {
        if ids.len() < 2 {
            return Ok(false);
        }
        self.index.merge(ids).wait()?;
        self.publish(self.view.payload.clone())?;
        self.index.garbage_collect_files().wait()?;
        Ok(true)
    }

    /// Puts a rebuilt index into the place of the broken one, which must be gone.
    pub fn finish_rebuild(self) -> Result<(), PartitionError> {
        let partition = Arc::clone(&self.view.partition);
        self.index.wait_merging_threads()?;
        let index = partition.dir.join("index");
        clear(&index)?;
        fs::rename(partition.dir.join("index.new"), index)?;
        partition.format.write(&partition.dir)?;
        Ok(())
    }
}

/// Whether a directory holds no partition that ever had a commit.
fn is_leftover(dir: &Path) -> bool {
    if !dir.join("format.json").exists() {
        return true;
    }
    open(dir).is_ok_and(|(view, _)| view.payload.next == 0 && view.records() == 0)
}

fn create_index(dir: &Path) -> Result<(Index, Arc<Layout>), PartitionError> {
    fs::create_dir(dir)?;
    let layout = Layout::current();
    let directory = IndexDirectory::open(dir).map_err(tantivy::TantivyError::from)?;
    let settings = IndexSettings {
        // The store is empty; what compresses to nothing should.
        docstore_compression: Compressor::Zstd(ZstdCompressor::default()),
        docstore_compress_dedicated_thread: false,
        docstore_blocksize: 1024 * 1024,
        ..IndexSettings::default()
    };
    let mut index = Index::create(directory, layout.schema.clone(), settings)?;
    schema::register(&mut index);
    Ok((index, Arc::new(layout)))
}
