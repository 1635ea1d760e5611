//! The builder of the panel. The options are few and each has a default that works.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::MethodRouter;
use logsearch::Counts;
use logsearch::Subscription;
use logsearch::embedded::DiskStatus;
use logsearch::filter::LevelControl;
use logsearch::query::Query;
use logsearch::store::LogStore;
use tokio::sync::Semaphore;

use crate::access::operator::Operator;
use crate::clock;
use crate::context::links::Links;
use crate::context::panel::{Panel, Pipeline, Service, TrafficFilter};
use crate::context::turns::Turns;
use crate::host::{Host, NoHost};
use crate::routes::{self, OwnRoute};

/// Maximum number of concurrent live tails.
const STREAMS: usize = 64;

/// Builder of the panel.
#[must_use = "the panel does nothing until its router is merged into another"]
pub struct Admin {
    panel: Panel,
    own_routes: Vec<OwnRoute>,
}

impl Admin {
    /// Creates a panel over this log store, mounted at `/admin`.
    pub fn new(store: Arc<dyn LogStore>) -> Self {
        let panel = Panel {
            links: Links::new("/admin"),
            store,
            host: Arc::new(NoHost),
            service: Service { name: "service".to_owned(), ..Service::default() },
            pipeline: Pipeline::default(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            turns: Turns::default(),
            traffic_filter: TrafficFilter::new(String::new()),
            own_pages: Vec::new(),
            clock: Box::new(clock::now),
        };
        Self { panel, own_routes: Vec::new() }
    }

    /// Sets what the service offers besides its logs: jobs, alerts, deployments, accounts, metrics and more.
    pub fn host(mut self, host: impl Host) -> Self {
        self.panel.host = Arc::new(host);
        self
    }

    /// Sets the prefix as browsers see it, such as `/ops/panel`. Merge the router at the root:
    /// nesting it would move the pages away from their links.
    pub fn at(mut self, prefix: &str) -> Self {
        self.panel.links = Links::new(prefix);
        self
    }

    /// Sets the name and version of the service, shown on every page.
    pub fn service(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.panel.service.name = name.into();
        self.panel.service.version = version.into();
        self
    }

    /// Sets the path to which the panel posts to sign out. Without it there is no sign-out button.
    pub fn logout(mut self, path: impl Into<String>) -> Self {
        self.panel.service.logout = Some(path.into());
        self
    }

    /// Sets the source of the live tail. Without it, a page that follows new records reloads every
    /// few seconds.
    pub fn live(
        mut self,
        subscribe: impl Fn(&Query) -> Subscription + Send + Sync + 'static,
    ) -> Self {
        self.panel.pipeline.live = Some(Box::new(subscribe));
        self
    }

    /// Sets which requests the charts count, as a query: `-route:/ops/*` excludes the panel's own.
    /// By default, all requests count.
    pub fn traffic_filter(mut self, query: impl Into<String>) -> Self {
        self.panel.traffic_filter = TrafficFilter::new(query.into());
        self
    }

    /// Links to another tool that monitors the service, such as Grafana, by its URL for browsers.
    pub fn external_link(mut self, name: impl Into<String>, url: impl Into<String>) -> Self {
        self.panel.service.external_links.push((name.into(), url.into()));
        self
    }

    /// Lets operators change the log levels temporarily.
    pub fn levels(mut self, levels: LevelControl) -> Self {
        self.panel.pipeline.levels = Some(levels);
        self
    }

    /// Sets the source of the pipeline's counters, shown on System: queued and dropped records by
    /// reason.
    pub fn pipeline_counts(mut self, counts: impl Fn() -> Counts + Send + Sync + 'static) -> Self {
        self.panel.pipeline.counts = Some(Box::new(counts));
        self
    }

    /// How an embedded store lies on its disk: partitions, limits, what is not fsynced. Shown on System.
    pub fn disk_status(mut self, status: impl Fn() -> DiskStatus + Send + Sync + 'static) -> Self {
        self.panel.pipeline.disk = Some(Box::new(status));
        self
    }

    /// Adds a line to the build section of System, such as the compiler version, in the order of
    /// the calls.
    pub fn build_info(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.panel.service.build_info.push((name.into(), value.into()));
        self
    }

    /// Replaces the clock; it returns microseconds since the Unix epoch.
    pub fn clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.panel.clock = Box::new(clock);
        self
    }

    /// Adds a page of the service's own, with an entry beside System: `"Orders"` at `/orders` below the
    /// prefix. It stands behind the guard and has the headers and the same-site rule of every page;
    /// [`OwnPage`](crate::OwnPage) renders it inside the frame of the panel. The handler already has its
    /// state. Building the router panics if the panel itself has this path.
    pub fn page(mut self, entry: &'static str, path: &'static str, handler: MethodRouter) -> Self {
        self.panel.own_pages.push((entry, path));
        self.route(path, handler)
    }

    /// Adds a path of the service's own that no menu shows, such as the target of a form on a page of
    /// [`Admin::page`], to which it is alike otherwise.
    pub fn route(mut self, path: &'static str, handler: MethodRouter) -> Self {
        self.own_routes.push(OwnRoute { path, handler });
        self
    }

    /// Builds the router with all pages, assets and streams behind the guard. The guard gets the
    /// request head and returns the operator, or a response of its own, such as a redirect to a
    /// sign-in page or a 401.
    pub fn router<S, G, F>(self, guard: G) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
        G: Fn(Parts) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Operator, Response>> + Send + 'static,
    {
        routes::router(Arc::new(self.panel), self.own_routes, guard)
    }
}
