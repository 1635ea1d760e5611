//! Records by sequence, through a cache of opened groups that all searches share.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::columns::Columns;
use super::rows::{Group, Rows};
use crate::record::LogRecord;

/// Bytes of opened groups kept.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// The cache. Groups never change, so nothing in it grows stale.
#[derive(Debug, Default)]
pub struct RowCache(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    groups: HashMap<(u64, u64), (Arc<Columns>, u64)>,
    bytes: usize,
    clock: u64,
}

impl RowCache {
    /// Opens a group or finds it open.
    pub fn group(&self, rows: &Rows, group: &Group) -> io::Result<Arc<Columns>> {
        let key = (rows.id(), group.offset());
        if let Some(columns) = self.0.lock().touch(key) {
            return Ok(columns);
        }
        let columns = rows.read(group)?;
        self.0.lock().insert(key, Arc::clone(&columns));
        Ok(columns)
    }
}

impl Entries {
    fn touch(&mut self, key: (u64, u64)) -> Option<Arc<Columns>> {
        self.clock += 1;
        let (columns, used) = self.groups.get_mut(&key)?;
        *used = self.clock;
        Some(Arc::clone(columns))
    }

    fn insert(&mut self, key: (u64, u64), columns: Arc<Columns>) {
        self.bytes += columns.size();
        if let Some((old, _)) = self.groups.insert(key, (columns, self.clock)) {
            self.bytes -= old.size();
        }
        while self.bytes > CACHE_BYTES && self.groups.len() > 1 {
            let oldest = self.groups.iter().min_by_key(|(_, (_, used))| *used);
            let Some(key) = oldest.map(|(key, _)| *key) else { break };
            if let Some((gone, _)) = self.groups.remove(&key) {
                self.bytes -= gone.size();
            }
        }
    }
}

/// Reads records of one partition, keeping the last group at hand.
pub struct Fetcher {
    rows: Arc<Rows>,
    cache: Arc<RowCache>,
    current: Option<(Group, Arc<Columns>)>,
}

impl Fetcher {
    /// A fetcher over these rows.
    pub fn new(rows: Arc<Rows>, cache: Arc<RowCache>) -> Self {
        Self { rows, cache, current: None }
    }

    /// The record of a sequence.
    pub fn record(&mut self, sequence: u64) -> io::Result<LogRecord> {
        let missing = || io::Error::new(io::ErrorKind::InvalidData, "a row is missing");
        let columns = match &self.current {
            Some((group, columns)) if (group.first..=group.last).contains(&sequence) => columns,
            _ => {
                let group = self.rows.group_of(sequence).ok_or_else(missing)?;
                let columns = self.cache.group(&self.rows, &group)?;
                &self.current.insert((group, columns)).1
            }
        };
        columns.position(sequence).and_then(|at| columns.record(at)).ok_or_else(missing)
    }
}
