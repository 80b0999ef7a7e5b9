//! Who may import whom. The table is ARCHITECTURE.md's; this test holds the workspace to it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Each crate with the crates of ours that it may use. Data flows one way, and so do imports.
const MAY_USE: [(&str, &[&str]); 19] = [
    ("events", &[]),
    // Apache Kafka and object stores for tests. They are in nobody's list: only tests start them.
    ("guarded-process", &[]),
    ("kafka-broker", &["guarded-process"]),
    ("object-servers", &["guarded-process"]),
    // What must hold of any input, for tests and fuzzers.
    ("fuzzing", &["bus", "collector", "events", "sites", "spool"]),
    ("sessions", &["events"]),
    ("tables", &["events"]),
    ("sites", &[]),
    ("synced-folder", &[]),
    ("bus", &["events", "synced-folder"]),
    ("lake", &["events", "tables", "synced-folder"]),
    ("spool", &["events", "synced-folder"]),
    ("service", &["events", "sessions", "sites", "tables", "bus", "lake"]),
    ("collector", &["events", "sessions", "sites", "tables", "bus", "lake", "spool", "service"]),
    ("sessionizer", &["events", "sessions", "tables", "bus", "lake", "service"]),
    ("lake-writer", &["events", "sessions", "tables", "bus", "lake", "service"]),
    ("live", &["events", "sessions", "tables", "bus", "lake", "service"]),
    (
        "tributary",
        &[
            "events",
            "sessions",
            "sites",
            "tables",
            "bus",
            "lake",
            "service",
            "collector",
            "sessionizer",
            "lake-writer",
            "live",
        ],
    ),
    (
        "e2e",
        &[
            "events",
            "sessions",
            "tables",
            "bus",
            "lake",
            "service",
            "collector",
            "sessionizer",
            "lake-writer",
            "live",
            "tributary",
        ],
    ),
];

/// Crates that compute and nothing else, and what none of them may lean on, not even through others.
const PURE: [&str; 4] = ["events", "sessions", "sites", "tables"];
const ADAPTERS_PARTS: [&str; 6] = ["tokio", "rdkafka", "object_store", "rusqlite", "axum", "hyper"];

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml")).exec().unwrap()
}

#[test]
fn imports_run_one_way() {
    let allowed: BTreeMap<_, _> = MAY_USE.into_iter().collect();
    let mut wrong = Vec::new();
    for package in metadata().workspace_packages() {
        let name = package.name.as_str();
        let may_use = allowed.get(name).unwrap_or_else(|| panic!("`{name}` is not in the table: say who it may use"));
        for dependency in package.dependencies.iter().filter(|dependency| dependency.path.is_some()) {
            // Tests may look at what they test from outside; what is shipped may not.
            let is_test = dependency.kind == DependencyKind::Development;
            if !is_test && !may_use.contains(&dependency.name.as_str()) {
                wrong.push(format!("{name} uses {}", dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "imports run against the layout: {}", wrong.join(", "));
}

#[test]
fn pure_crates_know_no_runtime_no_network_and_no_disk() {
    let metadata = metadata();
    let names: BTreeMap<&PackageId, &str> =
        metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let graph = metadata.resolve.as_ref().unwrap();
    let uses: BTreeMap<&PackageId, Vec<&PackageId>> = graph
        .nodes
        .iter()
        .map(|node| {
            let shipped = node
                .deps
                .iter()
                .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development));
            (&node.id, shipped.map(|dep| &dep.pkg).collect())
        })
        .collect();
    for package in metadata.workspace_packages().into_iter().filter(|package| PURE.contains(&package.name.as_str())) {
        let (mut seen, mut open) = (BTreeSet::new(), vec![&package.id]);
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(&uses[id]);
            }
        }
        let found: Vec<_> = seen.iter().map(|id| names[*id]).filter(|name| ADAPTERS_PARTS.contains(name)).collect();
        assert!(found.is_empty(), "the pure crate `{}` leans on {}", package.name, found.join(", "));
    }
}

/// Two files speak to C where no binding does, one has an instruction that has no safe name, and each says why it is sound.
/// Everybody else is denied it.
#[test]
fn three_files_have_unsafe_code() {
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut found = Vec::new();
    let mut folders: Vec<_> =
        ["crates", "collector", "sessionizer", "lake-writer"].map(|folder| root.join(folder)).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                if ["expect", "allow", "warn"].iter().any(|how| text.contains(&format!("{how}(unsafe_code"))) {
                    found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
                }
            }
        }
    }
    found.sort_unstable();
    let expected = [
        "crates/bus/src/kafka/batch/native.rs",
        "crates/bus/src/kafka/oauth/native.rs",
        "crates/sessions/src/prefetch.rs",
    ];
    assert_eq!(found, expected);
}
