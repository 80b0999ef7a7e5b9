//! A store that is away for a while.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_servers::{Kind, ObjectServer};
use object_store::memory::InMemory;
use object_store::throttle::{ThrottleConfig, ThrottledStore};

use crate::error::LakeError;
use crate::open::{Access, Lake};
use crate::store::{Put, Store};

async fn open(server: &ObjectServer) -> Store {
    server.make_bucket("clicks");
    let variables = server.variables().into_iter().collect();
    Lake::open_with(&server.lake("clicks", "lake"), Access::Write, &variables).await.unwrap().store
}

/// Nothing may be taken for absent because the bucket is: a chain of batches would begin anew.
#[tokio::test]
async fn a_bucket_that_vanishes_is_an_error_that_may_pass_and_all_is_well_when_it_is_back() {
    let server = ObjectServer::start(Kind::Versitygw);
    let store = open(&server).await;
    store.put_new("a/b", "kept".into()).await.unwrap();
    server.take_away("clicks");
    let errors = [
        store.get("a/b").await.map(|_| ()).unwrap_err(),
        store.find("a/b").await.map(|_| ()).unwrap_err(),
        store.list("a").await.map(|_| ()).unwrap_err(),
        store.folders("a").await.map(|_| ()).unwrap_err(),
        store.put_new("a/c", "new".into()).await.map(|_| ()).unwrap_err(),
    ];
    for error in errors {
        let line = error.to_string();
        assert!(error.may_pass() && line.contains("there is no such bucket (NoSuchBucket)"), "{line}");
    }
    server.give_back("clicks");
    assert_eq!(store.put_new("a/b", "new".into()).await.unwrap(), Put::Standing("kept".into()));
    assert_eq!(store.put_new("a/c", "new".into()).await.unwrap(), Put::Created);
}

#[tokio::test]
async fn a_server_that_is_killed_is_an_error_that_may_pass_and_all_is_well_when_it_is_back() {
    for kind in [Kind::Versitygw, Kind::Minio] {
        let mut server = ObjectServer::start(kind);
        let store = open(&server).await;
        store.put_new("a", "kept".into()).await.unwrap();
        server.kill();
        let error = store.put_new("b", "new".into()).await.unwrap_err();
        let line = error.to_string();
        assert!(error.may_pass() && line.contains("nobody is there: Connection refused"), "{line}");
        server.restart();
        assert_eq!(store.put_new("a", "new".into()).await.unwrap(), Put::Standing("kept".into()));
        assert_eq!(store.put_new("b", "new".into()).await.unwrap(), Put::Created);
    }
}

/// What is begun is tried until it stands: too little time for it would be an outage without end.
#[tokio::test]
async fn a_large_file_has_the_time_that_a_slow_line_takes() {
    let slow = ThrottleConfig { wait_put_per_call: Duration::from_millis(600), ..ThrottleConfig::default() };
    let store = Store::new(Arc::new(ThrottledStore::new(InMemory::new(), slow)), Duration::from_millis(100));
    assert!(matches!(store.put_new("small", "x".into()).await, Err(LakeError::TimedOut { .. })));
    assert_eq!(store.put_new("large", Bytes::from(vec![0; 1 << 20])).await.unwrap(), Put::Created);
}
