//! Pages of the service's own inside the panel: the frame that every page has around what the service
//! renders.

use std::sync::Arc;

use askama::Template;
use askama::filters::Safe;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use logsearch::query::Query;

use super::visit::Visit;
use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::View;
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::ui::layout::{Layout, Section, render};
use crate::ui::tabs::{self, Tab};

#[derive(Template)]
#[template(path = "own_page.html")]
struct OwnPageTemplate<'a> {
    layout: Layout,
    tabs: Vec<Tab>,
    /// Rendered by a template of the service, which has escaped every text.
    body: Safe<&'a str>,
}

/// Extracted by the handler of [`Admin::page`](crate::Admin::page): who asks and for what, the addresses of
/// the panel, and the frame to show the page in.
pub struct OwnPage(Visit);

impl OwnPage {
    /// Whoever the guard let in.
    pub fn operator(&self) -> &Operator {
        &self.0.operator
    }

    /// The parameters of the address.
    pub fn params(&self) -> &Params {
        &self.0.params
    }

    /// The time of day of the panel, in microseconds since the Unix epoch.
    pub fn now(&self) -> i64 {
        self.0.panel.now()
    }

    /// The address of a path below the prefix with those parameters that are not empty.
    pub fn url(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        self.0.panel.links.listing(path, parameters)
    }

    /// The address of the records that a query finds, in the time window of this page.
    pub fn logs(&self, query: &Query) -> String {
        self.0.panel.links.logs(&self.view().query(query.to_string()))
    }

    /// The page: `body` inside the frame of the panel. `path` is that of the page below the prefix.
    ///
    /// # Errors
    /// When a template fails.
    pub fn render(
        &self,
        title: &str,
        path: &str,
        body: &impl Template,
    ) -> Result<Response, PanelError> {
        let view = self.view();
        render(&OwnPageTemplate {
            layout: self.0.layout(Section::System, title, path, &view),
            tabs: tabs::of(&self.0.panel, path, &view),
            body: Safe(&body.render()?),
        })
    }

    fn view(&self) -> View {
        View::of(self.0.params.window(self.now()))
    }
}

impl<S: Sync> FromRequestParts<S> for OwnPage {
    type Rejection = PanelError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PanelError> {
        let panel = parts.extensions.get::<Arc<Panel>>().cloned().ok_or(PanelError::NotFound)?;
        Ok(Self(Visit::of(parts, panel).await?))
    }
}
