//! The stores, each empty.

use std::sync::Arc;

use object_servers::{Kind, ObjectServer, Proxy, fresh_name, shared};
use object_store::memory::InMemory;

use crate::open::{Access, Lake};
use crate::store::Store;
use crate::stores::Variables;

/// An empty store, and what must live as long.
pub(super) struct Place {
    pub(super) store: Store,
    /// What stands between us and the server, if anything does.
    pub(super) proxy: Option<Proxy>,
    pub(super) _folder: Option<tempfile::TempDir>,
}

impl Place {
    /// The lake that lies in it.
    pub(super) fn lake(&self) -> Lake {
        let folder = self._folder.as_ref().map(|folder| folder.path().to_owned());
        Lake { store: self.store.clone(), folder, location: None }
    }
}

pub(super) async fn folder() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap(), Access::Write).await.unwrap();
    Place { store: lake.store, proxy: None, _folder: Some(folder) }
}

pub(super) async fn memory() -> Place {
    let store = Lake::over(Arc::new(InMemory::new())).store;
    Place { store, proxy: None, _folder: None }
}

pub(super) async fn versitygw() -> Place {
    direct(Kind::Versitygw).await
}

pub(super) async fn minio() -> Place {
    direct(Kind::Minio).await
}

pub(super) async fn azurite() -> Place {
    direct(Kind::Azurite).await
}

async fn direct(kind: Kind) -> Place {
    let server = shared(kind);
    let store = open(server, &server.variables().into_iter().collect()).await;
    Place { store, proxy: None, _folder: None }
}

/// Google's protocol, with a server behind it that speaks S3.
pub(super) async fn google() -> Place {
    let server = shared(Kind::Versitygw);
    let proxy = Proxy::google(server);
    let bucket = fresh_name("google");
    server.make_bucket(&bucket);
    let variables = proxy.google_variables().into_iter().collect();
    let lake = Lake::open_with(&format!("gs://{bucket}/lake"), Access::Write, &variables).await.unwrap();
    Place { store: lake.store, proxy: Some(proxy), _folder: None }
}

/// A server behind a proxy.
pub(super) async fn behind_a_proxy(kind: Kind) -> Place {
    let server = shared(kind);
    let proxy = Proxy::to(server);
    let store = open(server, &server.variables_at(proxy.address()).into_iter().collect()).await;
    Place { store, proxy: Some(proxy), _folder: None }
}

async fn open(server: &ObjectServer, variables: &Variables) -> Store {
    let bucket = fresh_name("contract");
    server.make_bucket(&bucket);
    Lake::open_with(&server.lake(&bucket, "a/lake"), Access::Write, variables).await.unwrap().store
}
