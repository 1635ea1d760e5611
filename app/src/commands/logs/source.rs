//! Where records come from: the running service, or the files it left.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use logsearch::embedded::{EmbeddedStore, Options};
use logsearch::record::LogRecord;
use logsearch::store::{LogStore, Search, SearchPage};

use crate::control::{Client, Stats};
use crate::logs::directory;

/// A page of a long result: small enough to show soon, large enough to be quick.
const PAGE: usize = 1_000;

/// The running service or its files.
pub enum Source {
    /// The running service.
    Service(Client),
    /// The log files, which are looked at and not changed.
    Files(Box<EmbeddedStore>),
}

impl Source {
    /// Connects to the running service, or opens the log files if there is none.
    pub async fn open(data_dir: &Path) -> anyhow::Result<Self> {
        if let Some(client) = Client::connect(data_dir).await? {
            return Ok(Self::Service(client));
        }
        Ok(Self::Files(Box::new(open_files(data_dir)?)))
    }

    /// Passes all records of a search to `each`, page by page, at most `at_most`; returns their
    /// number.
    pub async fn pages(
        &mut self,
        mut search: Search,
        at_most: usize,
        mut each: impl FnMut(&[LogRecord]) -> anyhow::Result<()>,
    ) -> anyhow::Result<usize> {
        let mut found = 0;
        loop {
            search.limit = PAGE.min(at_most - found);
            let page = self.page(&search).await?;
            found += page.records.len();
            each(&page.records)?;
            if let Some(reason) = page.incomplete() {
                bail!("{reason}");
            }
            match page.next {
                Some(next) if found < at_most => search.after = Some(next),
                _ => return Ok(found),
            }
        }
    }

    async fn page(&mut self, search: &Search) -> anyhow::Result<SearchPage> {
        match self {
            Self::Service(client) => client.search(search).await,
            Self::Files(store) => Ok(store.search(search).await?),
        }
    }

    /// Returns the status of the log store.
    pub async fn stats(&mut self) -> anyhow::Result<Stats> {
        match self {
            Self::Service(client) => client.stats().await,
            Self::Files(store) => {
                let (status, disk) = (store.status().await?, store.disk_status());
                Ok(Stats { status, disk, counts: None })
            }
        }
    }
}

/// Path of the logs in a data directory; fails if there are none.
pub fn existing(data_dir: &Path) -> anyhow::Result<PathBuf> {
    let path = directory(data_dir);
    anyhow::ensure!(path.is_dir(), "no logs found in {}", data_dir.display());
    Ok(path)
}

/// Opens the logs of a data directory to look at them, whoever uses it. Changes nothing.
pub fn open_files(data_dir: &Path) -> anyhow::Result<EmbeddedStore> {
    let path = existing(data_dir)?;
    EmbeddedStore::open_read_only(&path, Options::default())
        .with_context(|| format!("could not open {}", path.display()))
}
