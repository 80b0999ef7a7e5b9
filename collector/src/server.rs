//! Connections: taken within a bound, cut when they are slow, finished in an orderly way.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use service::Shutdown;
use service::metrics::HTTP_CONNECTIONS;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::connection::Protocols;
use crate::edge::Edge;
use crate::routes::Routes;
use crate::tls::Tls;

/// How long no connection is taken after one could not be: the machine is out of file descriptors, say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers until the token is cancelled, then drains.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    routes: Arc<Routes>,
    edge: &Edge,
    shutdown: Shutdown,
) {
    let bounds = edge.bounds;
    let protocols = Arc::new(Protocols::new(bounds.read, tls));
    let slots = Arc::new(Semaphore::new(bounds.connections));
    let graceful = GracefulShutdown::new();
    let cut = Shutdown::new();
    edge.standing.listening();

    while let Some((stream, peer, slot)) = next_connection(&listener, &slots, &shutdown).await {
        let connection = protocols.clone().serve(stream, peer, routes.clone(), graceful.watcher(), shutdown.clone());
        let cut = cut.clone();
        tokio::spawn(async move {
            let _slot = slot;
            metrics::gauge!(HTTP_CONNECTIONS).increment(1);
            tokio::select! {
                result = connection => if let Err(error) = result {
                    // Without the peer's address: what may be written of it, its site says.
                    tracing::debug!(%error, "a connection ended badly");
                },
                () = cut.cancelled() => {}
            }
            metrics::gauge!(HTTP_CONNECTIONS).decrement(1);
        });
    }

    edge.standing.draining();
    drop(listener);
    let open = graceful.count();
    if tokio::time::timeout(shutdown.drain(), graceful.shutdown()).await.is_err() {
        tracing::warn!(open, "connections were cut at the end of the drain timeout; their hits were not acknowledged");
        cut.cancel();
    }
}

/// The next connection, or none when it is time to stop. Takes no more than there are slots; others wait in the
/// kernel's queue.
async fn next_connection(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    shutdown: &Shutdown,
) -> Option<(TcpStream, IpAddr, tokio::sync::OwnedSemaphorePermit)> {
    let next = async {
        let slot = slots.clone().acquire_owned().await.expect("the slots are never closed");
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    // Answers are small and whole: waiting for more of them would only cost time.
                    let _ = stream.set_nodelay(true);
                    return (stream, peer.ip(), slot);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => None,
        connection = next => Some(connection),
    }
}
