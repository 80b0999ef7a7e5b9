//! What a start is told when something is missing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_servers::{Fault, Kind, ObjectServer, Plan, Proxy, fresh_name, shared};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::open::{Access, Lake};
use crate::probe;
use crate::store::Store;
use crate::stores::Variables;

/// The server's variables, with these instead.
fn but(all: Vec<(String, String)>, other: &[(&str, &str)]) -> Variables {
    let other = other.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    all.into_iter().chain(other).collect()
}

async fn refused(place: &str, access: Access, variables: &Variables) -> String {
    let line = Lake::open_with(place, access, variables).await.unwrap_err().to_string();
    assert!(line.starts_with(&format!("cannot open the lake `{place}`: ")) && !line.contains('\n'), "{line}");
    assert!(!line.contains("tributary-secret") && !line.contains("hunter2"), "{line}");
    line
}

#[tokio::test]
async fn what_is_missing_at_a_server_is_named() {
    for (kind, has_regions) in [(Kind::Versitygw, true), (Kind::Minio, false)] {
        let server = shared(kind);
        let bucket = fresh_name("opening");
        server.make_bucket(&bucket);
        let lake = server.lake(&bucket, "lake");
        let with = |other: &[(&str, &str)]| but(server.variables(), other);
        for access in [Access::Write, Access::Read] {
            let absent = refused("s3://absent-bucket/lake", access, &with(&[])).await;
            assert!(absent.contains("there is no such bucket (NoSuchBucket): make it"), "{absent}");
            let unknown = refused(&lake, access, &with(&[("AWS_ACCESS_KEY_ID", "stranger")])).await;
            assert!(unknown.contains("does not know the access key ("), "{unknown}");
            let wrong = refused(&lake, access, &with(&[("AWS_SECRET_ACCESS_KEY", "hunter2")])).await;
            assert!(wrong.contains("does not accept the login (SignatureDoesNotMatch)"), "{wrong}");
            if has_regions {
                let elsewhere = refused(&lake, access, &with(&[("AWS_REGION", "eu-west-7")])).await;
                assert!(elsewhere.contains("another region"), "{elsewhere}");
            }
            let nobody = refused(&lake, access, &with(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:9")])).await;
            assert!(nobody.contains("nobody is there: Connection refused"), "{nobody}");
        }
        Lake::open_with(&lake, Access::Write, &with(&[])).await.unwrap();
    }
}

#[tokio::test]
async fn a_store_with_tls_is_believed_by_its_certificate_alone() {
    let server = ObjectServer::start_secured();
    server.make_bucket("clicks");
    let lake = server.lake("clicks", "lake");
    Lake::open_with(&lake, Access::Write, &but(server.variables(), &[])).await.unwrap();
    let line = refused(&lake, Access::Write, &but(server.variables(), &[("AWS_CA_BUNDLE", "")])).await;
    assert!(line.contains("it is not to be trusted: invalid peer certificate"), "{line}");
    let none = ("AWS_CA_BUNDLE", "/none");
    assert!(refused(&lake, Access::Write, &but(server.variables(), &[none])).await.contains("/none: No such file"));
}

#[tokio::test]
async fn what_is_missing_at_azure_is_named() {
    let server = shared(Kind::Azurite);
    let absent = refused("az://absent/lake", Access::Write, &but(server.variables(), &[])).await;
    assert!(absent.contains("there is no such bucket (ContainerNotFound)"), "{absent}");
    let key = ("AZURE_STORAGE_ACCOUNT_KEY", "aHVudGVyMg==");
    let wrong = refused("az://absent/lake", Access::Read, &but(server.variables(), &[key])).await;
    assert!(wrong.contains("not"), "{wrong}");
}

/// A server behind a proxy that forbids things.
struct Forbidding {
    server: &'static ObjectServer,
    proxy: Proxy,
    lake: String,
}

impl Forbidding {
    fn new() -> Self {
        let server = shared(Kind::Versitygw);
        let bucket = fresh_name("forbidding");
        server.make_bucket(&bucket);
        Self { server, proxy: Proxy::to(server), lake: server.lake(&bucket, "lake") }
    }

    fn variables(&self) -> Variables {
        self.server.variables_at(self.proxy.address()).into_iter().collect()
    }
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let forbidding = Forbidding::new();
    for (method, part, names) in [
        ("PUT", "/lake/_probe/", "not allowed to do this (AccessDenied): give it the right; it could not write."),
        ("GET", "/lake/_probe/", "it could not read."),
        ("GET", "list-type=2", "it could not list."),
        ("DELETE", "/lake/_probe/", "it could not delete."),
    ] {
        forbidding.proxy.plan(Plan::always(Fault::Refuse(403, "AccessDenied")).on(method, part));
        let line = refused(&forbidding.lake, Access::Write, &forbidding.variables()).await;
        assert!(line.contains("AccessDenied") && line.contains(names), "{method}: {line}");
    }
}

#[tokio::test]
async fn who_may_only_read_reads() {
    let forbidding = Forbidding::new();
    forbidding.proxy.plan(Plan::new(|asked| {
        (asked.method != "GET" && asked.method != "HEAD").then_some(Fault::Refuse(403, "AccessDenied"))
    }));
    Lake::open_with(&forbidding.lake, Access::Read, &forbidding.variables()).await.unwrap();
    assert_eq!(forbidding.proxy.faults(), 0);
    refused(&forbidding.lake, Access::Write, &forbidding.variables()).await;
}

#[tokio::test]
async fn a_wrong_clock_is_named() {
    let forbidding = Forbidding::new();
    forbidding.proxy.plan(Plan::always(Fault::Refuse(403, "RequestTimeTooSkewed")));
    let line = refused(&forbidding.lake, Access::Write, &forbidding.variables()).await;
    assert!(line.contains("this machine's clock is not the store's (RequestTimeTooSkewed): set it right"), "{line}");
}

/// The answer to the probe gets lost, as any other may.
#[tokio::test]
async fn a_hiccup_does_not_stop_a_start() {
    let forbidding = Forbidding::new();
    for fault in [Fault::Lose, Fault::DropAnswer, Fault::Refuse(503, "SlowDown")] {
        forbidding.proxy.plan(Plan::first(1, fault));
        Lake::open_with(&forbidding.lake, Access::Write, &forbidding.variables()).await.unwrap();
    }
}

/// A store that takes puts whatever their condition, as some did before they knew If-None-Match, and some still do of
/// If-Match.
#[derive(Debug)]
struct Careless(InMemory, Ignores);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ignores {
    Create,
    Update,
}

#[tokio::test]
async fn a_store_that_ignores_a_condition_is_refused() {
    for (ignores, names) in [(Ignores::Create, "it ignores If-None-Match"), (Ignores::Update, "it ignores If-Match")] {
        let store = Store::new(Arc::new(Careless(InMemory::new(), ignores)), Duration::from_secs(1));
        let line = probe::write(&store, None).await.unwrap_err();
        assert!(line.starts_with(names) && !line.contains('\n'), "{line}");
    }
}

/// As some stores answer: the header is not implemented, or never holds.
#[tokio::test]
async fn a_store_that_knows_no_if_match_is_refused() {
    for (status, code, names) in [
        (501, "NotImplemented", "(NotImplemented)"),
        (400, "InvalidArgument", "(InvalidArgument)"),
        (403, "AccessDenied", "(AccessDenied): give it the right; it could not replace as it was read (If-Match)."),
        (412, "PreconditionFailed", "it takes no If-Match"),
    ] {
        let forbidding = Forbidding::new();
        // The first two puts create, and are told that it stands; the third replaces.
        let mut puts = 0;
        forbidding.proxy.plan(Plan::new(move |asked| {
            puts += usize::from(asked.method == "PUT");
            (asked.method == "PUT" && puts > 2).then_some(Fault::Refuse(status, code))
        }));
        let line = refused(&forbidding.lake, Access::Write, &forbidding.variables()).await;
        assert!(line.contains(names), "{code}: {line}");
    }
}

impl std::fmt::Display for Careless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("careless")
    }
}

#[async_trait]
impl ObjectStore for Careless {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let mode = match (options.mode, self.1) {
            (PutMode::Create, Ignores::Create) | (PutMode::Update(_), Ignores::Update) => PutMode::Overwrite,
            (mode, _) => mode,
        };
        self.0.put_opts(location, payload, PutOptions { mode, ..options }).await
    }

    async fn put_multipart_opts(&self, at: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(location, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}
