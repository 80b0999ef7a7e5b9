//! Something between clients and a broker that lets through what it is told to, request by request.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The numbers of requests: the one that brings records,
const PRODUCE: i16 = 0;

/// the one by which a member joins a group,
const JOIN_GROUP: i16 = 11;

/// and the one by which a transaction commits positions.
const TXN_OFFSET_COMMIT: i16 = 28;

/// Those of which a step is made, in whatever way: records, positions with and without a transaction, the transaction's own.
const OF_STEPS: [i16; 6] = [PRODUCE, 8, 24, 25, 26, TXN_OFFSET_COMMIT];

/// Passes requests on from a port of its own. Ends with the process.
pub(crate) struct Proxy {
    listener: TcpListener,
    rules: Arc<Rules>,
}

/// What is done to whom.
#[derive(Default)]
struct Rules {
    swallows_records: AtomicBool,
    /// The client whose joins are not answered.
    keeps_waiting: Mutex<Option<String>>,
    hangs_up_on_positions: AtomicBool,
    /// Clients that die, and how many requests of steps they have left.
    mortal: Mutex<BTreeMap<String, u32>>,
    dead: Mutex<BTreeSet<String>>,
    /// Whether nobody is let in any more.
    is_shut: AtomicBool,
}

impl Proxy {
    /// On a free port; nobody is served yet.
    pub(crate) fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").unwrap(), rules: Arc::default() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Passes on to the broker from now on.
    pub(crate) fn serve(&self, broker: String) {
        let (listener, rules) = (self.listener.try_clone().unwrap(), self.rules.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if rules.is_shut.load(Ordering::Acquire) {
                    continue;
                }
                let Ok(broker) = TcpStream::connect(&broker) else { continue };
                let connection = Arc::new(Connection {
                    client,
                    broker,
                    rules: rules.clone(),
                    held: Mutex::default(),
                    last: Mutex::default(),
                });
                let answering = connection.clone();
                std::thread::spawn(move || connection.requests());
                std::thread::spawn(move || answering.answers());
            }
        });
    }

    /// Whether requests that bring records are swallowed: they get no answer, and their connection stays.
    pub(crate) fn swallow_records(&self, swallows: bool) {
        self.rules.swallows_records.store(swallows, Ordering::Release);
    }

    /// Keeps back what the broker answers to this client's joins, as long as it is named here.
    pub(crate) fn keep_waiting(&self, client: Option<&str>) {
        *self.rules.keeps_waiting.lock().unwrap() = client.map(str::to_owned);
    }

    /// Cuts the connection on which a transaction commits positions, and lets nobody in from then on; or lets all in again.
    pub(crate) fn hang_up_on_positions(&self, hangs_up: bool) {
        self.rules.hangs_up_on_positions.store(hangs_up, Ordering::Release);
        self.rules.is_shut.store(false, Ordering::Release);
    }

    /// Lets a client die with the n-th request of a step that it makes from now on: the broker does what it asks for, no answer
    /// comes back, and nothing of that client is passed on any more.
    pub(crate) fn let_die(&self, client: &str, requests: u32) {
        self.rules.mortal.lock().unwrap().insert(client.to_owned(), requests);
    }

    pub(crate) fn is_dead(&self, client: &str) -> bool {
        self.rules.dead.lock().unwrap().contains(client)
    }

    /// Whether it has hung up on positions.
    pub(crate) fn has_hung_up(&self) -> bool {
        self.rules.is_shut.load(Ordering::Acquire)
    }
}

/// What becomes of a request.
enum Fate {
    Lives,
    /// It is passed on, and the last of this client.
    Asks(String),
    /// The last one of this client has not been answered yet.
    IsSilent,
    IsDead,
}

struct Connection {
    client: TcpStream,
    broker: TcpStream,
    rules: Arc<Rules>,
    /// Requests whose answers wait, by their numbers on this connection.
    held: Mutex<BTreeSet<[u8; 4]>>,
    /// The client's last request and its name, if that came on this connection.
    last: Mutex<Option<([u8; 4], String)>>,
}

impl Connection {
    /// Each is its kind, a version, its number on the connection, and the client's name.
    fn requests(&self) {
        while let Some(request) = frame(&self.client) {
            let kind = i16::from_be_bytes([request[0], request[1]]);
            let number: [u8; 4] = request[4..8].try_into().unwrap();
            match self.fate(kind, &request) {
                Fate::Lives => {}
                Fate::Asks(client) => *self.last.lock().unwrap() = Some((number, client)),
                Fate::IsSilent => continue,
                Fate::IsDead => break,
            }
            if kind == PRODUCE && self.rules.swallows_records.load(Ordering::Acquire) {
                continue;
            }
            if kind == TXN_OFFSET_COMMIT && self.rules.hangs_up_on_positions.load(Ordering::Acquire) {
                self.rules.is_shut.store(true, Ordering::Release);
                break;
            }
            let named = self.rules.keeps_waiting.lock().unwrap().clone();
            if kind == JOIN_GROUP && named.is_some_and(|name| request[10..].starts_with(name.as_bytes())) {
                self.held.lock().unwrap().insert(number);
            }
            if !pass(&self.broker, &request) {
                break;
            }
        }
        self.hang_up();
    }

    /// What becomes of a request, by who makes it.
    fn fate(&self, kind: i16, request: &[u8]) -> Fate {
        let length = usize::from(u16::from_be_bytes([request[8], request[9]]));
        let name = String::from_utf8_lossy(request.get(10..10 + length).unwrap_or_default()).into_owned();
        if self.rules.dead.lock().unwrap().contains(&name) {
            return Fate::IsDead;
        }
        let mut mortal = self.rules.mortal.lock().unwrap();
        let Some(left) = mortal.get_mut(&name).filter(|_| OF_STEPS.contains(&kind)) else { return Fate::Lives };
        if *left == 0 {
            return Fate::IsSilent;
        }
        *left -= 1;
        if *left == 0 { Fate::Asks(name) } else { Fate::Lives }
    }

    /// Each begins with the number of its request.
    fn answers(&self) {
        while let Some(answer) = frame(&self.broker) {
            if let Some((_, client)) = self.last.lock().unwrap().as_ref().filter(|(number, _)| answer[..4] == *number) {
                self.rules.dead.lock().unwrap().insert(client.clone());
                break;
            }
            let is_held = self.held.lock().unwrap().remove(&answer[..4]);
            while is_held && self.rules.keeps_waiting.lock().unwrap().is_some() {
                std::thread::sleep(Duration::from_millis(10));
            }
            if !pass(&self.client, &answer) {
                break;
            }
        }
        self.hang_up();
    }

    fn hang_up(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.broker.shutdown(Shutdown::Both);
    }
}

/// What comes behind its length in four bytes; `None` at the end.
fn frame(mut from: &TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).ok()?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    from.read_exact(&mut frame).ok()?;
    Some(frame)
}

fn pass(mut to: &TcpStream, frame: &[u8]) -> bool {
    to.write_all(&[&(frame.len() as u32).to_be_bytes(), frame].concat()).is_ok()
}
