//! What goes wrong on the way: whatever it is, a put that is tried until it is answered has created its object whole, or
//! finds what stands.

use std::time::Duration;

use bytes::Bytes;
use object_servers::{Fault, Kind, Plan, Proxy};

use super::places::{self, Place, behind_a_proxy};
use crate::error::LakeError;
use crate::said::{self, Cause};
use crate::store::{Put, Store};

/// Longer than any call takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// For calls that get no answer.
const HASTE: Duration = Duration::from_millis(1500);

/// The store for a call that meets this fault.
fn facing(fault: Fault, store: &Store) -> Store {
    let hangs = matches!(fault, Fault::Hang | Fault::ActAndHang);
    Store::new(store.inner.clone(), if hangs { HASTE } else { PATIENCE })
}

/// A put that fails in a way that may pass is made again, as the lake-writer does.
async fn put_until_answered(store: &Store, path: &str, bytes: &Bytes) -> (Put, usize) {
    for failures in 0..20 {
        match store.put_new(path, bytes.clone()).await {
            Ok(put) => return (put, failures),
            Err(error) => {
                let line = error.to_string();
                assert!(error.may_pass() && !line.contains('\n'), "{line}");
            }
        }
    }
    panic!("{path} is never answered");
}

/// What comes of a put in each case, and after how many failures of ours, or more where nothing is heard. `None`: either is right.
async fn each_fault(place: &Place) {
    let Place { store, proxy: Some(proxy), .. } = place else { panic!("there is no proxy") };
    let created = Some(true);
    let standing = Some(false);
    for (fault, times, is_created, failures) in [
        (Fault::Lose, 1, created, Some(0)),
        // The trap: the answer is lost, the client tries again, and finds its own object.
        (Fault::DropAnswer, 1, standing, Some(0)),
        (Fault::DropAnswer, 2, standing, Some(0)),
        (Fault::Refuse(503, "SlowDown"), 2, created, Some(0)),
        (Fault::Refuse(500, "InternalError"), 2, created, Some(0)),
        (Fault::ActAndRefuse(500, "InternalError"), 1, standing, Some(0)),
        (Fault::ActAndRefuse(503, "SlowDown"), 1, standing, Some(0)),
        // Another put was on its way and came to nothing: there is no object, and it must be tried again.
        (Fault::Refuse(409, "ConditionalRequestConflict"), 1, created, Some(0)),
        (Fault::Refuse(409, "ConditionalRequestConflict"), 3, created, Some(0)),
        (Fault::ActAndRefuse(409, "ConditionalRequestConflict"), 1, standing, Some(0)),
        (Fault::Refuse(412, "PreconditionFailed"), 1, created, Some(0)),
        (Fault::ActAndRefuse(412, "PreconditionFailed"), 1, standing, Some(0)),
        (Fault::Refuse(409, "ConditionalRequestConflict"), 6, created, Some(1)),
        (Fault::Refuse(503, "SlowDown"), 4, created, Some(1)),
        (Fault::Refuse(403, "RequestTimeTooSkewed"), 1, created, Some(1)),
        (Fault::Hang, 1, created, Some(1)),
        (Fault::ActAndHang, 1, standing, Some(1)),
        (Fault::CutAnswer, 1, None, None),
        (Fault::CutRequest, 1, created, None),
    ] {
        let case = format!("{fault:?} {times} times");
        let path = format!("hits/{}.parquet", case.replace(|c: char| !c.is_alphanumeric(), "-"));
        let bytes = Bytes::from(case.repeat(10_000));
        proxy.plan(Plan::first(times, fault).on("PUT", path.clone()));
        let (put, failed) = put_until_answered(&facing(fault, store), &path, &bytes).await;
        proxy.plan(Plan::none());
        assert!(matches!(&put, Put::Created) || put == Put::Standing(bytes.clone()), "{case}");
        assert!(is_created.is_none_or(|created| created == (put == Put::Created)), "{case}: {:?}", put == Put::Created);
        let hangs = matches!(fault, Fault::Hang | Fault::ActAndHang);
        let is_so = failures.is_none_or(|failures| failed == failures || (hangs && failed > failures));
        assert!(is_so, "{case}: failed {failed} times");
        assert!(store.get(&path).await.unwrap() == bytes, "{case}");
    }
}

#[tokio::test]
async fn each_fault_on_the_way_to_s3() {
    each_fault(&behind_a_proxy(Kind::Versitygw).await).await;
    each_fault(&behind_a_proxy(Kind::Minio).await).await;
}

#[tokio::test]
async fn each_fault_on_the_way_to_google() {
    each_fault(&places::google().await).await;
}

#[tokio::test]
async fn each_fault_on_the_way_to_azure() {
    each_fault(&behind_a_proxy(Kind::Azurite).await).await;
}

/// Two writers put the same objects, with faults of every kind drawn from a seed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_through_a_bad_line_leave_every_object_whole() {
    for seed in 0..3 {
        let place = behind_a_proxy(Kind::Versitygw).await;
        let proxy = place.proxy.as_ref().unwrap();
        proxy.plan(Plan::seeded(seed, 3, &Fault::AT_ONCE));
        let content = |writer: u8, n: usize| Bytes::from(vec![b'a' + writer; 10_000 + n]);
        let writer = |writer: u8| {
            let store = place.store.clone();
            async move {
                let mut puts = Vec::new();
                for n in 0..40 {
                    puts.push(put_until_answered(&store, &format!("hits/{n}"), &content(writer, n)).await.0);
                }
                puts
            }
        };
        let (one, two) = tokio::join!(tokio::spawn(writer(0)), tokio::spawn(writer(1)));
        let faults = faults_of(proxy);
        assert!(faults > 20, "seed {seed}: {faults} faults");
        for (n, (one, two)) in one.unwrap().into_iter().zip(two.unwrap()).enumerate() {
            let stands = place.store.get(&format!("hits/{n}")).await.unwrap();
            assert!(stands == content(0, n) || stands == content(1, n), "seed {seed}, object {n} is a mixture");
            let whose = |writer, put: &Put| match put {
                Put::Created => content(writer, n),
                Put::Standing(bytes) => bytes.clone(),
            };
            assert!(whose(0, &one) == stands && whose(1, &two) == stands, "seed {seed}, object {n}: who sees what");
        }
    }
}

fn faults_of(proxy: &Proxy) -> usize {
    let faults = proxy.faults();
    proxy.plan(Plan::none());
    faults
}

#[tokio::test]
async fn a_read_that_is_cut_is_an_error_that_may_pass_and_never_a_part_of_the_object() {
    let place = behind_a_proxy(Kind::Versitygw).await;
    let (store, proxy) = (&place.store, place.proxy.as_ref().unwrap());
    let bytes = Bytes::from("abc".repeat(100_000));
    store.put_new("hits/a", bytes.clone()).await.unwrap();
    for fault in [Fault::CutAnswer, Fault::DropAnswer, Fault::Hang, Fault::Refuse(500, "InternalError")] {
        proxy.plan(Plan::first(1, fault).on("GET", "hits/a"));
        let read = facing(fault, store).get("hits/a").await;
        match read {
            Ok(read) => assert!(read == bytes, "{fault:?}"),
            Err(error) => assert!(error.may_pass(), "{fault:?}: {error}"),
        }
        assert!(store.get("hits/a").await.unwrap() == bytes, "{fault:?}");
    }
}

#[tokio::test]
async fn a_store_that_stays_busy_is_tried_a_few_times_and_then_given_to_who_waits_longer() {
    let place = behind_a_proxy(Kind::Versitygw).await;
    let (store, proxy) = (&place.store, place.proxy.as_ref().unwrap());
    proxy.asked();
    proxy.plan(Plan::always(Fault::Refuse(503, "SlowDown")));
    let error = store.put_new("hits/a", "rows".into()).await.unwrap_err();
    let LakeError::Store { source, .. } = &error else { panic!("{error}") };
    assert_eq!(said::cause(source), Cause::Busy);
    assert_eq!(error.to_string(), "the lake's store cannot create `hits/a`: it is asked too much (SlowDown)");
    assert_eq!(proxy.asked().len(), 4);
}
