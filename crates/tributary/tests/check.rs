//! `tributary check`, and the file that docs/sites.md shows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::{Path, PathBuf};

use support::tributary;
use tempfile::TempDir;

/// The file that the manual shows.
fn manual() -> String {
    let page = include_str!("../../../docs/sites.md");
    let (_, from) = page.split_once("```toml\n").unwrap();
    from.split_once("```").unwrap().0.to_owned()
}

/// The schema that the manual shows.
fn schema() -> &'static str {
    let page = include_str!("../../../docs/sites.md");
    page.split_once("```json\n").unwrap().1.split_once("```").unwrap().0
}

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The manual's file, and the schema that it names.
    fn manual(&self) -> PathBuf {
        std::fs::create_dir_all(self.0.path().join("schemas")).unwrap();
        self.file("schemas/purchase-2.json", schema());
        self.file("sites.toml", &manual())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Exit code and what was printed, without the folder's name.
    fn check(&self, file: &Path, flags: &[&str]) -> (i32, String) {
        let output = tributary().arg("check").arg(file).args(flags).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let folder = format!("{}/", self.0.path().display());
        (output.status.code().unwrap(), String::from_utf8(said).unwrap().replace(&folder, ""))
    }

    /// The same with a request.
    fn check_hit(&self, file: &Path, body: &str, headers: &[&str]) -> (i32, String) {
        let hit = self.file("hit.json", body);
        let mut flags = vec!["--hit", hit.to_str().unwrap()];
        flags.extend(headers.iter().flat_map(|header| ["--header", header]));
        self.check(file, &flags)
    }
}

#[test]
fn the_file_in_the_manual_is_right_and_its_defaults_are_what_a_site_has_that_says_nothing() {
    let desk = Desk::new();
    let file = desk.manual();
    assert_eq!(desk.check(&file, &[]), (0, "sites.toml: right; sites: blog.example, shop.example\n".into()));
    for (name, default) in [("ip", "\"truncated\""), ("privacy", "\"anonymous\""), ("keep_rejected", "true")] {
        let says =
            manual().lines().any(|line| line.starts_with(name) && line.ends_with(&format!("# default: {default}")));
        assert!(says, "{name}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_with_its_line() {
    let desk = Desk::new();
    let file = desk.file("sites.toml", "[sites.a]\nip = \"half\"\ncolour = 7\n");
    let (code, said) = desk.check(&file, &[]);
    assert_eq!(code, 1);
    let lines: Vec<_> = said.lines().map(|line| line.rsplit_once(": ").unwrap().0).collect();
    assert_eq!(lines, ["sites.toml: line 2: sites.\"a\".ip", "sites.toml: line 3: sites.\"a\".colour"]);
    assert_eq!(desk.check(Path::new("/absent.toml"), &[]).0, 2, "what cannot be read is neither right nor wrong");
}

#[test]
fn an_event_is_held_against_its_schema() {
    let desk = Desk::new();
    let file = desk.manual();
    let check = |version, price| {
        let props = format!(r#"{{"schema_version":{version},"price":{price}}}"#);
        let hit = format!(r#"{{"site":"shop.example","type":"purchase","props":{props}}}"#);
        desk.check_hit(&file, &hit, &["X-Write-Key: wk_4f1c"])
    };
    let (code, said) = check(2, "89.5");
    assert!(code == 0 && said.contains(r#""price":89.5"#), "{said}");
    let (code, said) = check(2, "\"89.5\"");
    assert!(code == 1 && said.starts_with("hit 0: rejected: schema_mismatch at /props/price: purchase: "), "{said}");
    let (code, said) = check(3, "89.5");
    assert!(code == 1 && said.starts_with("hit 0: rejected: unknown_schema at /props/schema_version: "), "{said}");

    desk.file("schemas/purchase-2.json", r#"{"type":"number or so"}"#);
    let (code, said) = desk.check(&file, &[]);
    let line = 1 + manual().lines().position(|line| line.starts_with("schemas = ")).unwrap();
    let start =
        format!("sites.toml: line {line}: sites.\"shop.example\".schemas.\"purchase/2\": schemas/purchase-2.json: ");
    assert!(code == 1 && said.starts_with(&start), "{said}");
}

#[test]
fn a_hit_is_held_against_the_file() {
    let desk = Desk::new();
    let file = desk.manual();
    let key = "X-Write-Key: wk_4f1c";
    let (code, said) = desk.check_hit(&file, r#"{"site":"shop.example","colour":"red"}"#, &[key, "Sec-GPC: 1"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains(r#""privacy":{"gpc":true,"done":"anonymous"}"#) && said.contains(r#""props":{"colour":"red"}"#)
    );

    let (code, said) = desk.check_hit(&file, r#"[{"site":"blog.example"},{"site":"blog.example","colour":1}]"#, &[]);
    assert_eq!(code, 1);
    assert!(said.starts_with("hit 0: taken\n"), "{said}");
    assert!(said.contains("hit 1: rejected: unknown_field at /1/colour: "), "{said}");

    let (code, said) = desk.check_hit(&file, r#"{"site":"shop.example"}"#, &["Origin: https://evil.example", key]);
    assert!(code == 1 && said.contains("origin_not_allowed"), "{said}");
    assert_eq!(desk.check_hit(&file, "no json", &[]).0, 1);
    let (code, said) = desk.check(&file, &["--hit", "/absent.json"]);
    assert!(code == 2 && said.starts_with("error: --hit /absent.json"), "{said}");
}

#[test]
fn hits_may_stand_one_a_line() {
    let desk = Desk::new();
    let file = desk.manual();
    let lines = "{\"site\":\"blog.example\"}\n{\"site\":\"blog.example\",\"colour\":1}\n";
    let by_name = desk.file("hits.ndjson", lines);
    let (code, said) = desk.check(&file, &["--hit", by_name.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(
        said.starts_with("hit 0: taken\n") && said.contains("hit 1: rejected: unknown_field at /1/colour"),
        "{said}"
    );
    let (_, by_header) = desk.check_hit(&file, lines, &["content-type: application/x-ndjson"]);
    assert_eq!(by_header.lines().last(), said.lines().last());
    let (code, said) = desk.check_hit(&file, lines, &["Content-Type: text/html"]);
    assert!(code == 1 && said.starts_with("rejected: unsupported_media_type: "), "{said}");
}

#[test]
fn each_line_of_the_manual_says_what_stands_below_it() {
    let desk = Desk::new();
    desk.manual();
    let page = include_str!("../../../docs/sites.md");
    let examples: Vec<_> = page
        .split("```sh\n")
        .skip(1)
        .filter_map(|part| part.split_once("```\n```answer\n"))
        .map(|(command, behind)| (command, behind.split_once("```\n").unwrap().0))
        .collect();
    assert_eq!(examples.len(), 4);
    let folder = Path::new(env!("CARGO_BIN_EXE_tributary")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    for (command, expected) in examples {
        let mut shell = support::process::shell(command);
        let output = shell.env("PATH", &path).current_dir(desk.0.path()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, expected, "{command}{}", String::from_utf8_lossy(&output.stderr));
    }
}
