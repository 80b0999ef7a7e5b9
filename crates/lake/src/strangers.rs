//! What lies among a table's files and belongs to no chain: whoever globs reads it all the same.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use object_store::ObjectMeta;
use object_store::path::Path;
use tables::Table;

use crate::error::LakeError;
use crate::names::Series;
use crate::open::Lake;

/// Whose files lie in a table's folder.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TableFiles {
    /// The chains that they are of by their names: how many of each, and the first.
    pub chains: BTreeMap<Series, (u64, String)>,
    /// Those that are not named as ours are, and that readers would take for rows.
    pub foreign: Vec<String>,
}

impl Lake {
    /// Lists a table's files by whose they are. Whether a chain stands must be asked afterwards: its first record stands
    /// before its first file does.
    pub async fn table_files(&self, table: Table) -> Result<TableFiles, LakeError> {
        let at = Path::from(table.name());
        let (mut objects, mut found) = (self.store.inner.list(Some(&at)), TableFiles::default());
        while let Some(object) = self.store.within("list", table.name(), objects.try_next()).await? {
            let path = object.location.to_string();
            match Series::of_data_file(table, &path) {
                Some((series, _)) => found.chains.entry(series).or_insert((0, path)).0 += 1,
                None if is_passed_over(&object, &path) => {}
                None => found.foreign.push(path),
            }
        }
        found.foreign.sort_unstable();
        Ok(found)
    }
}

/// Whether no reader takes it for rows: engines pass over names that begin with `_` or `.`, and stores' consoles make
/// folders that are empty objects. A glob of `*.parquet` passes over nothing.
fn is_passed_over(object: &ObjectMeta, path: &str) -> bool {
    let is_aside = path.split('/').any(|name| name.starts_with(['_', '.']));
    !path.ends_with(".parquet") && (is_aside || object.size == 0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use events::LogId;
    use object_store::memory::InMemory;
    use object_store::{ObjectStore, ObjectStoreExt};

    use super::*;

    #[tokio::test]
    async fn what_readers_would_take_for_rows_is_told_from_what_they_pass_over() {
        let store = Arc::new(InMemory::new());
        let ours = |day: u32, partition: u32| format!("hits/date=2026-11-{day}/hits-l1-{partition}-{:020}.parquet", 0);
        let foreign = [
            "hits/_delta_log/00.checkpoint.parquet",
            "hits/copy.parquet",
            "hits/date=2026-11-21/notes.txt",
            "hits/date=2026-11-21/part-0.parquet",
        ];
        let aside = ["hits/_complete.json", "hits/_delta_log/00.json", "hits/date=2026-11-21/_SUCCESS"];
        let files = [ours(21, 0), ours(22, 0), ours(21, 1)];
        for path in foreign.iter().chain(&aside).copied().chain(files.iter().map(String::as_str)) {
            store.put(&Path::from(path), "x".into()).await.unwrap();
        }
        store.put(&Path::from("hits/date=2026-11-23"), "".into()).await.unwrap();
        store.put(&Path::from("late/x.parquet"), "another table's".into()).await.unwrap();

        let found = Lake::over(store as Arc<dyn ObjectStore>).table_files(Table::Hits).await.unwrap();
        assert_eq!(found.foreign, foreign);
        let log_id = LogId::try_from("l1".to_owned()).unwrap();
        let series = |partition| Series { table: Table::Hits, log_id: log_id.clone(), partition };
        let chains = BTreeMap::from([(series(0), (2, ours(21, 0))), (series(1), (1, ours(21, 1)))]);
        assert_eq!(found.chains, chains);
    }
}
