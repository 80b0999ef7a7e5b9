//! What a lake's name says: a folder, or a bucket and a prefix in it. Pure.

use std::path::PathBuf;

use object_store::path::Path;
use url::Url;

/// Where a lake lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket.
    Bucket(Bucket),
}

/// A bucket of a cloud, and where in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Bucket {
    pub(crate) cloud: Cloud,
    /// On Azure it is called a container.
    pub(crate) name: String,
    /// What every object's name begins with; may be empty.
    pub(crate) prefix: Path,
    /// Azure's account, where the name says it: `abfss://container@account.dfs.core.windows.net/`.
    pub(crate) account: Option<Account>,
}

/// Whose bucket it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cloud {
    /// Amazon's, and all who speak as it does.
    S3,
    /// Google's.
    Google,
    /// Microsoft's.
    Azure,
}

/// An account of Azure's, and where its blobs are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) endpoint: String,
}

impl Place {
    /// Reads a path or a URL.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("name a path or a URL".to_owned());
        }
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(Self::Folder(PathBuf::from(text))) };
        let cloud = match scheme {
            "file" => return file_url(text).map(Self::Folder),
            "s3" | "s3a" => Cloud::S3,
            "gs" => Cloud::Google,
            "az" | "abfs" | "abfss" => Cloud::Azure,
            _ => return Err(format!("`{scheme}://` is no kind of store: name a path, file://, s3://, gs:// or az://")),
        };
        if rest.contains(['?', '#']) {
            return Err("settings do not belong in the URL: give them as environment variables".to_owned());
        }
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let (name, account) = match host.split_once('@') {
            None => (host, None),
            Some((container, host)) if scheme.starts_with("abfs") && !container.contains(':') => {
                (container, Some(account(host)?))
            }
            Some(_) => return Err("a login does not belong in the URL: give it as environment variables".to_owned()),
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'$');
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err(format!("`{name}` is no bucket: write {scheme}://BUCKET/PREFIX"));
        }
        let prefix = Path::parse(prefix.trim_end_matches('/')).map_err(|error| format!("the prefix: {error}"))?;
        Ok(Self::Bucket(Bucket { cloud, name: name.to_owned(), prefix, account }))
    }
}

fn file_url(text: &str) -> Result<PathBuf, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    url.to_file_path().map_err(|()| "write file:///absolute/path".to_owned())
}

/// `account.dfs.core.windows.net`, or the like in another of Azure's clouds.
fn account(host: &str) -> Result<Account, String> {
    let mut labels = host.splitn(3, '.');
    match (labels.next(), labels.next(), labels.next()) {
        (Some(name), Some("dfs" | "blob"), Some(rest)) if !name.is_empty() && rest.starts_with("core.") => {
            Ok(Account { name: name.to_owned(), endpoint: format!("https://{name}.blob.{rest}") })
        }
        _ => Err("write abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX, or az://CONTAINER/PREFIX".to_owned()),
    }
}

/// Whether two names, as [`Lake::open`](crate::Lake::open) takes them, are of one place for certain. A bucket may have further
/// names that nobody here can know.
pub fn is_same_place(one: &str, other: &str) -> bool {
    match (Place::parse(one), Place::parse(other)) {
        (Ok(Place::Folder(one)), Ok(Place::Folder(other))) => {
            let [one, other] = [one, other].map(|folder| folder.canonicalize().unwrap_or(folder));
            one == other
        }
        (one, other) => one.is_ok() && one == other,
    }
}

/// A lake's name as it may be shown: without what people put into URLs although it is secret.
pub(crate) fn shown(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let host = match host.rsplit_once('@') {
        Some((user, host)) if !scheme.starts_with("abfs") || user.contains(':') => format!("…@{host}"),
        _ => host.to_owned(),
    };
    path.map_or_else(|| format!("{scheme}://{host}"), |path| format!("{scheme}://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(text: &str) -> (Cloud, String, String) {
        match Place::parse(text) {
            Ok(Place::Bucket(bucket)) => (bucket.cloud, bucket.name, bucket.prefix.to_string()),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_path_or_a_file_url_is_a_folder() {
        assert_eq!(Place::parse("data/lake"), Ok(Place::Folder("data/lake".into())));
        assert_eq!(Place::parse("file:///a%20b/lake"), Ok(Place::Folder("/a b/lake".into())));
    }

    #[test]
    fn a_url_is_a_bucket_and_a_prefix() {
        let is = |cloud, name: &str, prefix: &str| (cloud, name.to_owned(), prefix.to_owned());
        assert_eq!(bucket("s3://clicks/lake/a"), is(Cloud::S3, "clicks", "lake/a"));
        assert_eq!(bucket("s3a://clicks/lake/"), is(Cloud::S3, "clicks", "lake"));
        assert_eq!(bucket("s3://my.clicks"), is(Cloud::S3, "my.clicks", ""));
        assert_eq!(bucket("gs://clicks/"), is(Cloud::Google, "clicks", ""));
        assert_eq!(bucket("az://clicks/lake"), is(Cloud::Azure, "clicks", "lake"));
        let Ok(Place::Bucket(named)) = Place::parse("abfss://clicks@acme.dfs.core.windows.net/lake") else { panic!() };
        let account = Account { name: "acme".into(), endpoint: "https://acme.blob.core.windows.net".into() };
        assert_eq!((named.name.as_str(), named.account), ("clicks", Some(account)));
    }

    #[test]
    fn one_place_has_many_names() {
        let dir = tempfile::tempdir().unwrap();
        let (lake, path) = (dir.path().join("lake"), |name: &str| dir.path().join(name).display().to_string());
        std::fs::create_dir(lake).unwrap();
        assert!(is_same_place(&path("lake"), &path("lake/../lake/")));
        assert!(is_same_place(&path("lake"), &format!("file://{}", path("lake"))));
        assert!(!is_same_place(&path("lake"), &path("lake2")));
        assert!(is_same_place("s3://clicks/a", "s3a://clicks/a/"));
        assert!(!is_same_place("s3://clicks/a", "s3://clicks/b") && !is_same_place("s3://clicks/a", "gs://clicks/a"));
        assert!(!is_same_place("ftp://a", "ftp://a"));
    }

    #[test]
    fn what_is_no_place_is_refused_and_no_secret_is_shown() {
        for text in [
            "",
            "ftp://host/x",
            "file://host/x",
            "s3://",
            "s3:///prefix",
            "s3://a b/x",
            "s3://bucket/a//b",
            "s3://bucket/../x",
            "s3://AKIA:hunter2@bucket/x",
            "az://container/x?sig=hunter2",
            "abfss://container@acme/x",
            "abfss://container:hunter2@acme.dfs.core.windows.net/x",
        ] {
            let why = Place::parse(text).unwrap_err();
            let line = format!("{}: {why}", shown(text));
            assert!(!line.contains('\n') && !line.contains("hunter2") && !line.contains("AKIA"), "{line}");
        }
    }
}
