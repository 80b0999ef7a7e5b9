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
    let following = tokio::spawn(policy.clone().following().unwrap().run(stop.clone()));
    tokio::time::timeout(HOUR, async {
        std::fs::write(&path, "[sites.a]\n[sites.bb]").unwrap();
        until(|| has("bb")).await;
        std::fs::write(&path, "[sites.a]\n[sites.bb]\nip = 7").unwrap();
        tokio::time::sleep(LOOK * 2).await;
        assert!(has("a") && has("bb") && !has("d"), "what it said before holds");
        std::fs::remove_file(&path).unwrap();
        tokio::time::sleep(LOOK * 2).await;
        assert!(has("bb"));
        std::fs::write(&path, "[sites.c]").unwrap();
        until(|| has("c") && !has("a")).await;
    })
    .await
    .unwrap();
    stop.cancel();
    following.await.unwrap();
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
    let following = tokio::spawn(policy.clone().following().unwrap().run(stop.clone()));
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
    following.await.unwrap();
}

#[tokio::test]
async fn who_asks_gets_it_read_although_it_looks_the_same() {
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
    let following = tokio::spawn(policy.clone().following().unwrap().run(stop.clone()));
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
    following.await.unwrap();
}

#[tokio::test]
async fn a_newer_database_of_places_is_read_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("places.mmdb");
    let vienna = include_bytes!("../../../tests/http/places.mmdb");
    std::fs::write(&path, vienna).unwrap();
    let policy = Policy::open(&PolicyArgs { geoip: Some(path.clone()), ..PolicyArgs::default() }).unwrap();
    let country = || {
        let (uri, head) = ("/".parse().unwrap(), Default::default());
        policy.facts([203, 0, 113, 77].into(), &uri, &head).place.country
    };
    assert_eq!(country().as_deref(), Some("AT"));

    let stop = Shutdown::new();
    let following = tokio::spawn(policy.clone().following().unwrap().run(stop.clone()));
    tokio::time::timeout(HOUR, async {
        std::fs::write(&path, "half of a database").unwrap();
        tokio::time::sleep(LOOK * 2).await;
        assert_eq!(country().as_deref(), Some("AT"), "what was known before is");
        let at = vienna.windows(3).position(|bytes| bytes == b"\x42AT").unwrap();
        let mut newer = vienna.to_vec();
        newer[at..at + 3].copy_from_slice(b"\x42DE");
        std::fs::write(&path, newer).unwrap();
        until(|| country().as_deref() == Some("DE")).await;
        std::fs::remove_file(&path).unwrap();
        tokio::time::sleep(LOOK * 2).await;
        assert_eq!(country().as_deref(), Some("DE"));
    })
    .await
    .unwrap();
    stop.cancel();
    following.await.unwrap();
}
