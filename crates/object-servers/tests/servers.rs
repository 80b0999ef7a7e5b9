//! What tests may rely on: servers that start, survive and leave nothing behind, and faults that are what they say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use object_servers::{Fault, Kind, ObjectServer, Plan, Proxy, fresh_name, shared};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{ClientOptions, ObjectStoreExt, RetryConfig};

/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client that tries nothing twice.
fn client(server: &ObjectServer, at: SocketAddr, bucket: &str) -> AmazonS3 {
    client_that_waits(PATIENCE, server, at, bucket)
}

fn client_that_waits(timeout: Duration, server: &ObjectServer, at: SocketAddr, bucket: &str) -> AmazonS3 {
    let settings = server.variables_at(at).into_iter();
    let builder = settings.fold(AmazonS3Builder::new(), |builder, (name, value)| {
        builder.with_config(name.to_lowercase().parse().unwrap(), value)
    });
    let options = ClientOptions::new().with_allow_http(true).with_timeout(timeout);
    let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    builder.with_bucket_name(bucket).with_client_options(options).with_retry(retry).build().unwrap()
}

#[tokio::test]
async fn a_killed_server_comes_back_with_its_data_and_its_port() {
    for kind in [Kind::Versitygw, Kind::Minio] {
        let mut server = ObjectServer::start(kind);
        server.make_bucket("kept");
        let store = client(&server, server.address(), "kept");
        store.put(&Key::from("a"), "before".into()).await.unwrap();
        server.kill();
        assert!(store.get(&Key::from("a")).await.is_err(), "{kind:?}");
        server.restart();
        assert_eq!(store.get(&Key::from("a")).await.unwrap().bytes().await.unwrap(), "before", "{kind:?}");
        let (pid, folder) = (server.pid().unwrap(), server.folder().to_owned());
        drop(server);
        assert!(!folder.exists() && !Path::new(&format!("/proc/{pid}")).exists(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_bucket_that_is_taken_away_comes_back_whole() {
    let server = shared(Kind::Versitygw);
    let bucket = fresh_name("taken");
    server.make_bucket(&bucket);
    let store = client(server, server.address(), &bucket);
    store.put(&Key::from("a/b"), "kept".into()).await.unwrap();
    server.take_away(&bucket);
    let error = store.get(&Key::from("a/b")).await.unwrap_err().to_string();
    assert!(error.contains("NoSuchBucket"), "{error}");
    server.give_back(&bucket);
    assert_eq!(store.get(&Key::from("a/b")).await.unwrap().bytes().await.unwrap(), "kept");
}

/// Each fault, whether the server did what was asked, and whether the client heard of it.
#[tokio::test]
async fn every_fault_is_what_it_says() {
    let server = shared(Kind::Versitygw);
    let bucket = fresh_name("faults");
    server.make_bucket(&bucket);
    let proxy = Proxy::to(server);
    let (through, straight) = (client(server, proxy.address(), &bucket), client(server, server.address(), &bucket));
    // For what is never answered.
    let hasty = client_that_waits(Duration::from_millis(500), server, proxy.address(), &bucket);
    for (fault, acts) in [
        (Fault::Lose, false),
        (Fault::DropAnswer, true),
        (Fault::Refuse(503, "SlowDown"), false),
        (Fault::ActAndRefuse(500, "InternalError"), true),
        (Fault::Hang, false),
        (Fault::ActAndHang, true),
        (Fault::CutRequest, false),
    ] {
        let key = Key::from(format!("{fault:?}"));
        proxy.plan(Plan::always(fault).on("PUT", format!("/{bucket}/")));
        let asking = if matches!(fault, Fault::Hang | Fault::ActAndHang) { &hasty } else { &through };
        let error = asking.put(&key, "some content".into()).await.unwrap_err().to_string();
        if let Fault::Refuse(_, code) | Fault::ActAndRefuse(_, code) = fault {
            assert!(error.contains(code), "{error}");
        }
        let begun = Instant::now();
        // Who does not wait may be gone before the server has done it.
        while fault == Fault::ActAndHang && straight.head(&key).await.is_err() && begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(straight.head(&key).await.is_ok(), acts, "{fault:?}");
        assert_eq!(proxy.faults(), 1, "{fault:?}");
    }
    let key = Key::from("cut");
    straight.put(&key, "twelve bytes".into()).await.unwrap();
    proxy.plan(Plan::nth(1, Fault::CutAnswer));
    assert_eq!(through.get(&key).await.unwrap().bytes().await.unwrap(), "twelve bytes");
    assert!(through.get(&key).await.unwrap().bytes().await.is_err());
    assert_eq!(through.get(&key).await.unwrap().bytes().await.unwrap(), "twelve bytes");
}

#[test]
fn a_server_ends_with_a_process_that_is_killed() {
    let mut owner =
        Command::new(env!("CARGO_BIN_EXE_object-servers")).stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let folder = line.trim_end().strip_suffix(", with").unwrap().rsplit(' ').next().unwrap();
    let folder = Path::new(folder);
    let pid = std::fs::read_to_string(folder.join("pid")).unwrap();
    let is_alive = || Command::new("kill").args(["-0", pid.trim()]).stderr(Stdio::null()).status().unwrap().success();
    assert!(folder.join("data/lake").exists() && is_alive());
    owner.kill().unwrap();
    owner.wait().unwrap();
    let began = Instant::now();
    while folder.exists() || is_alive() {
        assert!(began.elapsed() < PATIENCE, "{line} is left behind");
        std::thread::sleep(Duration::from_millis(20));
    }
}
