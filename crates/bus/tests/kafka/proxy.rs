//! Something between clients and a broker that lets through what it is told to, request by request.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The number of the request that brings records.
const PRODUCE: i16 = 0;

/// Passes requests on from a port of its own; what it swallows gets no answer, and its connection stays. Ends with the
/// process.
pub(crate) struct Proxy {
    listener: TcpListener,
    swallows_records: Arc<AtomicBool>,
}

impl Proxy {
    /// On a free port; nobody is served yet.
    pub(crate) fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").unwrap(), swallows_records: Arc::default() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Passes on to the broker from now on.
    pub(crate) fn serve(&self, broker: String) {
        let (listener, swallows) = (self.listener.try_clone().unwrap(), self.swallows_records.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(broker) = TcpStream::connect(&broker) else { continue };
                let (mut answers, client_end) = (broker.try_clone().unwrap(), client.try_clone().unwrap());
                let swallows = swallows.clone();
                std::thread::spawn(move || requests(client, broker, &swallows));
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut answers, &mut &client_end);
                    let _ = client_end.shutdown(Shutdown::Both);
                });
            }
        });
    }

    /// Whether requests that bring records are swallowed.
    pub(crate) fn swallow_records(&self, swallows: bool) {
        self.swallows_records.store(swallows, Ordering::Release);
    }
}

/// Each is its length in four bytes, and then its number in two.
fn requests(mut client: TcpStream, mut broker: TcpStream, swallows: &AtomicBool) {
    let mut length = [0; 4];
    while client.read_exact(&mut length).is_ok() {
        let mut request = vec![0; u32::from_be_bytes(length) as usize];
        if client.read_exact(&mut request).is_err() {
            break;
        }
        let is_produce = i16::from_be_bytes([request[0], request[1]]) == PRODUCE;
        if is_produce && swallows.load(Ordering::Acquire) {
            continue;
        }
        if broker.write_all(&[&length[..], &request].concat()).is_err() {
            break;
        }
    }
    let _ = broker.shutdown(Shutdown::Both);
}
