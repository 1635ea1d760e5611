//! The guard in front of the panel: requests it rejects reach no page, asset or stream.

use std::future::Future;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::future::BoxFuture;

use super::operator::{Operator, SessionValid};
use super::theme::Theme;

/// Runs the guard and stores the operator it returns in the extensions of the request.
pub async fn guard<G, F>(guard: G, request: Request, next: Next) -> Response
where
    G: Fn(Parts) -> F,
    F: Future<Output = Result<Operator, Response>>,
{
    let (mut parts, body) = request.into_parts();
    match guard(parts.clone()).await {
        Ok(operator) => {
            let theme = Theme::of(&parts.headers);
            parts.extensions.insert(Operator { theme, ..operator });
            next.run(Request::from_parts(parts, body)).await
        }
        Err(refusal) => refusal,
    }
}

/// Repeats the guard's check for a request whose response is still streaming.
#[derive(Clone)]
pub struct GuardRecheck(Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>);

impl GuardRecheck {
    /// Whether the guard still accepts the request. A guard that fails counts as accepting.
    pub async fn is_let_in(&self) -> bool {
        (self.0)().await
    }
}

/// Leaves [`GuardRecheck`] with a request, for an answer that goes on.
pub async fn recheck<G, F>(guard: G, request: Request, next: Next) -> Response
where
    G: Fn(Parts) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Operator, Response>> + Send + 'static,
{
    let (parts, body) = request.into_parts();
    let mut asked = parts.clone();
    asked.extensions.insert(SessionValid);
    let ask = move || -> BoxFuture<'static, bool> {
        let answer = guard(asked.clone());
        Box::pin(async {
            match answer.await {
                Ok(_) => true,
                Err(refusal) => refusal.status().is_server_error(),
            }
        })
    };
    let mut request = Request::from_parts(parts, body);
    request.extensions_mut().insert(GuardRecheck(Arc::new(ask)));
    next.run(request).await
}
