//! A command's end of the control socket.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use logsearch::export;
use logsearch::record::LogRecord;
use logsearch::store::{Cursor, Search, SearchPage};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::wire::{
    Gap, INDEXING, LevelChange, NEXT, PARTIAL, SOCKET, SearchParameters, Stats, TailParameters,
};
use crate::client::Connection;

/// A connection to the running service.
pub struct Client {
    connection: Connection,
}

/// What a tail brings.
#[derive(Clone, Debug, PartialEq)]
pub enum Tailed {
    /// A record.
    Record(Box<LogRecord>),
    /// So many were passed over, because this end was too slow.
    Gap(u64),
}

impl Client {
    /// Connects to the service that uses the data directory; `None` when none does.
    pub async fn connect(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = data_dir.join(SOCKET);
        let stream = match UnixStream::connect(&path).await {
            Ok(stream) => stream,
            Err(error) if is_nobody(error.kind()) => return Ok(None),
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("could not connect to {}", path.display()));
            }
        };
        Ok(Some(Self { connection: Connection::open(stream).await? }))
    }

    /// Loads one page of records.
    pub async fn search(&mut self, search: &Search) -> anyhow::Result<SearchPage> {
        let response = self.get("/search", &SearchParameters::from(search)).await?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let next = header(NEXT).and_then(cursor);
        let partial: u16 = header(PARTIAL).and_then(|value| value.parse().ok()).unwrap_or(0);
        let body = response.into_body().collect().await?.to_bytes();
        let records =
            String::from_utf8_lossy(&body).lines().filter_map(export::parse_line).collect();
        Ok(SearchPage { records, next, partial: partial > 0, still_indexing: partial == INDEXING })
    }

    /// The matching records from now on, handed over one by one until the service ends.
    pub async fn tail(
        &mut self,
        q: String,
        mut each: impl FnMut(Tailed) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut body = self.get("/tail", &TailParameters { q }).await?.into_body();
        let mut pending = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.context("the service closed the connection")?.into_data() else {
                continue;
            };
            pending.extend_from_slice(&data);
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = pending.drain(..=end).collect();
                if let Some(tailed) = tailed(&String::from_utf8_lossy(&line)) {
                    each(tailed)?;
                }
            }
        }
        Ok(())
    }

    /// Returns the status of the log store.
    pub async fn stats(&mut self) -> anyhow::Result<Stats> {
        let response = self.get("/stats", &()).await?;
        json_of(response).await
    }

    /// Changes which records go into the index.
    pub async fn set_levels(&mut self, change: &LevelChange) -> anyhow::Result<String> {
        let body = serde_json::to_vec(change)?;
        let request = Request::builder()
            .method(Method::PUT)
            .uri("/levels")
            .header(http::header::CONTENT_TYPE, "application/json");
        text_of(self.send(request.body(Full::from(body))?).await?).await
    }

    /// Which records go into the index.
    pub async fn levels(&mut self) -> anyhow::Result<String> {
        text_of(self.get("/levels", &()).await?).await
    }

    async fn get(
        &mut self,
        path: &str,
        parameters: &impl Serialize,
    ) -> anyhow::Result<Response<Incoming>> {
        let query = serde_urlencoded::to_string(parameters)?;
        let request = Request::get(format!("{path}?{query}"));
        self.send(request.body(Full::default())?).await
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Incoming>> {
        let response =
            self.connection.send(request).await.context("the service closed the connection")?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(anyhow::anyhow!("the service responded: {}", text_of(response).await?))
    }
}

/// There is no socket, or one that a process left behind when it ended.
fn is_nobody(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}

fn cursor(text: &str) -> Option<Cursor> {
    let (timestamp, sequence) = text.split_once(',')?;
    Some((timestamp.parse().ok()?, sequence.parse().ok()?))
}

fn tailed(line: &str) -> Option<Tailed> {
    if let Some(record) = export::parse_line(line) {
        return Some(Tailed::Record(Box::new(record)));
    }
    serde_json::from_str::<Gap>(line).ok().map(|gap| Tailed::Gap(gap.gap))
}

async fn text_of(response: Response<Incoming>) -> anyhow::Result<String> {
    let body = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

async fn json_of<T: DeserializeOwned>(response: Response<Incoming>) -> anyhow::Result<T> {
    serde_json::from_str(&text_of(response).await?)
        .context("unexpected response from the running service; it may be a different version")
}
