//! Who asks for a reading before anything runs ends nobody. Alone in its process: once a signal is heard, everybody in it hears it.

use collector::policy::Policy;
use service::PolicyArgs;

#[tokio::test]
async fn a_collector_that_says_it_is_up_may_be_asked_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sites.toml");
    std::fs::write(&path, "[sites.a]").unwrap();
    let policy = Policy::open(&PolicyArgs { sites: Some(path), ..PolicyArgs::default() }).unwrap();
    let following = policy.following().unwrap();
    let process = std::process::id().to_string();
    assert!(std::process::Command::new("kill").args(["-HUP", &process]).status().unwrap().success());
    drop(following);
}
