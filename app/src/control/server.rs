//! The service's end of the control socket.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Extension, Json, Router};
use futures_util::stream;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use logsearch::Logs;
use logsearch::export::Format;
use logsearch::filter::{LevelControl, Levels};
use logsearch::store::{Search, StoreError};
use logsearch::{Subscription, Update};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use super::wire::{
    self, INDEXING, LevelChange, NEXT, PARTIAL, SearchParameters, Stats, TailParameters,
};
use crate::listen::Acceptor;
use crate::supervise::Tasks;

/// Most commands at once; others wait.
const MAX_CONNECTIONS: usize = 32;
/// Time a client has to send the head of its request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// What commands may ask about.
#[derive(Clone)]
pub struct Control {
    /// The logs of this process.
    pub logs: Arc<Logs>,
    /// Which records go into the index.
    pub levels: LevelControl,
}

/// Who runs a command, as the operating system says.
#[derive(Clone, Copy, Debug)]
struct Peer {
    uid: Option<u32>,
}

impl Peer {
    /// For audit records; no operator of the panel has a space in the name.
    fn name(self) -> String {
        self.uid.map_or_else(|| "unknown uid".to_owned(), |uid| format!("uid {uid}"))
    }
}

/// The socket of commands, bound.
pub struct ControlSocket {
    path: PathBuf,
    listener: UnixListener,
}

impl ControlSocket {
    /// Binds the socket in the data directory, for its owner alone. One left behind by a process that
    /// ended is replaced: the lock of the directory says that there is no other.
    ///
    /// # Errors
    /// When the path is too long, or not writable.
    pub fn bind(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join(wire::SOCKET);
        let _nothing_left_behind = fs::remove_file(&path);
        let context = || format!("could not open the control socket {}", path.display());
        let listener = UnixListener::bind(&path).with_context(context)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).with_context(context)?;
        Ok(Self { path, listener })
    }

    /// Serves commands until the token is cancelled, which ends those that run, or until the socket does
    /// not listen any more.
    pub async fn serve(self, control: Control, stop: CancellationToken) {
        let router = router(control);
        let mut acceptor = Acceptor::new("control", self.listener, MAX_CONNECTIONS);
        let commands = Tasks::default();
        while let Some(accepted) = stop.run_until_cancelled(acceptor.next()).await {
            let Ok((stream, _, permit)) = accepted else { return };
            let peer = Peer { uid: stream.peer_cred().ok().map(|peer| peer.uid()) };
            let service = TowerToHyperService::new(router.clone().layer(Extension(peer)));
            let (stop, stream) = (stop.clone(), TokioIo::new(stream));
            commands.spawn("command", async move {
                let mut server = http1::Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
                // A command that goes away needs no notice; a tail ends with the service.
                let serving = server.serve_connection(stream, service);
                let _ended = stop.run_until_cancelled(serving).await;
                drop(permit);
            });
        }
        let _gone_already = fs::remove_file(&self.path);
        let _cut_off = commands.finish(HEAD_TIMEOUT).await;
    }
}

fn router(control: Control) -> Router {
    Router::new()
        .route("/search", get(search))
        .route("/tail", get(tail))
        .route("/stats", get(stats))
        .route("/levels", put(levels).get(current_levels))
        .with_state(control)
}

async fn search(
    State(control): State<Control>,
    Query(parameters): Query<SearchParameters>,
) -> Result<Response, Failed> {
    let page = control.logs.store().search(&Search::from(parameters)).await?;
    let body: String = page.records.iter().map(|record| Format::Ndjson.record(record)).collect();
    let mut response = ([(CONTENT_TYPE, Format::Ndjson.media_type())], body).into_response();
    let headers = response.headers_mut();
    if let Some((timestamp, sequence)) = page.next {
        headers.insert(NEXT, format!("{timestamp},{sequence}").parse()?);
    }
    let partial = if page.still_indexing { INDEXING } else { u16::from(page.partial) };
    headers.insert(PARTIAL, partial.into());
    Ok(response)
}

async fn tail(
    State(control): State<Control>,
    Query(parameters): Query<TailParameters>,
) -> impl IntoResponse {
    let subscription = control.logs.subscribe(&wire::query(&parameters.q));
    let updates = stream::unfold(subscription, async |mut subscription: Subscription| {
        let update = subscription.next().await?;
        Some((Ok::<_, std::convert::Infallible>(lines(&update)), subscription))
    });
    ([(CONTENT_TYPE, Format::Ndjson.media_type())], Body::from_stream(updates))
}

fn lines(update: &Update) -> Bytes {
    match update {
        Update::Records(records) => {
            records.iter().map(|record| Format::Ndjson.record(record)).collect::<String>().into()
        }
        Update::Gap(gap) => format!("{{\"gap\":{gap}}}\n").into(),
    }
}

async fn stats(State(control): State<Control>) -> Result<Json<Stats>, Failed> {
    let status = control.logs.store().status().await?;
    let (disk, counts) = (control.logs.disk_status(), Some(control.logs.counts()));
    Ok(Json(Stats { status, disk, counts }))
}

async fn current_levels(State(control): State<Control>) -> String {
    control.levels.levels().to_string()
}

async fn levels(
    State(control): State<Control>,
    Extension(peer): Extension<Peer>,
    Json(change): Json<LevelChange>,
) -> Result<String, Failed> {
    let levels = Levels::parse(&change.levels)?;
    let before = control.levels.levels();
    match change.seconds {
        None => control.levels.set(levels.clone()),
        Some(seconds) => control.levels.set_for(levels.clone(), Duration::from_secs(seconds))?,
    }
    let (before, levels) = (before.to_string(), levels.to_string());
    tracing::info!(
        target: "audit",
        {
            event.action = "levels.set",
            user.name = peer.name(),
            logs.levels = levels,
            logs.levels.before = before,
            logs.levels.duration_s = change.seconds
        },
        "log levels changed"
    );
    Ok(levels)
}

/// An answer for a command: the chain of what went wrong.
struct Failed(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let is_ours = self.0.is::<StoreError>();
        let status =
            if is_ours { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST };
        (status, format!("{:#}", self.0)).into_response()
    }
}
