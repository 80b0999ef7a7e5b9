//! `deploy/Dockerfile` and `.dockerignore`: what goes into the image.

use std::path::Path;

use crate::file::{project, read};

/// The instructions of the Dockerfile in order, each on one line: its name, and the rest.
pub(crate) fn instructions() -> Vec<(String, String)> {
    let text = read("deploy/Dockerfile");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let instructions = joined.lines().map(str::trim).filter(|line| !line.is_empty());
    instructions.map(|line| line.split_once(' ').unwrap()).map(|(name, rest)| (name.into(), rest.into())).collect()
}

/// The last instruction of this name.
pub(crate) fn last(name: &str) -> String {
    instructions().into_iter().rfind(|(found, _)| found == name).unwrap_or_else(|| panic!("no {name}")).1
}

/// What is copied from the project's folder.
pub(crate) fn sources() -> Vec<String> {
    let copies = instructions().into_iter().filter(|(name, rest)| name == "COPY" && !rest.contains("--from="));
    let words = |rest: String| {
        let mut words: Vec<_> =
            rest.split_whitespace().filter(|word| !word.starts_with("--")).map(str::to_owned).collect();
        words.pop();
        words
    };
    copies.flat_map(|(_, rest)| words(rest)).collect()
}

/// What Docker is given of the project's folder: `.dockerignore` hides everything but this.
pub(crate) fn visible() -> Vec<String> {
    let text = read(".dockerignore");
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some("*"), "everything is hidden first");
    lines.map(|line| line.strip_prefix('!').expect("then some of it is shown").to_owned()).collect()
}

/// The project's files that cargo says a binary is made of, relative to the project's folder.
pub(crate) fn files_of(binary: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(binary.with_extension("d")).unwrap();
    let (_, files) = text.split_once(": ").unwrap();
    let project = project().canonicalize().unwrap();
    let file = |path: &str| {
        let path = Path::new(path).canonicalize().unwrap();
        path.strip_prefix(&project).unwrap().to_str().unwrap().to_owned()
    };
    files.split_whitespace().map(file).collect()
}
