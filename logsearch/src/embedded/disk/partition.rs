//! One partition: a directory with a tantivy index over a span of arrival and the rows it finds. Opening
//! it for searches; writing it is `writer`'s, and what to do with a broken one is `recovery`'s.
//!
//! ```text
//! p-<first sequence, 20 digits>/
//!   format.json   version of the schema and the day
//!   rows          see `rows`
//!   index/        tantivy
//! ```

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use tantivy::{Index, IndexReader, ReloadPolicy, Searcher};

use super::directory::IndexDirectory;
use super::rows::Rows;
use super::schema::{self, Layout};
use super::segment::Segment;
use super::usage::clear;
use crate::fields;
use crate::shortage::{Shortage, in_words};

/// Why a partition cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum PartitionError {
    /// An I/O error.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// An error of the index engine.
    #[error(transparent)]
    Index(#[from] tantivy::TantivyError),
    /// Present but invalid.
    #[error("{0}")]
    Broken(String),
}

/// What `format.json` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// Version of the schema, [`schema::VERSION`] when written.
    pub version: u32,
    /// The day the partition was started for, in days since the Unix epoch.
    pub day: i64,
    /// Whether the partition is read-only.
    #[serde(default)]
    pub sealed: bool,
}

impl Format {
    /// Reads the format of a partition.
    pub fn read(dir: &Path) -> Result<Self, PartitionError> {
        let text = fs::read(dir.join("format.json"))?;
        serde_json::from_slice(&text)
            .map_err(|error| PartitionError::Broken(format!("format.json is corrupt: {error}")))
    }

    /// Writes the format and fsyncs it.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        let (fresh, place) = (dir.join("format.json.new"), dir.join("format.json"));
        for misplaced in [&fresh, &place].into_iter().filter(|path| path.is_dir()) {
            clear(misplaced)?;
        }
        let mut file = fs::File::create(&fresh)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(&fresh, place)?;
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
    /// Directory of the partition.
    pub dir: PathBuf,
    /// What its index has.
    pub layout: Arc<Layout>,
    /// Row file of the partition.
    pub rows: Arc<Rows>,
    /// The day it was started for.
    pub format: Format,
}

impl Partition {
    /// The name of its directory.
    pub fn name(&self) -> String {
        name_of(&self.dir)
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
    pub(super) fn new(
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

    /// Takes the partition out of all searches until it has been repaired, unless the error says that
    /// something ran out: then it is as good as before, and the next search may find it so.
    pub fn fail(&self, error: &PartitionError) {
        if Shortage::of(error).is_none_or(|shortage| shortage == Shortage::Io) {
            self.failure.get_or_init(|| in_words(error));
        }
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
        return Err(PartitionError::Broken(format!("has unsupported format version {version}")));
    }
    let rows = Arc::new(Rows::open(&dir.join("rows"))?);
    let (index, layout) = open_index(&dir.join("index"))?;
    let payload = read_payload(&index)?;
    if !are_sound(&rows, &payload) {
        return Err(PartitionError::Broken("some of its rows are corrupt".into()));
    }
    let reader = open_reader(&index)?;
    let partition = Arc::new(Partition { dir: dir.to_owned(), layout, rows, format });
    let view = Arc::new(View::new(partition, reader.searcher(), payload, None));
    Ok((view, Opened { index, reader }))
}

/// The handles an open partition is written through.
pub struct Opened {
    pub(super) index: Index,
    pub(super) reader: IndexReader,
}

fn open_index(dir: &Path) -> Result<(Index, Arc<Layout>), PartitionError> {
    let directory = IndexDirectory::open(dir).map_err(tantivy::TantivyError::from)?;
    let mut index = Index::open(directory)?;
    schema::register(&mut index);
    let layout = Layout::of(&index.schema())
        .ok_or_else(|| PartitionError::Broken("has an incompatible schema".into()))?;
    Ok((index, Arc::new(layout)))
}

pub(super) fn open_reader(index: &Index) -> tantivy::Result<IndexReader> {
    index
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .doc_store_cache_num_blocks(0)
        .try_into()
}

fn read_payload(index: &Index) -> Result<Payload, PartitionError> {
    let Some(payload) = index.load_metas()?.payload else { return Ok(Payload::default()) };
    serde_json::from_str(&payload)
        .map_err(|error| PartitionError::Broken(format!("the last commit is corrupt: {error}")))
}

/// Makes renamed and created entries of a directory durable.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

/// The last part of a path.
pub fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
