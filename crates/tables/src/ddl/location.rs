//! Where a lake lies, as its readers see it.

/// Where a lake lies. Without a slash at the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Location {
    /// A folder, by its absolute path.
    Folder(String),
    /// Amazon S3 or a store that speaks like it: bucket and prefix.
    S3(String),
    /// Google Cloud Storage: bucket and prefix.
    Gcs(String),
    /// Azure Blob Storage.
    Azure {
        /// Container and prefix.
        place: String,
        /// The account's host, `account.dfs.core.windows.net`, where the URL names it.
        host: Option<String>,
    },
}

/// A URL that names no store that is known.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no absolute path, and no URL of s3://, gs://, az:// or abfss://")]
pub struct UnknownLocation(String);

impl std::str::FromStr for Location {
    type Err = UnknownLocation;

    fn from_str(text: &str) -> Result<Self, UnknownLocation> {
        let unknown = || UnknownLocation(text.to_owned());
        let Some((scheme, place)) = text.split_once("://") else {
            return if text.starts_with('/') { Ok(Self::Folder(trimmed(text))) } else { Err(unknown()) };
        };
        match scheme {
            "s3" | "s3a" => Ok(Self::S3(trimmed(place))),
            "gs" => Ok(Self::Gcs(trimmed(place))),
            "az" => Ok(Self::Azure { place: trimmed(place), host: None }),
            "abfs" | "abfss" => abfs(place).ok_or_else(unknown),
            _ => Err(unknown()),
        }
    }
}

/// `container@account.dfs.core.windows.net/prefix`, or `container/prefix`.
fn abfs(place: &str) -> Option<Location> {
    let (authority, prefix) = place.split_once('/').unwrap_or((place, ""));
    let (container, host) = match authority.split_once('@') {
        Some((container, host)) if !container.contains(':') => (container, Some(host.to_owned())),
        Some(_) => return None,
        None => (authority, None),
    };
    Some(Location::Azure { place: trimmed(&format!("{container}/{prefix}")), host })
}

fn trimmed(place: &str) -> String {
    place.trim_end_matches('/').to_owned()
}

impl Location {
    /// The lake as a person would name it: the path, or the URL.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Folder(path) => path.clone(),
            Self::S3(place) => format!("s3://{place}"),
            Self::Gcs(place) => format!("gs://{place}"),
            Self::Azure { place, .. } => format!("az://{place}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lake_is_named_by_path_or_url() {
        let of = |text: &str| text.parse::<Location>();
        assert_eq!(of("/data/lake/"), Ok(Location::Folder("/data/lake".to_owned())));
        assert_eq!(of("s3://bucket/a/b/"), Ok(Location::S3("bucket/a/b".to_owned())));
        assert_eq!(of("s3a://bucket"), Ok(Location::S3("bucket".to_owned())));
        assert_eq!(of("gs://bucket/a"), Ok(Location::Gcs("bucket/a".to_owned())));
        let azure = |host: Option<&str>| Location::Azure { place: "box/a".to_owned(), host: host.map(str::to_owned) };
        assert_eq!(of("az://box/a"), Ok(azure(None)));
        assert_eq!(of("abfss://box@me.dfs.core.windows.net/a/"), Ok(azure(Some("me.dfs.core.windows.net"))));
        for unknown in ["data/lake", "ftp://host/a", "abfss://me:secret@host/a", ""] {
            assert_eq!(of(unknown), Err(UnknownLocation(unknown.to_owned())));
        }
    }
}
