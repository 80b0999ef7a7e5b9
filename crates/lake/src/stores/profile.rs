//! The files that `aws configure` writes: `~/.aws/config` and `~/.aws/credentials`.
//!
//! Read here, in these lines, and not by Amazon's own crate: that one is a second client with a second HTTP stack. What it
//! knows beyond this (single sign-on, roles of roles) the `aws` program does for us: see [`Profile::refuse`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Variables;

/// A profile: keys in lower case, values as they are.
#[derive(Debug)]
pub(super) struct Profile {
    name: String,
    keys: BTreeMap<String, String>,
}

/// Keys of which one says how to log in.
const LOGINS: [&str; 8] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "credential_process",
    "role_arn",
    "sso_session",
    "sso_start_url",
    "credential_source",
    "login_session",
];

/// The profile that `AWS_PROFILE` names, else `default`; `None` where nobody named one and there is none.
pub(super) fn find(
    variables: &Variables,
    read: impl Fn(&Path) -> Result<Option<String>, String>,
) -> Result<Option<Profile>, String> {
    let named = variables.get("AWS_PROFILE");
    let name = named.unwrap_or("default");
    let file = |variable, usual: &str| {
        let usual = || Some(PathBuf::from(variables.get("HOME")?).join(usual));
        variables.get(variable).map(PathBuf::from).or_else(usual)
    };
    let mut keys = BTreeMap::new();
    let mut is_there = false;
    // What stands in both is the credentials file's.
    for (path, prefix) in [
        (file("AWS_CONFIG_FILE", ".aws/config"), "profile "),
        (file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"), ""),
    ] {
        let Some(text) = path.as_deref().map(&read).transpose()?.flatten() else { continue };
        is_there |= section(&text, name, prefix, &mut keys);
    }
    match (is_there, named) {
        (true, _) => Ok(Some(Profile { name: name.to_owned(), keys })),
        (false, Some(name)) => Err(format!("AWS_PROFILE: there is no profile `{name}` in the AWS config files")),
        (false, None) => Ok(None),
    }
}

/// Takes over a profile's keys; whether it is in the text. Lines that are indented belong to the one before, and to
/// settings that are not read.
fn section(text: &str, name: &str, prefix: &str, keys: &mut BTreeMap<String, String>) -> bool {
    let (mut is_ours, mut is_there) = (false, false);
    for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', ';'])) {
        if let Some(title) = line.trim().strip_prefix('[').and_then(|line| line.split(']').next()) {
            let title = title.trim();
            let title = title.strip_prefix(prefix).map_or(title, str::trim);
            is_ours = title == name;
            is_there |= is_ours;
        } else if is_ours
            && !line.starts_with([' ', '\t'])
            && let Some((key, value)) = line.split_once('=')
        {
            let value = value.split(" #").next().unwrap_or_default().split(" ;").next().unwrap_or_default();
            keys.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    is_there
}

impl Profile {
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether it says how to log in.
    pub(super) fn has_login(&self) -> bool {
        LOGINS.iter().any(|key| self.get(key).is_some())
    }

    /// Why its login cannot be used.
    pub(super) fn refuse(&self) -> String {
        let name = &self.name;
        if self.get("aws_access_key_id").is_some() || self.get("aws_secret_access_key").is_some() {
            return format!("the profile `{name}` needs both aws_access_key_id and aws_secret_access_key");
        }
        format!(
            "the profile `{name}` logs in by a role or single sign-on, which only Amazon's own program can do: make \
             another profile with `credential_process = aws configure export-credentials --profile {name}`"
        )
    }
}
