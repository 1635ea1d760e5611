//! One partition: a directory with a tantivy index over a span of arrival and the rows it finds.
//! Opening, writing, committing and merging it; when to start a new one is the indexer's decision,
//! what to do with a broken one is `recovery`'s.
//!
//! ```text
//! p-<first sequence, 20 digits>/
//!   format.json   version of the schema and the day
//!   rows          see `rows`
//!   index/        tantivy
//! ```

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use tantivy::index::SegmentId;
use tantivy::indexer::{IndexWriterOptions, NoMergePolicy, UserOperation};
use tantivy::store::{Compressor, ZstdCompressor};
use tantivy::{Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher};

use super::directory::IndexDirectory;
use super::document::{IndexDocument, Router};
use super::merge::{LARGE_SEGMENT, run_to_merge};
use super::rows::{Rows, RowsWriter};
use super::schema::{self, Layout};
use super::segment::Segment;
use crate::codec::{Batch, RecordView};
use crate::fields;

/// Documents handed to the index writer at once.
const HAND_OVER: usize = 256;

/// Why a partition cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PartitionError {
    /// The disk.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The index.
    #[error(transparent)]
    Index(#[from] tantivy::TantivyError),
    /// It is there and makes no sense.
    #[error("{0}")]
    Broken(String),
}

/// What `format.json` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// See [`schema::VERSION`].
    pub version: u32,
    /// The day the partition was started for, in days since the Unix epoch.
    pub day: i64,
    /// Nothing is written to it any more.
    #[serde(default)]
    pub sealed: bool,
}

impl Format {
    /// Reads it from a partition.
    pub fn read(dir: &Path) -> Result<Self, PartitionError> {
        let text = fs::read(dir.join("format.json"))?;
        serde_json::from_slice(&text)
            .map_err(|error| PartitionError::Broken(format!("format.json is damaged: {error}")))
    }

    /// Writes it, durably.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        let fresh = dir.join("format.json.new");
        let mut file = fs::File::create(&fresh)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(&fresh, dir.join("format.json"))?;
        sync_dir(dir)
    }
}

/// What every commit says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The first sequence that is not in the partition.
    pub next: u64,
    /// The length of the rows.
    pub rows: u64,
    /// Names outside the catalogue that have columns.
    pub names: Vec<String>,
    /// Bytes of the rows that were no rows when the index was built.
    #[serde(default)]
    pub skipped: u64,
    /// First sequences of groups of rows that could not be read when the index was built.
    #[serde(default)]
    pub lost: Vec<u64>,
}

/// What readers and the writer of a partition share.
pub struct Partition {
    /// Its directory.
    pub dir: PathBuf,
    /// What its index has.
    pub layout: Arc<Layout>,
    /// Its records.
    pub rows: Arc<Rows>,
    /// The day it was started for.
    pub format: Format,
}

impl Partition {
    /// The name of its directory.
    pub fn name(&self) -> String {
        self.dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// A partition as of one commit. Searches hold one and are not disturbed by later commits.
pub struct View {
    /// The partition.
    pub partition: Arc<Partition>,
    /// The index as of the commit.
    pub searcher: Searcher,
    /// What the commit said.
    pub payload: Payload,
    /// Oldest and newest timestamp.
    pub span: (i64, i64),
    segments: OnceLock<Vec<Arc<Segment>>>,
    failure: OnceLock<String>,
}

impl View {
    fn new(
        partition: Arc<Partition>,
        searcher: Searcher,
        payload: Payload,
        known: Option<&Self>,
    ) -> Self {
        let groups = partition.rows.groups();
        let oldest = groups.iter().map(|group| group.oldest).min().unwrap_or(i64::MAX);
        let newest = groups.iter().map(|group| group.newest).max().unwrap_or(i64::MIN);
        let span = (oldest, newest);
        let (segments, failure) = (OnceLock::new(), OnceLock::new());
        let view = Self { partition, searcher, payload, span, segments, failure };
        // Segments do not change: those the previous view has open stay open.
        if let Some(segments) = known.and_then(|known| known.segments.get())
            && let Ok(segments) = view.open_segments(segments)
        {
            // It was created empty a line above.
            let _ = view.segments.set(segments);
        }
        view
    }

    /// Takes the partition out of all searches until somebody has looked at it.
    pub fn fail(&self, error: &PartitionError) {
        self.failure.get_or_init(|| error.to_string());
    }

    /// Why the partition is not searched.
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Number of records.
    pub fn records(&self) -> u64 {
        self.searcher.num_docs()
    }

    /// The segments in the order of arrival, opened at the first call.
    pub fn segments(&self) -> Result<&[Arc<Segment>], PartitionError> {
        if let Some(segments) = self.segments.get() {
            return Ok(segments);
        }
        let segments = self.open_segments(&[])?;
        Ok(self.segments.get_or_init(|| segments))
    }

    /// Opens the segments and the words of their messages and errors.
    pub fn warm_up(&self) -> Result<(), PartitionError> {
        let layout = &self.partition.layout;
        let error = layout.typed.get(fields::ERROR_MESSAGE).map(|typed| typed.field);
        for segment in self.segments()? {
            for field in error.into_iter().chain([layout.message]) {
                segment.reader.inverted_index(field)?;
            }
        }
        Ok(())
    }

    fn open_segments(&self, known: &[Arc<Segment>]) -> tantivy::Result<Vec<Arc<Segment>>> {
        let groups = self.partition.rows.groups();
        let open = |reader: &tantivy::SegmentReader| {
            let id = reader.segment_id();
            match known.iter().find(|segment| segment.reader.segment_id() == id) {
                Some(segment) => Ok(Arc::clone(segment)),
                None => Segment::open(reader.clone(), &groups).map(Arc::new),
            }
        };
        let mut segments: Vec<_> =
            self.searcher.segment_readers().iter().map(open).collect::<tantivy::Result<_>>()?;
        segments.sort_by_key(|segment| segment.sequence.min_value());
        Ok(segments)
    }
}

/// Opens a partition for searching.
pub fn open(dir: &Path) -> Result<(Arc<View>, Opened), PartitionError> {
    open_checked(dir, |rows, payload| rows.skipped <= payload.skipped && rows.end() >= payload.rows)
}

/// Opens a partition whose index was just built from what is left of its rows.
pub fn open_rebuilt(dir: &Path) -> Result<(Arc<View>, Opened), PartitionError> {
    open_checked(dir, |_, _| true)
}

fn open_checked(
    dir: &Path,
    are_sound: impl Fn(&Rows, &Payload) -> bool,
) -> Result<(Arc<View>, Opened), PartitionError> {
    let format = Format::read(dir)?;
    if format.version != schema::VERSION {
        let version = format.version;
        return Err(PartitionError::Broken(format!("has the format of version {version}")));
    }
    let rows = Arc::new(Rows::open(&dir.join("rows"))?);
    let (index, layout) = open_index(&dir.join("index"))?;
    let payload = read_payload(&index)?;
    if !are_sound(&rows, &payload) {
        return Err(PartitionError::Broken("some of its rows are damaged".into()));
    }
    let reader = open_reader(&index)?;
    let partition = Arc::new(Partition { dir: dir.to_owned(), layout, rows, format });
    let view = Arc::new(View::new(partition, reader.searcher(), payload, None));
    Ok((view, Opened { index, reader }))
}

/// The handles an open partition is written through.
pub struct Opened {
    index: Index,
    reader: IndexReader,
}

fn open_index(dir: &Path) -> Result<(Index, Arc<Layout>), PartitionError> {
    let directory = IndexDirectory::open(dir).map_err(tantivy::TantivyError::from)?;
    let mut index = Index::open(directory)?;
    schema::register(&mut index);
    let layout = Layout::of(&index.schema())
        .ok_or_else(|| PartitionError::Broken("has the schema of another program".into()))?;
    Ok((index, Arc::new(layout)))
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

fn open_reader(index: &Index) -> tantivy::Result<IndexReader> {
    index
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .doc_store_cache_num_blocks(0)
        .try_into()
}

fn read_payload(index: &Index) -> Result<Payload, PartitionError> {
    let Some(payload) = index.load_metas()?.payload else { return Ok(Payload::default()) };
    serde_json::from_str(&payload)
        .map_err(|error| PartitionError::Broken(format!("the last commit is damaged: {error}")))
}

/// Makes renamed and created entries of a directory durable.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

/// The one partition that is written to.
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
    /// Starts a new partition in a directory that must not exist.
    pub fn create(dir: &Path, day: i64, heap: usize) -> Result<Self, PartitionError> {
        fs::create_dir(dir)?;
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

    /// Makes everything added durable and searchable.
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
        fs::rename(partition.dir.join("index.new"), partition.dir.join("index"))?;
        partition.format.write(&partition.dir)?;
        Ok(())
    }
}
