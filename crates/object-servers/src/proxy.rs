//! What stands between a client and a server, and lets things go wrong by a plan.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::fault::{Asked, Fault, Plan};
use crate::forward::{Broken, forward, forward_half};
use crate::google;
use crate::server::ObjectServer;

/// A proxy for HTTP/1.1 on a port of 127.0.0.1. Dropping it breaks every connection.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    /// Always there; dropped by hand, since a runtime may not wait within another one.
    runtime: Option<Runtime>,
}

#[derive(Debug)]
struct State {
    server: SocketAddr,
    speaks_google: bool,
    plan: Mutex<Plan>,
    /// Who gets which signal with the next fault.
    victim: Mutex<Option<(u32, &'static str)>>,
    /// How many signals were sent.
    strikes: AtomicUsize,
    /// Whether what is held may go on.
    released: watch::Sender<bool>,
    asked: Mutex<Vec<(Asked, Option<Fault>)>>,
}

impl Proxy {
    /// A proxy in front of a server. All goes well until [`Proxy::plan`] says other.
    pub fn to(server: &ObjectServer) -> Self {
        Self::start(server.address(), false)
    }

    /// A proxy that speaks as Google does, in front of a server that speaks S3.
    pub fn google(server: &ObjectServer) -> Self {
        Self::start(server.address(), true)
    }

    fn start(server: SocketAddr, speaks_google: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a machine has threads");
        let (plan, victim, asked) = (Mutex::new(Plan::none()), Mutex::default(), Mutex::default());
        let released = watch::channel(true).0;
        let state =
            Arc::new(State { server, speaks_google, plan, victim, strikes: AtomicUsize::new(0), released, asked });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a machine has a free port");
        let address = listener.local_addr().expect("it is bound");
        listener.set_nonblocking(true).expect("a socket can be that");
        runtime.spawn(accept(listener, Arc::clone(&state)));
        Self { address, state, runtime: Some(runtime) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The variables by which Google's client finds it. There is no login.
    pub fn google_variables(&self) -> Vec<(String, String)> {
        vec![("STORAGE_EMULATOR_HOST".to_owned(), format!("http://{}", self.address))]
    }

    /// What goes wrong from now on.
    pub fn plan(&self, plan: Plan) {
        *self.state.plan.lock().expect("no thread panicked") = plan;
    }

    /// With the next fault this process gets a signal, named without `SIG`: once the server has heard of the request, or
    /// never will, and before the client hears anything.
    pub fn strike(&self, pid: u32, signal: &'static str) {
        *self.state.victim.lock().expect("no thread panicked") = Some((pid, signal));
    }

    /// How many signals were sent so far.
    pub fn strikes(&self) -> usize {
        self.state.strikes.load(Ordering::Relaxed)
    }

    /// Nobody gets a signal any more.
    pub fn spare(&self) {
        *self.state.victim.lock().expect("no thread panicked") = None;
    }

    /// What is held goes on, and so does whatever is held from now on, until the next [`Proxy::hold`].
    pub fn release(&self) {
        self.state.released.send_replace(true);
    }

    /// What is held from now on waits for a [`Proxy::release`].
    pub fn hold(&self) {
        self.state.released.send_replace(false);
    }

    /// What was asked so far, and what went wrong with it; forgotten with this call.
    pub fn asked(&self) -> Vec<(Asked, Option<Fault>)> {
        std::mem::take(&mut self.state.asked.lock().expect("no thread panicked"))
    }

    /// How often something went wrong so far, by [`Proxy::asked`].
    pub fn faults(&self) -> usize {
        self.asked().iter().filter(|(_, fault)| fault.is_some()).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

async fn accept(listener: std::net::TcpListener, state: Arc<State>) {
    let listener = TcpListener::from_std(listener).expect("it does not block");
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let serve = service_fn(move |request| answer(Arc::clone(&state), request));
            // A connection that breaks is what this is for.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await;
        });
    }
}

/// Between the first half of an answer and the break.
const UNTIL_THE_BREAK: Duration = Duration::from_millis(20);

type Body = BoxBody<Bytes, Broken>;

/// The answer to one request; an error breaks the client's connection.
async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let asked = Asked { method: parts.method.to_string(), path };
    let request = Request::from_parts(parts, body.collect().await?.to_bytes());
    let fault = state.plan.lock().expect("no thread panicked").fault(&asked);
    state.asked.lock().expect("no thread panicked").push((asked, fault));
    let Some(fault) = fault else { return Ok(whole(state.ask(request).await?)) };
    // A task of its own: what happens to the request goes on when the client's connection is gone, and this with it.
    tokio::spawn(befall(state, request, fault)).await?
}

/// What happens to a request that goes wrong.
async fn befall(state: Arc<State>, request: Request<Bytes>, fault: Fault) -> Result<Response<Body>, Broken> {
    match fault {
        Fault::Lose | Fault::Refuse(..) | Fault::Hang => {
            state.strike().await;
            without_an_answer(fault).await
        }
        Fault::CutRequest => {
            let request = if state.speaks_google { google::to_s3(state.server, request) } else { request };
            forward_half(state.server, request).await?;
            state.strike().await;
            without_an_answer(fault).await
        }
        Fault::DropAnswer | Fault::ActAndRefuse(..) | Fault::ActAndHang => {
            state.ask(request).await?;
            state.strike().await;
            without_an_answer(fault).await
        }
        Fault::CutAnswer => {
            let answer = state.ask(request).await?;
            state.strike().await;
            half(answer)
        }
        Fault::Hold => {
            state.strike().await;
            state.wait_for_release().await;
            Ok(whole(state.ask(request).await?))
        }
        Fault::ActAndHold => {
            let answer = state.ask(request).await?;
            state.strike().await;
            state.wait_for_release().await;
            Ok(whole(answer))
        }
    }
}

/// What the client hears where nothing of the server's answer reaches it.
async fn without_an_answer(fault: Fault) -> Result<Response<Body>, Broken> {
    match fault {
        Fault::Refuse(status, code) | Fault::ActAndRefuse(status, code) => Ok(refusal(status, code)),
        Fault::Hang | Fault::ActAndHang => futures::future::pending().await,
        _ => Err("the connection breaks".into()),
    }
}

impl State {
    /// Sends the signal that goes with a fault.
    async fn strike(&self) {
        let Some((pid, signal)) = self.victim.lock().expect("no thread panicked").take() else { return };
        let kill = move || Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status();
        let sent = tokio::task::spawn_blocking(kill).await.expect("`kill` does not panic");
        assert!(sent.is_ok_and(|sent| sent.success()), "process {pid} takes no SIG{signal}");
        self.strikes.fetch_add(1, Ordering::Relaxed);
    }

    async fn wait_for_release(&self) {
        let _ = self.released.subscribe().wait_for(|released| *released).await;
    }

    async fn ask(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Broken> {
        if !self.speaks_google {
            return forward(self.server, request).await;
        }
        Ok(google::from_s3(forward(self.server, google::to_s3(self.server, request)).await?))
    }
}

fn whole(answer: Response<Bytes>) -> Response<Body> {
    answer.map(|body| Full::new(body).map_err(|never| match never {}).boxed())
}

/// The head as it is, half of the body, then a break.
fn half(answer: Response<Bytes>) -> Result<Response<Body>, Broken> {
    let (mut parts, body) = answer.into_parts();
    if body.is_empty() {
        return Err("there is no body to cut".into());
    }
    parts.headers.insert(CONTENT_LENGTH, body.len().into());
    let beginning = Ok(Frame::data(body.slice(..body.len() / 2)));
    // What comes before the break must have left when it breaks.
    let the_break = stream::once(async {
        tokio::time::sleep(UNTIL_THE_BREAK).await;
        Err::<_, Broken>("cut".into())
    });
    let body = StreamBody::new(stream::iter([beginning]).chain(the_break));
    Ok(Response::from_parts(parts, BodyExt::boxed(body)))
}

/// An error as S3 words it.
fn refusal(status: u16, code: &str) -> Response<Body> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>the proxy says {code}</Message></Error>"
    );
    let mut answer = Response::new(Bytes::from(text));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status has three digits");
    answer.headers_mut().insert(CONTENT_TYPE, "application/xml".parse().expect("it is a value"));
    whole(answer)
}
