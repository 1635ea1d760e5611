//! The builder of the panel. The options are few and each has a default that works.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use axum::response::Response;
use logsearch::embedded::DiskStatus;
use logsearch::filter::LevelControl;
use logsearch::live::Subscription;
use logsearch::query::Query;
use logsearch::store::LogStore;
use logsearch::writer::Counts;
use tokio::sync::Semaphore;

use crate::access::operator::Operator;
use crate::context::links::Links;
use crate::context::panel::{Panel, TrafficFilter};
use crate::host::{
    Alerts, Deploys, ErrorStates, Jobs, Moderation, Operators, Plans, SavedSearches,
};
use crate::metrics::Metrics;
use crate::{clock, routes};

/// Live streams at the same time.
const STREAMS: usize = 64;

/// The panel, to be mounted in a router.
#[must_use = "the panel does nothing until its router is merged into another"]
pub struct Admin {
    panel: Panel,
}

impl Admin {
    /// A panel over this store, at `/admin`.
    pub fn new(store: Arc<dyn LogStore>) -> Self {
        let panel = Panel {
            links: Links::new("/admin"),
            store,
            service: "service".to_owned(),
            version: String::new(),
            logout: None,
            live: None,
            streams: Arc::new(Semaphore::new(STREAMS)),
            jobs: None,
            alerts: None,
            deploys: None,
            moderation: None,
            operators: None,
            metrics: None,
            external_links: Vec::new(),
            traffic_filter: TrafficFilter::new(String::new()),
            errors: None,
            plans: None,
            searches: None,
            levels: None,
            pipeline_counts: None,
            disk_status: None,
            build: Vec::new(),
            clock: Box::new(clock::now),
        };
        Self { panel }
    }

    /// Under another prefix, as browsers see it: `/ops/panel`. Merge the router at the root; nesting it
    /// again would move the pages away from their links.
    pub fn at(mut self, prefix: &str) -> Self {
        self.panel.links = Links::new(prefix);
        self
    }

    /// The name and version of the service, shown on every page.
    pub fn service(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.panel.service = name.into();
        self.panel.version = version.into();
        self
    }

    /// Where a POST logs the operator out.
    pub fn logout(mut self, path: impl Into<String>) -> Self {
        self.panel.logout = Some(path.into());
        self
    }

    /// Where new records come from: the live tail. Without it a page that follows new records asks again
    /// every few seconds.
    pub fn live(
        mut self,
        subscribe: impl Fn(&Query) -> Subscription + Send + Sync + 'static,
    ) -> Self {
        self.panel.live = Some(Box::new(subscribe));
        self
    }

    /// The scheduled jobs of the host.
    pub fn jobs(mut self, jobs: Arc<dyn Jobs>) -> Self {
        self.panel.jobs = Some(jobs);
        self
    }

    /// The alerts of the host: marked on charts, with a page for each rule.
    pub fn alerts(mut self, alerts: Arc<dyn Alerts>) -> Self {
        self.panel.alerts = Some(alerts);
        self
    }

    /// The deployments of the host, marked on charts.
    pub fn deploys(mut self, deploys: Arc<dyn Deploys>) -> Self {
        self.panel.deploys = Some(deploys);
        self
    }

    /// Which errors are resolved.
    pub fn errors(mut self, errors: Arc<dyn ErrorStates>) -> Self {
        self.panel.errors = Some(errors);
        self
    }

    /// Searches that operators keep under a name.
    pub fn searches(mut self, searches: Arc<dyn SavedSearches>) -> Self {
        self.panel.searches = Some(searches);
        self
    }

    /// How the host's database would run its statements.
    pub fn plans(mut self, plans: Arc<dyn Plans>) -> Self {
        self.panel.plans = Some(plans);
        self
    }

    /// Messages and users of the host.
    pub fn moderation(mut self, moderation: Arc<dyn Moderation>) -> Self {
        self.panel.moderation = Some(moderation);
        self
    }

    /// The accounts of those who use the panel, and their sessions.
    pub fn operators(mut self, operators: Arc<dyn Operators>) -> Self {
        self.panel.operators = Some(operators);
        self
    }

    /// The metrics with their past; a [`Sampler`](crate::metrics::Sampler) fills it.
    pub fn metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.panel.metrics = Some(metrics);
        self
    }

    /// Which requests the charts count, as a query: `-route:/ops/*` leaves out those of the panel.
    /// Without it, all.
    pub fn traffic_filter(mut self, query: impl Into<String>) -> Self {
        self.panel.traffic_filter = TrafficFilter::new(query.into());
        self
    }

    /// Another tool that watches the service, such as Grafana, and its address for browsers.
    pub fn external_link(mut self, name: impl Into<String>, url: impl Into<String>) -> Self {
        self.panel.external_links.push((name.into(), url.into()));
        self
    }

    /// Which records are kept, to be changed for a time.
    pub fn levels(mut self, levels: LevelControl) -> Self {
        self.panel.levels = Some(levels);
        self
    }

    /// What became of the records before the store: how many wait and how many were lost, and why. Shown
    /// on System.
    pub fn pipeline_counts(mut self, counts: impl Fn() -> Counts + Send + Sync + 'static) -> Self {
        self.panel.pipeline_counts = Some(Box::new(counts));
        self
    }

    /// How an embedded store lies on its disk: partitions, limits, what is not fsynced. Shown on System.
    pub fn disk_status(mut self, status: impl Fn() -> DiskStatus + Send + Sync + 'static) -> Self {
        self.panel.disk_status = Some(Box::new(status));
        self
    }

    /// A fact about what runs, such as its compiler; shown on System in the order given.
    pub fn build_info(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.panel.build.push((name.into(), value.into()));
        self
    }

    /// Another time of day, in microseconds since the Unix epoch.
    pub fn clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.panel.clock = Box::new(clock);
        self
    }

    /// The pages, assets and streams, all behind the guard: it looks at the head of a request and says
    /// who is asking, or answers itself, with a redirect to a log-in page or a 401.
    pub fn router<S, G, F>(self, guard: G) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
        G: Fn(Parts) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Operator, Response>> + Send + 'static,
    {
        routes::router(Arc::new(self.panel), guard)
    }
}
