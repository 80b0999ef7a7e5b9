//! A bucket on a store of its own, and who reads the hits in it.

use std::collections::BTreeSet;

use futures::TryStreamExt;
use object_servers::{Kind, ObjectServer};
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parquet::column::reader::ColumnReader;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::watcher::client;

const BUCKET: &str = "bench";
const PREFIX: &str = "lake";

pub(crate) struct Store {
    pub(crate) server: ObjectServer,
}

/// Reads every file of `hits` once, as soon as a list shows it.
pub(crate) struct Files {
    client: AmazonS3,
    seen: BTreeSet<Path>,
}

impl Store {
    pub(crate) fn start() -> Self {
        let server = ObjectServer::start(Kind::Versitygw);
        server.make_bucket(BUCKET);
        Self { server }
    }

    pub(crate) fn lake(&self) -> String {
        self.server.lake(BUCKET, PREFIX)
    }

    pub(crate) fn files(&self) -> Files {
        Files { client: client(&self.server.variables(), BUCKET), seen: BTreeSet::new() }
    }
}

impl Files {
    /// The ids of the hits in files that are new.
    pub(crate) async fn new_hits(&mut self) -> Vec<String> {
        let listed = self.client.list(Some(&Path::from(format!("{PREFIX}/hits"))));
        let listed: Vec<ObjectMeta> = listed.try_collect().await.unwrap();
        let mut ids = Vec::new();
        for file in listed.into_iter().map(|file| file.location).filter(|path| path.as_ref().ends_with(".parquet")) {
            if self.seen.insert(file.clone()) {
                let bytes = self.client.get(&file).await.unwrap().bytes().await.unwrap();
                ids.extend(hit_ids(&SerializedFileReader::new(bytes).unwrap()));
            }
        }
        ids
    }
}

fn hit_ids(file: &dyn FileReader) -> Vec<String> {
    let columns = file.metadata().file_metadata().schema_descr();
    let at = columns.columns().iter().position(|column| column.name() == "hit_id").unwrap();
    let mut ids = Vec::new();
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group).unwrap();
        let ColumnReader::ByteArrayColumnReader(mut column) = group.get_column_reader(at).unwrap() else {
            panic!("hit_id is a text")
        };
        let rows = group.metadata().num_rows() as usize;
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        column.read_records(rows, Some(&mut levels), None, &mut values).unwrap();
        ids.extend(values.iter().map(|id| id.as_utf8().unwrap().to_owned()));
    }
    ids
}
