//! Reads the file of the sites anew, when it changes and when somebody asks for it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use service::Shutdown;
use service::metrics::{SITES_READ, SITES_STALE};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;

use super::{Policy, file};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);

impl Policy {
    /// Follows the file until it is told to stop. What cannot be used changes nothing: log and metric say so.
    ///
    /// # Errors
    ///
    /// Where signals cannot be heard.
    pub async fn follow(self, stop: Shutdown) -> io::Result<()> {
        let Some(path) = self.file.clone() else {
            stop.cancelled().await;
            return Ok(());
        };
        let mut asked = signal(SignalKind::hangup())?;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Read once more at the start: it may have changed since it was opened.
        let mut known = None;
        metrics::gauge!(SITES_STALE).set(0);
        loop {
            let is_asked = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = asked.recv() => true,
                _ = look.tick() => false,
            };
            // The state before the reading: a change in between is seen at the next look, as is a schema that is named anew.
            let now = file::stamps(&path, &self.rules());
            if is_asked || known.as_ref() != Some(&now) {
                let is_first = known.is_none();
                known = Some(now);
                self.read_anew(&path, is_first).await;
            }
        }
    }

    async fn read_anew(&self, path: &Arc<std::path::PathBuf>, is_first: bool) {
        let place = path.clone();
        let read = tokio::task::spawn_blocking(move || file::read(&place)).await;
        match read {
            Ok(Ok(rules)) => {
                let sites = rules.sites().iter().count();
                self.rules.store(Arc::new(rules));
                metrics::gauge!(SITES_STALE).set(0);
                metrics::counter!(SITES_READ, "result" => "used").increment(1);
                if !is_first {
                    tracing::info!(sites, file = %Path::display(path), "the file of sites was read anew");
                }
            }
            Ok(Err(error)) => {
                metrics::gauge!(SITES_STALE).set(1);
                metrics::counter!(SITES_READ, "result" => "refused").increment(1);
                tracing::error!(%error, "the file of sites cannot be used; what it said before holds");
            }
            // Only where the process ends.
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use service::PolicyArgs;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    async fn until(what: impl Fn() -> bool) {
        while !what() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_changed_file_is_read_anew_and_a_broken_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sites.toml");
        std::fs::write(&path, "[sites.a]").unwrap();
        let policy = Policy::open(&PolicyArgs { sites: Some(path.clone()), ..PolicyArgs::default() }).unwrap();
        let has = |name: &str| policy.rules().sites().get(name).is_some();
        assert!(has("a") && !has("b"));

        let stop = Shutdown::new();
        let following = tokio::spawn(policy.clone().follow(stop.clone()));
        tokio::time::timeout(HOUR, async {
            std::fs::write(&path, "[sites.a]\n[sites.bb]").unwrap();
            until(|| has("bb")).await;
            std::fs::write(&path, "[sites.a]\n[sites.bb]\nip = 7").unwrap();
            tokio::time::sleep(LOOK * 2).await;
            assert!(has("a") && has("bb"), "what it said before holds");
            std::fs::remove_file(&path).unwrap();
            tokio::time::sleep(LOOK * 2).await;
            assert!(has("bb"));
            std::fs::write(&path, "[sites.c]").unwrap();
            until(|| has("c") && !has("a")).await;
        })
        .await
        .unwrap();
        stop.cancel();
        following.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_schema_is_read_anew_with_the_file_and_a_broken_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sites.toml");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("buy.json", r#"{"required":["price"]}"#);
        write("sites.toml", "[sites.a]\nschemas = { buy = \"buy.json\" }");
        let policy = Policy::open(&PolicyArgs { sites: Some(path), ..PolicyArgs::default() }).unwrap();
        let (address, uri, head) = ([192, 0, 2, 1].into(), "/".parse().unwrap(), Default::default());
        // The place that is wrong of a purchase without props.
        let wrong = || {
            let mut hit = events::IncomingHit::parse(r#"{"type":"buy"}"#, &events::Limits::default()).unwrap();
            let facts = policy.facts(address, &uri, &head);
            let judged = policy.rules().ruling("a", &facts).judge(&mut hit, &facts, &events::Limits::default());
            judged.map_err(|invalid| invalid.detail).err().unwrap_or_default()
        };
        assert!(wrong().contains("price"), "{}", wrong());

        let stop = Shutdown::new();
        let following = tokio::spawn(policy.clone().follow(stop.clone()));
        tokio::time::timeout(HOUR, async {
            write("buy.json", r#"{"required":["amount"]}"#);
            until(|| wrong().contains("amount")).await;
            write("buy.json", r#"{"required":"amount or so"}"#);
            tokio::time::sleep(LOOK * 2).await;
            assert!(wrong().contains("amount"), "what it said before holds");
            write("buy.json", "{}");
            until(|| wrong().is_empty()).await;
        })
        .await
        .unwrap();
        stop.cancel();
        following.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn who_asks_gets_it_read_although_it_looks_the_same() {
        // From here on the signal ends nobody.
        let _heard = signal(SignalKind::hangup()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sites.toml");
        let moment = std::time::SystemTime::UNIX_EPOCH;
        // In one step, so that no look falls between the text and its time.
        let write = |text: &str| {
            let aside = folder.path().join("aside");
            std::fs::write(&aside, text).unwrap();
            std::fs::File::options().write(true).open(&aside).unwrap().set_modified(moment).unwrap();
            std::fs::rename(&aside, &path).unwrap();
        };
        write("[sites.x]");
        let policy = Policy::open(&PolicyArgs { sites: Some(path.clone()), ..PolicyArgs::default() }).unwrap();
        let has = |name: &str| policy.rules().sites().get(name).is_some();

        let stop = Shutdown::new();
        let following = tokio::spawn(policy.clone().follow(stop.clone()));
        // It has looked when it knows of a change that can be seen.
        write("[sites.aa]");
        tokio::time::timeout(HOUR, until(|| has("aa"))).await.unwrap();
        tokio::time::sleep(LOOK * 2).await;
        write("[sites.bb]");
        tokio::time::sleep(LOOK * 2).await;
        assert!(has("aa"), "nobody can see that it changed");
        let process = std::process::id().to_string();
        assert!(std::process::Command::new("kill").args(["-HUP", &process]).status().unwrap().success());
        tokio::time::timeout(HOUR, until(|| has("bb"))).await.unwrap();
        stop.cancel();
        following.await.unwrap().unwrap();
    }
}
