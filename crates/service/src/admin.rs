//! The admin port: `/live`, `/ready`, `/metrics`. It trusts who asks, and binds to loopback unless told otherwise.

use std::convert::Infallible;
use std::future::IntoFuture;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

use crate::health::Health;
use crate::shutdown::Shutdown;

/// How often histograms are folded.
const UPKEEP: Duration = Duration::from_secs(5);

/// Answers until the token is cancelled. It should be the last to stop, so that a drain can be watched.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    metrics: PrometheusHandle,
    shutdown: Shutdown,
) -> std::io::Result<()> {
    let app = axum::Router::new()
        .route("/live", get(|| async { "ok\n" }))
        .route("/ready", get(ready).with_state(health))
        .route("/metrics", get(render).with_state(metrics.clone()));
    let server = axum::serve(listener, app).with_graceful_shutdown(async move { shutdown.cancelled().await });
    tokio::select! {
        result = server.into_future() => result,
        never = keep_small(metrics) => match never {},
    }
}

/// Folds what histograms have gathered into their buckets, also where nobody ever asks for them: until then every
/// sample is kept (P6).
async fn keep_small(metrics: PrometheusHandle) -> Infallible {
    let mut every = tokio::time::interval(UPKEEP);
    loop {
        every.tick().await;
        metrics.run_upkeep();
    }
}

/// 200 when every part is ready, else 503; the body says what each part waits for.
async fn ready(State(health): State<Health>) -> impl IntoResponse {
    let status = if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let parts = health.report().into_iter();
    let parts = parts.map(|(name, waits_for)| (name, waits_for.unwrap_or_else(|| "ready".to_owned())));
    (status, Json(parts.collect::<std::collections::BTreeMap<_, _>>()))
}

async fn render(State(metrics): State<PrometheusHandle>) -> impl IntoResponse {
    metrics.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::{metrics, telemetry};

    async fn get(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn the_admin_port_tells_life_readiness_and_metrics() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (health, shutdown) = (Health::default(), Shutdown::new());
        let collector = health.register("collector");
        let server =
            tokio::spawn(serve(listener, health.clone(), telemetry::install_metrics().unwrap(), shutdown.clone()));

        assert!(get(address, "/live").await.starts_with("HTTP/1.1 200"));
        let waiting = get(address, "/ready").await;
        assert!(waiting.starts_with("HTTP/1.1 503"), "{waiting}");
        assert!(waiting.ends_with(r#"{"collector":"starting"}"#), "{waiting}");
        collector.ready();
        assert!(get(address, "/ready").await.starts_with("HTTP/1.1 200"));

        ::metrics::counter!(metrics::HITS_REJECTED, "reason" => "invalid_json").increment(3);
        let page = get(address, "/metrics").await;
        assert!(page.contains("# HELP tributary_hits_rejected_total "), "{page}");
        assert!(page.contains(r#"tributary_hits_rejected_total{reason="invalid_json"} 3"#), "{page}");

        shutdown.cancel();
        server.await.unwrap().unwrap();
    }
}
