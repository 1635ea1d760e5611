//! The records as files: lines of JSON for others, encoded batches for the store.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use logsearch::codec;
use logsearch::record::{LogRecord, Value};
use logsearch::testing::WebLog;

const SEED: u64 = 7;
/// A word that as many records have however many there are, all of them among the newest.
pub const NEEDLE: &str = "needle";
const NEEDLES: u64 = 18;
const STORE: &str = "store";

/// A log in files.
pub struct Data {
    pub events: u64,
    pub lines: PathBuf,
    pub encoded: PathBuf,
    pub raw_bytes: u64,
    /// The newest timestamp.
    pub last: i64,
    /// Of a request some way back.
    pub request_id: String,
}

impl Data {
    /// A log of the numbers of records asked for. All end with the same ones: the larger has more of the
    /// past, and what is newest is the same for all. `sizes` ascends. Lines are written of the smallest, and
    /// nothing of a log that has a store already.
    pub fn generate(directory: &Path, sizes: &[u64]) -> Result<Vec<Self>> {
        let Some((most, least)) = sizes.last().zip(sizes.first()) else { return Ok(Vec::new()) };
        let mut log = WebLog::new(SEED);
        let open =
            |events: &u64| Files::create(&directory.join(events.to_string()), events == least);
        let mut files = sizes.iter().map(open).collect::<Result<Vec<_>>>()?;
        let mut request_id = String::new();
        for number in 0..*most {
            let Some(mut record) = log.next() else { break };
            let left = most - number;
            if left <= *least && left % (least / NEEDLES).max(1) == 1 {
                record.message.push_str(" a ");
                record.message.push_str(NEEDLE);
            }
            if left > least - least / 8
                && let Some(Value::Str(id)) = record.field("http.request.id")
            {
                request_id.clone_from(id);
            }
            for (file, events) in files.iter_mut().zip(sizes) {
                if left <= *events {
                    file.push(&record)?;
                }
            }
        }
        let finish = |(files, events): (Files, &u64)| files.finish(*events, &request_id);
        files.into_iter().zip(sizes).map(finish).collect()
    }

    /// Where its store is.
    pub fn store(&self) -> PathBuf {
        self.lines.with_file_name(STORE)
    }
}

struct Files {
    lines: PathBuf,
    encoded: PathBuf,
    json: Option<BufWriter<File>>,
    batches: Option<BufWriter<File>>,
    batch: Vec<u8>,
    raw_bytes: u64,
    last: i64,
}

impl Files {
    fn create(directory: &Path, with_lines: bool) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let is_new = !directory.join(STORE).exists();
        let create = |path: &Path| File::create(path).map(BufWriter::new);
        let (lines, encoded) = (directory.join("log.ndjson"), directory.join("log.encoded"));
        let json = (is_new && with_lines).then(|| create(&lines)).transpose()?;
        let batches = is_new.then(|| create(&encoded)).transpose()?;
        Ok(Self { lines, encoded, json, batches, batch: Vec::new(), raw_bytes: 0, last: 0 })
    }

    fn push(&mut self, record: &LogRecord) -> Result<()> {
        self.last = self.last.max(record.timestamp);
        if self.batches.is_none() {
            return Ok(());
        }
        let line = serde_json::to_vec(&as_json(record))?;
        self.raw_bytes += line.len() as u64 + 1;
        if let Some(json) = &mut self.json {
            json.write_all(&line)?;
            json.write_all(b"\n")?;
        }
        codec::encode(record, &mut self.batch);
        if self.batch.len() > 256 * 1024 { self.write_batch() } else { Ok(()) }
    }

    fn write_batch(&mut self) -> Result<()> {
        if let Some(batches) = &mut self.batches {
            batches.write_all(&u32::try_from(self.batch.len())?.to_le_bytes())?;
            batches.write_all(&self.batch)?;
        }
        self.batch.clear();
        Ok(())
    }

    fn finish(mut self, events: u64, request_id: &str) -> Result<Data> {
        self.write_batch()?;
        self.json.as_mut().map_or(Ok(()), Write::flush)?;
        self.batches.as_mut().map_or(Ok(()), Write::flush)?;
        Ok(Data {
            events,
            raw_bytes: self.raw_bytes,
            lines: self.lines,
            encoded: self.encoded,
            last: self.last,
            request_id: request_id.to_owned(),
        })
    }
}

/// A record as `tracing-subscriber` would print it as JSON.
fn as_json(record: &LogRecord) -> serde_json::Value {
    let mut line = serde_json::Map::new();
    let time = jiff::Timestamp::from_microsecond(record.timestamp).unwrap_or_default();
    line.insert("timestamp".into(), time.to_string().into());
    line.insert("level".into(), record.level.as_str().into());
    line.insert("target".into(), record.target.clone().into());
    line.insert("message".into(), record.message.clone().into());
    for (name, value) in &record.fields {
        let value = match value {
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Str(value) => value.clone().into(),
        };
        line.insert(name.clone(), value);
    }
    line.into()
}
