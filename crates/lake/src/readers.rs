//! What stands in the lake for its readers: the `_tables/` folder, with SQL that makes the tables readable in each engine
//! that can reach the lake. What it says follows from the schemas and from where the lake lies.

use std::path::Path;

use bytes::Bytes;
use tables::Layout;
use tables::ddl::{Location, reader_files, schema_version};

use crate::error::LakeError;
use crate::open::Lake;

impl Lake {
    /// Brings `_tables/` up to date and gives the paths of what it wrote; nothing where each file stands as it should be,
    /// or where it is not known how readers reach the lake. Several writers may do this at once: they write the same. What a
    /// newer build wrote knows more columns, and stays.
    pub async fn write_reader_files(&self) -> Result<Vec<String>, LakeError> {
        let mut written = Vec::new();
        for file in self.location.iter().flat_map(reader_files) {
            let text = Bytes::from(file.text);
            let standing = self.store.find(&file.path).await?;
            let version = |text: &Bytes| str::from_utf8(text).ok().and_then(schema_version);
            let is_newer = standing.as_ref().and_then(version) > Some(Layout::SCHEMA);
            if !is_newer && standing.as_ref() != Some(&text) {
                self.store.replace(&file.path, text).await?;
                written.push(file.path);
            }
        }
        Ok(written)
    }
}

/// Where readers find a lake that was opened as `place`, in `folder` where it is one of this machine.
pub(crate) fn location(place: &str, folder: Option<&Path>) -> Option<Location> {
    match folder {
        Some(folder) => {
            let absolute = std::path::absolute(folder).ok()?;
            absolute.to_str().and_then(|path| path.parse().ok())
        }
        None => place.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn the_folder_is_written_once_and_mended_when_it_was_changed() {
        let lake = Lake { location: location("s3://bucket/lake", None), ..Lake::over(Arc::new(InMemory::new())) };
        let written = lake.write_reader_files().await.unwrap();
        assert!(written.contains(&"_tables/duckdb.sql".to_owned()), "{written:?}");
        assert_eq!(lake.write_reader_files().await.unwrap(), Vec::<String>::new());

        let text = lake.store.get("_tables/duckdb.sql").await.unwrap();
        assert!(str::from_utf8(&text).unwrap().contains("'s3://bucket/lake/hits/*/*.parquet'"));
        lake.store.replace("_tables/duckdb.sql", Bytes::from_static(b"an older build's")).await.unwrap();
        assert_eq!(lake.write_reader_files().await.unwrap(), ["_tables/duckdb.sql"]);
        assert_eq!(lake.store.get("_tables/duckdb.sql").await.unwrap(), text);
    }

    /// A replay by an old build, or a build that was gone back to: the columns that only the newer one knows stay readable.
    #[tokio::test]
    async fn what_a_newer_build_wrote_stays() {
        let lake = Lake { location: location("s3://bucket/lake", None), ..Lake::over(Arc::new(InMemory::new())) };
        let paths = lake.write_reader_files().await.unwrap();
        for path in &paths {
            let text = lake.store.get(path).await.unwrap();
            let (ours, newer): (String, String) =
                [0, 1].map(|more| format!("schema version {}", Layout::SCHEMA + more)).into();
            let newer = str::from_utf8(&text).unwrap().replace(&ours, &newer);
            assert_ne!(newer, str::from_utf8(&text).unwrap(), "{path}");
            lake.store.replace(path, Bytes::from(newer)).await.unwrap();
        }
        assert_eq!(lake.write_reader_files().await.unwrap(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_store_without_an_address_gets_no_files() {
        let lake = Lake::over(Arc::new(InMemory::new()));
        assert_eq!(lake.write_reader_files().await.unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_lake_is_named_from_the_root_or_by_its_url() {
        let here = std::env::current_dir().unwrap();
        let folder = location("lake", Some(Path::new("lake")));
        assert_eq!(folder, Some(Location::Folder(format!("{}/lake", here.display()))));
        assert_eq!(location("s3://bucket/lake", None), Some(Location::S3("bucket/lake".to_owned())));
    }
}
