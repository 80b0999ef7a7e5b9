//! Whether a lake holds anything but what one log left there.

use events::LogId;
use futures::TryStreamExt;
use object_store::path::Path;
use tables::{Table, ddl};

use crate::error::LakeError;
use crate::names::{BATCHES, Series};
use crate::open::Lake;
use crate::{complete, probe};

/// Folders of ours that say nothing of hits.
const ASIDE: [&str; 3] = [ddl::FOLDER, complete::LOCKS, probe::FOLDER];

impl Lake {
    /// The first thing found that is not of this log; `None` where it is alone, or nothing is there at all.
    pub async fn others_than(&self, log_id: &LogId) -> Result<Option<String>, LakeError> {
        let listed = self.store.within("list", "", self.store.inner.list_with_delimiter(None)).await?;
        if let Some(object) = listed.objects.first() {
            return Ok(Some(object.location.to_string()));
        }
        for folder in self.store.folders("").await? {
            let is_ours = folder == BATCHES || ASIDE.contains(&&*folder);
            if !is_ours && !Table::ALL.iter().any(|table| table.name() == folder) {
                return Ok(Some(folder));
            }
        }
        for table in Table::ALL {
            if let Some(other) = self.log_ids(table).await?.iter().find(|other| *other != log_id) {
                return Ok(Some(format!("{BATCHES}/{table}/{other}")));
            }
            if let Some(path) = self.other_file(table, log_id).await? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    async fn other_file(&self, table: Table, log_id: &LogId) -> Result<Option<String>, LakeError> {
        let at = Path::from(table.name());
        let mut objects = self.store.inner.list(Some(&at));
        while let Some(object) = self.store.within("list", table.name(), objects.try_next()).await? {
            let path = object.location.to_string();
            let is_its = Series::of_data_file(table, &path).is_some_and(|(series, _)| series.log_id == *log_id);
            if !is_its {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }
}
