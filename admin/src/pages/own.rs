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
use crate::context::links::Links;
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

    /// The address of a path below the prefix with those parameters that are not empty, in the window of
    /// this page.
    pub fn url(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        let path = Links::with_parameters(path, parameters.iter().copied());
        self.0.panel.links.page(&path, &self.0.frame())
    }

    /// What a form has to send along so that window and auto-refresh are kept.
    pub fn keep(&self) -> Vec<(&'static str, String)> {
        self.0.frame().form_fields()
    }

    /// The address of the records that a query finds, in the time window of this page.
    pub fn logs(&self, query: &Query) -> String {
        self.0.panel.links.logs(&self.0.frame().query(query.to_string()))
    }

    /// The page: `body` inside the frame of the panel. `path` is that of the page below the prefix; the
    /// parameters of the address are kept by every link and form of the frame.
    ///
    /// # Errors
    /// When a template fails.
    pub fn render(
        &self,
        title: &str,
        path: &str,
        body: &impl Template,
    ) -> Result<Response, PanelError> {
        let view = self.0.frame();
        let shared = |name: &str| matches!(name, "from" | "to" | "refresh");
        let own = self.params().pairs().iter().filter(|(name, _)| !shared(name));
        let here = Links::with_parameters(path, own.map(|(name, value)| (&**name, &**value)));
        render(&OwnPageTemplate {
            layout: self.0.layout(Section::System, title, &here, &view),
            tabs: tabs::of(&self.0.panel, path, &view),
            body: Safe(&body.render()?),
        })
    }
}

impl<S: Sync> FromRequestParts<S> for OwnPage {
    type Rejection = PanelError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PanelError> {
        let panel = parts.extensions.get::<Arc<Panel>>().cloned().ok_or(PanelError::NotFound)?;
        Ok(Self(Visit::of(parts, panel).await?))
    }
}
