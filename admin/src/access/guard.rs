//! The guard: whoever it does not let in sees nothing of the panel.

use std::future::Future;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::future::BoxFuture;

use super::operator::{Operator, SessionValid};
use super::theme::Theme;

/// Lets the guard decide; whoever it lets in is an extension of the request.
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

/// Asks the guard again about a request whose answer goes on.
#[derive(Clone)]
pub struct GuardRecheck(Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>);

impl GuardRecheck {
    /// Whether the guard would still let it in. A guard that cannot tell keeps it.
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
