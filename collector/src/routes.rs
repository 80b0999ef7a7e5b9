//! What is where on the public port.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use metrics::{Counter, Histogram};
use service::metrics::{HTTP_REQUESTS, HTTP_SECONDS};

use crate::answer::{self, Response};
use crate::collect::collect;
use crate::edge::Edge;
use crate::pixel::pixel;
use crate::policy::Cors;
use crate::tracker::Tracker;
use crate::web_events::web_event;
use crate::{openapi, paths};

/// Every route, open to the pages that the policy allows.
pub(crate) struct Routes {
    edge: Arc<Edge>,
    cors: Cors,
    tracker: Tracker,
    document: Bytes,
    greeting: Bytes,
    /// In the order in which they are looked through.
    all: [Route; 6],
}

/// One path, and what is counted of it.
struct Route {
    path: String,
    what: What,
    /// What metrics and the log call it: its usual path.
    name: &'static str,
    taken: Counter,
    seconds: Histogram,
}

/// What is there.
#[derive(Clone, Copy)]
enum What {
    Collect,
    Pixel,
    WebEvents,
    Tracker,
    OpenApi,
    Greeting,
}

impl Routes {
    pub(crate) fn new(edge: Arc<Edge>) -> Self {
        let paths = &edge.paths;
        let greeting = format!("Tributary takes hits at POST {}; the tracker is {}.\n", paths.collect, paths.tracker);
        Self {
            cors: Cors::of(&edge.policy),
            tracker: Tracker::posting_to(&paths.collect),
            document: openapi::document(paths),
            greeting: greeting.into(),
            all: [
                Route::new(What::Collect, "/collect", &paths.collect),
                Route::new(What::Pixel, paths::PIXEL, paths::PIXEL),
                Route::new(What::WebEvents, paths::WEB_EVENTS, paths::WEB_EVENTS),
                Route::new(What::Tracker, "/tracker.js", &paths.tracker),
                Route::new(What::OpenApi, paths::OPENAPI, paths::OPENAPI),
                Route::new(What::Greeting, "/", "/"),
            ],
            edge,
        }
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Response {
        let (head, body) = request.into_parts();
        let origin = head.headers.get(header::ORIGIN);
        if head.method == Method::OPTIONS {
            let mut leave = answer::empty(StatusCode::OK);
            self.cors.preflight(origin, leave.headers_mut());
            return leave;
        }
        let mut answer = match self.all.iter().find(|route| route.path == head.uri.path()) {
            Some(route) => self.watched(route, peer, &head, body).await,
            None => answer::error(StatusCode::NOT_FOUND, "not_found", "there is nothing here"),
        };
        self.cors.open(origin, answer.headers_mut());
        if head.method == Method::HEAD { without_body(answer) } else { answer }
    }

    /// Answers, counts, and logs where that is wished.
    async fn watched(&self, route: &Route, peer: IpAddr, head: &Parts, body: Incoming) -> Response {
        let start = Instant::now();
        let entry = self.edge.access_log.as_ref().and_then(|log| log.begin(peer, head));
        let answer = self.at(route, peer, head, body).await;
        let took = start.elapsed();
        route.count(answer.status(), took);
        if let Some(entry) = entry {
            entry.end(route.name, answer.status(), took);
        }
        answer
    }

    async fn at(&self, route: &Route, peer: IpAddr, head: &Parts, body: Incoming) -> Response {
        let methods = route.what.methods();
        if !methods.split(',').any(|method| method == head.method.as_str()) {
            return wrong_method(methods);
        }
        match route.what {
            What::Collect => collect(&self.edge, peer, head, body).await,
            What::Pixel => pixel(&self.edge, peer, head).await,
            What::WebEvents => web_event(&self.edge, peer, head, body).await,
            What::Tracker => self.tracker.answer(&head.headers),
            What::OpenApi => answer::whole(StatusCode::OK, "application/json", self.document.clone()),
            What::Greeting => answer::whole(StatusCode::OK, "text/plain; charset=utf-8", self.greeting.clone()),
        }
    }
}

impl Route {
    /// What stands at a path, which is usually the one that it is named after.
    fn new(what: What, name: &'static str, path: &str) -> Self {
        let taken = metrics::counter!(HTTP_REQUESTS, "route" => name, "status" => StatusCode::OK.as_str());
        let seconds = metrics::histogram!(HTTP_SECONDS, "route" => name);
        Self { path: path.to_owned(), what, name, taken, seconds }
    }

    /// Most requests are taken, and their handles are kept: to find one by its labels costs more than to count.
    fn count(&self, status: StatusCode, took: Duration) {
        match status {
            StatusCode::OK => self.taken.increment(1),
            _ => metrics::counter!(HTTP_REQUESTS, "route" => self.name, "status" => status.as_str().to_owned())
                .increment(1),
        }
        self.seconds.record(took);
    }
}

impl What {
    /// The methods that it takes, as the header `Allow` names them.
    fn methods(self) -> &'static str {
        match self {
            Self::Collect | Self::WebEvents => "POST",
            Self::Pixel | Self::Tracker | Self::OpenApi | Self::Greeting => "GET,HEAD",
        }
    }
}

fn wrong_method(methods: &'static str) -> Response {
    let detail = "this path does not take that method";
    let mut answer = answer::error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    answer
}

/// What HEAD is answered with: as GET would be, and how long that is.
fn without_body(answer: Response) -> Response {
    let length = answer.body().size_hint().exact().filter(|length| *length > 0);
    let mut answer = answer.map(|_| Full::default());
    if let Some(length) = length {
        answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    answer
}
