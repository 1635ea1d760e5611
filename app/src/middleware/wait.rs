//! How long a request may wait for the database, whatever it asks: a refusal comes in time, also for who was
//! served already when the database began to hang.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use crate::db::WaitBudget;

/// For a request of the site or the API: its refusal is there within a second.
const PUBLIC: Duration = Duration::from_millis(900);
/// For a page of the panel: it shows what it has without the database.
const PANEL: Duration = Duration::from_millis(600);
/// For a page that is about rows of the database, which may be many.
const ROWS: Duration = Duration::from_secs(10);

/// The layer of site and API.
pub async fn public(request: Request, next: Next) -> Response {
    WaitBudget::new(PUBLIC).scope(next.run(request)).await
}

/// The layer of the ops listener.
pub async fn panel(request: Request, next: Next) -> Response {
    WaitBudget::new(PANEL).scope(next.run(request)).await
}

/// The layer of pages of the panel that show rows of the database.
pub async fn rows(request: Request, next: Next) -> Response {
    WaitBudget::new(ROWS).scope(next.run(request)).await
}
