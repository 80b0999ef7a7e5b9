//! A login that another program hands out: `credential_process` of a profile.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use object_store::aws::AwsCredential;
use object_store::{CredentialProvider, Error, Result};
use serde::Deserialize;
use tokio::sync::Mutex;

/// After this the program is asked anew. It knows when a login ends, and keeps it for us until shortly before.
const KEPT: Duration = Duration::from_secs(300);

/// Asks a program for a login, and keeps it for a while.
pub(super) struct ProcessLogin {
    command: String,
    kept: Mutex<Option<(Instant, Arc<AwsCredential>)>>,
}

/// What the program prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl ProcessLogin {
    pub(super) fn new(command: &str) -> Self {
        Self { command: command.to_owned(), kept: Mutex::default() }
    }

    async fn ask(&self) -> Result<AwsCredential, String> {
        let mut shell = Command::new("sh");
        shell.args(["-c", &self.command]).stdin(Stdio::null()).stderr(Stdio::null());
        let output = tokio::task::spawn_blocking(move || shell.output()).await.map_err(|error| error.to_string())?;
        let output = output.map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("it ended with {}", output.status));
        }
        let printed: Printed =
            serde_json::from_slice(&output.stdout).map_err(|_| "it did not print a login as JSON".to_owned())?;
        if printed.version != 1 {
            return Err(format!("it printed version {}, and 1 is known", printed.version));
        }
        let Printed { access_key_id, secret_access_key, session_token, .. } = printed;
        Ok(AwsCredential { key_id: access_key_id, secret_key: secret_access_key, token: session_token })
    }
}

#[async_trait]
impl CredentialProvider for ProcessLogin {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> Result<Arc<AwsCredential>> {
        let mut kept = self.kept.lock().await;
        if let Some((since, login)) = &*kept
            && since.elapsed() < KEPT
        {
            return Ok(Arc::clone(login));
        }
        let said = |why: String| Error::Generic {
            store: "S3",
            source: format!("the profile's credential_process: {why}").into(),
        };
        let login = Arc::new(self.ask().await.map_err(said)?);
        *kept = Some((Instant::now(), Arc::clone(&login)));
        Ok(login)
    }
}

impl std::fmt::Debug for ProcessLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProcessLogin")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_fails_is_named_and_what_it_printed_is_not() {
        for (command, says) in [
            ("exit 3", "exit status: 3"),
            ("echo hunter2", "did not print a login"),
            (r#"echo '{"Version":2,"AccessKeyId":"hunter2","SecretAccessKey":"s"}'"#, "printed version 2"),
        ] {
            let error = ProcessLogin::new(command).get_credential().await.unwrap_err();
            let line = crate::said::line(&error);
            assert!(line.contains(says) && !line.contains("hunter2"), "{line}");
        }
    }

    #[tokio::test]
    async fn a_login_is_kept_for_a_while() {
        let dir = tempfile::tempdir().unwrap();
        let count = dir.path().join("count");
        let json = r#"{"Version":1,"AccessKeyId":"K","SecretAccessKey":"s","SessionToken":"t"}"#;
        let login = ProcessLogin::new(&format!("echo once >>{}; echo '{json}'", count.display()));
        for _ in 0..3 {
            let login = login.get_credential().await.unwrap();
            assert_eq!((login.key_id.as_str(), login.token.as_deref()), ("K", Some("t")));
        }
        assert_eq!(std::fs::read_to_string(count).unwrap(), "once\n");
    }
}
