//! One server, from its first start to its end.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use guarded_process::{Guard, ports};

use crate::certificate;
use crate::programs::program;
use crate::signed;

/// How long a server may take to start or to stop on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who may come in. They are no secret: the servers listen on the loopback alone.
pub(crate) const ACCESS_KEY: &str = "tributary";
pub(crate) const SECRET_KEY: &str = "tributary-secret";
pub(crate) const REGION: &str = "us-east-1";
/// The account and the key that every Azurite has.
pub(crate) const AZURE_ACCOUNT: &str = "devstoreaccount1";
pub(crate) const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Which program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// S3 over a folder: each object is a file, each bucket a folder.
    Versitygw,
    /// S3, independent of the other one.
    Minio,
    /// Microsoft's emulator of Azure's blobs.
    Azurite,
}

/// A running server. Dropping it kills it and removes its folder; so does the end of the test's process.
#[derive(Debug)]
pub struct ObjectServer {
    kind: Kind,
    guard: Guard,
    port: u16,
    is_secured: bool,
}

impl ObjectServer {
    /// A new, empty server, once it answers.
    ///
    /// # Panics
    /// When the program is missing, or when it does not start; the message ends with its log.
    pub fn start(kind: Kind) -> Self {
        Self::start_at(kind, ports::free())
    }

    /// As [`ObjectServer::start`], on this port.
    ///
    /// # Panics
    /// As [`ObjectServer::start`].
    pub fn start_at(kind: Kind, port: u16) -> Self {
        let folder = new_folder();
        let (command, environment) = command(kind, port, &folder);
        let mut server = Self { kind, guard: Guard::new(folder, &command, &environment), port, is_secured: false };
        server.guard.start();
        server.wait_until_started();
        server
    }

    /// A new versitygw that speaks TLS alone, with a certificate that [`ObjectServer::variables`] name.
    ///
    /// # Panics
    /// As [`ObjectServer::start`].
    pub fn start_secured() -> Self {
        let (folder, port) = (new_folder(), ports::free());
        certificate::write(&folder);
        let (mut command, environment) = command(Kind::Versitygw, port, &folder);
        let files = [folder.join("certificate.pem"), folder.join("key.pem")].map(PathBuf::into_os_string);
        for (flag, file) in ["--cert", "--key"].into_iter().zip(files) {
            command.splice(1..1, [flag.into(), file]);
        }
        let guard = Guard::new(folder, &command, &environment);
        let mut server = Self { kind: Kind::Versitygw, guard, port, is_secured: true };
        server.guard.start();
        server.wait_until_started();
        server
    }

    fn wait_until_started(&mut self) {
        let began = Instant::now();
        while !self.answers() {
            let ended = self.guard.wait(Duration::from_millis(20));
            let log = || std::fs::read_to_string(self.guard.folder().join("log")).unwrap_or_default();
            assert!(!ended && began.elapsed() < PATIENCE, "{:?} did not start: {}", self.kind, log());
        }
    }

    /// Whether it answers that it is well.
    fn answers(&self) -> bool {
        if self.is_secured {
            return TcpStream::connect(self.address()).is_ok();
        }
        let (path, status) = match self.kind {
            Kind::Versitygw => ("/health", " 200"),
            Kind::Minio => ("/minio/health/cluster", " 200"),
            // It has no such place; whatever it says, it is there.
            Kind::Azurite => ("/", " 400"),
        };
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(self.address())?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.lines().next().is_some_and(|line| line.contains(status)))
    }

    /// Which program it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it listens. The same for good, restarts included.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The URL of a lake in one of its buckets.
    pub fn lake(&self, bucket: &str, prefix: &str) -> String {
        let scheme = if self.kind == Kind::Azurite { "az" } else { "s3" };
        format!("{scheme}://{bucket}/{prefix}")
    }

    /// The variables by which a client finds it and is let in.
    pub fn variables(&self) -> Vec<(String, String)> {
        self.variables_at(self.address())
    }

    /// As [`ObjectServer::variables`], for a client that comes through something in between.
    pub fn variables_at(&self, address: SocketAddr) -> Vec<(String, String)> {
        let azure = format!("http://{address}/{AZURE_ACCOUNT}");
        let s3 = if self.is_secured { format!("https://{address}") } else { format!("http://{address}") };
        let bundle = if self.is_secured { self.folder().join("certificate.pem") } else { PathBuf::new() };
        let bundle = bundle.display().to_string();
        let variables = match self.kind {
            Kind::Azurite => vec![
                ("AZURE_STORAGE_ACCOUNT_NAME", AZURE_ACCOUNT),
                ("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY),
                ("AZURE_STORAGE_ENDPOINT", &azure),
                ("AZURE_ALLOW_HTTP", "true"),
            ],
            Kind::Versitygw | Kind::Minio => vec![
                ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
                ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
                ("AWS_REGION", REGION),
                ("AWS_ENDPOINT_URL", &s3),
                ("AWS_ALLOW_HTTP", if self.is_secured { "false" } else { "true" }),
                ("AWS_CA_BUNDLE", &bundle),
            ],
        };
        let variables = variables.into_iter().filter(|(_, value)| !value.is_empty());
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Makes a bucket, or on Azurite a container.
    ///
    /// # Panics
    /// When the server refuses it.
    pub fn make_bucket(&self, name: &str) {
        if self.is_secured {
            return std::fs::create_dir(self.data().join(name)).expect("a bucket is a folder");
        }
        let mut answer = signed::put_bucket(self, name);
        let began = Instant::now();
        // One that has just started may still be busy with itself.
        while answer.contains(" 503 ") && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(100));
            answer = signed::put_bucket(self, name);
        }
        assert!(answer.contains(" 200 ") || answer.contains(" 201 "), "{:?} makes no bucket: {answer}", self.kind);
    }

    /// Takes a bucket away with all that is in it, until [`ObjectServer::give_back`]. On versitygw alone, where it is a
    /// folder.
    ///
    /// # Panics
    /// When there is no such bucket.
    pub fn take_away(&self, bucket: &str) {
        std::fs::rename(self.data().join(bucket), self.folder().join(bucket)).expect("the bucket is a folder");
    }

    /// Gives a bucket back that was taken away.
    ///
    /// # Panics
    /// When it was not.
    pub fn give_back(&self, bucket: &str) {
        std::fs::rename(self.folder().join(bucket), self.data().join(bucket)).expect("the bucket was taken away");
    }

    /// Where its data lies; on versitygw each object is a file there.
    pub fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// Its folder: `data` and `log`. Removed with the server.
    pub fn folder(&self) -> &Path {
        self.guard.folder()
    }

    /// SIGKILL: the process is gone when this returns. Does nothing where none runs.
    pub fn kill(&mut self) {
        if self.guard.pid().is_some() {
            self.guard.signal("KILL");
            assert!(self.guard.wait(PATIENCE), "the kernel does not end the server");
        }
    }

    /// SIGSTOP: it keeps its connections and answers nothing.
    pub fn pause(&self) {
        self.guard.signal("STOP");
    }

    /// SIGCONT: it goes on after [`ObjectServer::pause`].
    pub fn resume(&self) {
        self.guard.signal("CONT");
    }

    /// Starts it again on its port and its data, once it answers; one that still runs is killed first.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.kill();
        self.guard.start();
        self.wait_until_started();
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.guard.pid()
    }
}

fn new_folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("tributary-store-").tempdir().expect("a temporary folder").keep();
    std::fs::create_dir(folder.join("data")).expect("a folder to write to");
    folder
}

/// The command of a server, and the variables that it needs besides ours.
fn command(kind: Kind, port: u16, folder: &Path) -> (Vec<OsString>, Vec<(String, String)>) {
    let data = folder.join("data").into_os_string();
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let address = format!("127.0.0.1:{port}");
    let mut command = Vec::new();
    let mut environment = Vec::new();
    match kind {
        Kind::Versitygw => {
            command.push(program("versitygw").into_os_string());
            command.extend(words(&["--port", &address, "--access", ACCESS_KEY, "--secret", SECRET_KEY]));
            command.extend(words(&["--health", "/health", "--keep-alive", "--quiet", "posix"]));
            command.push(data);
        }
        Kind::Minio => {
            command.push(program("minio").into_os_string());
            command.extend(words(&["server", "--quiet", "--address", &address]));
            command.push(data);
            let settings = [
                ("MINIO_ROOT_USER", ACCESS_KEY),
                ("MINIO_ROOT_PASSWORD", SECRET_KEY),
                ("MINIO_BROWSER", "off"),
                ("MINIO_UPDATE", "off"),
            ];
            environment.extend(settings.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        Kind::Azurite => {
            command.push("node".into());
            command.push(program("azurite").join("node_modules/azurite/dist/src/blob/main.js").into_os_string());
            let port = port.to_string();
            // The newest versions of the protocol come before the emulator knows them.
            command.extend(words(&["--blobPort", &port, "--silent", "--disableTelemetry", "--skipApiVersionCheck"]));
            command.push("--location".into());
            command.push(data);
        }
    }
    (command, environment)
}
