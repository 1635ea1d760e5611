//! Who asks for a page, and for which view of it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::View;
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::ui::layout::{Layout, Section};

/// Extracted by the handlers of pages.
pub struct Visit {
    pub panel: Arc<Panel>,
    pub operator: Operator,
    pub params: Params,
}

impl Visit {
    /// Whoever the guard let in, with the parameters of the address.
    pub async fn of(parts: &mut Parts, panel: Arc<Panel>) -> Result<Self, PanelError> {
        let operator = Operator::from_request_parts(parts, &()).await?;
        let Ok(params): Result<_, Infallible> = Params::from_request_parts(parts, &()).await;
        Ok(Self { panel, operator, params })
    }

    /// The complete view, for pages that list records.
    pub fn view(&self) -> View {
        self.params.view(self.panel.now())
    }

    /// Window and auto-refresh only, for pages that list none.
    pub fn frame(&self) -> View {
        self.params.frame(self.panel.now())
    }

    /// The frame of a page that shows the same in every window; its menu leads to that of `view`.
    pub fn fixed(&self, section: Section, title: &str, path: &str, view: &View) -> Layout {
        let view = self.params.frame_of(view.window);
        Layout::fixed(&self.panel, &self.operator, section, title, path, &view)
    }

    /// The frame of the page at `path` that shows `view`.
    pub fn layout(&self, section: Section, title: &str, path: &str, view: &View) -> Layout {
        Layout::new(&self.panel, &self.operator, section, title, path, view)
    }
}

impl FromRequestParts<Arc<Panel>> for Visit {
    type Rejection = PanelError;

    async fn from_request_parts(parts: &mut Parts, panel: &Arc<Panel>) -> Result<Self, PanelError> {
        Self::of(parts, Arc::clone(panel)).await
    }
}
