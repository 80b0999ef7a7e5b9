//! `deploy/docker-compose.yml`, as far as Compose's rules are needed to run what it says.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::duckdb;

/// The project's folder.
pub(crate) fn project() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A file of the project, whole.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The file with its variables as they are written. Python reads it, and checks it below: a Rust crate for either would
/// turn features of serde on for the whole workspace, and half of it would be built twice.
fn written() -> Value {
    let script = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";
    serde_json::from_str(&python(script, &read("deploy/docker-compose.yml"))).unwrap()
}

/// What is wrong with a file by the Compose specification's schema, a line each.
pub(crate) fn against_the_schema(file: &Value) -> String {
    let script = "import json, jsonschema, sys
schema, file = json.load(sys.stdin)
for error in jsonschema.Draft202012Validator(schema).iter_errors(file): print(error.json_path, error.message)";
    let schema = include_str!("schema/compose-spec.json");
    python(script, &format!("[{schema}, {file}]"))
}

fn python(script: &str, input: &str) -> String {
    let mut python = Command::new(duckdb::python());
    python.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut python = python.spawn().unwrap();
    python.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "run `make tools`: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The file as it is with these variables in `.env`, and the defaults of all others.
pub(crate) fn with(variables: &[(&str, &str)]) -> Value {
    let mut file = written();
    each_text(&mut file, &mut |text| {
        *text = interpolated(text, |name, default| {
            variables.iter().find(|(set, _)| *set == name).map_or(default, |(_, value)| *value).to_owned()
        });
    });
    file
}

/// Each variable that the file takes from `.env`, with its default.
pub(crate) fn variables() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    each_text(&mut written(), &mut |text| {
        interpolated(text, |name, default| {
            let before = found.insert(name.to_owned(), default.to_owned());
            assert!(before.is_none_or(|before| before == default), "{name} has two defaults");
            String::new()
        });
    });
    found
}

fn each_text(value: &mut Value, visit: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, visit)),
        Value::Object(fields) => fields.values_mut().for_each(|field| each_text(field, visit)),
        _ => {}
    }
}

/// Puts something in the place of each `${NAME:-default}`, which is the only form that the file uses.
fn interpolated(text: &str, mut value: impl FnMut(&str, &str) -> String) -> String {
    let mut parts = text.split("${");
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inside, rest) = part.split_once('}').unwrap_or_else(|| panic!("`{text}` does not close its brace"));
        let (name, default) = inside.split_once(":-").unwrap_or_else(|| panic!("`{text}` has no default"));
        done.push_str(&value(name, default));
        done.push_str(rest);
    }
    assert!(!done.contains('$'), "`{text}` has a dollar that Compose would take for a variable");
    done
}

/// A service of the file.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) entrypoint: Vec<String>,
    pub(crate) command: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) health_check: Vec<String>,
}

impl Service {
    pub(crate) fn of(file: &Value, name: &str) -> Self {
        let service = &file["services"][name];
        let list = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().map(|item| item.as_str().unwrap().to_owned()).collect()
        };
        let environment = service["environment"].as_object().unwrap_or_else(|| panic!("no environment of {name}"));
        Self {
            entrypoint: list(&service["entrypoint"]),
            command: list(&service["command"]),
            environment: environment
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().expect("a quoted text").to_owned()))
                .collect(),
            health_check: list(&service["healthcheck"]["test"]),
        }
    }

    /// Writes something else wherever this is written, and says whether it was anywhere.
    pub(crate) fn replace(&mut self, written: &str, native: &str) -> bool {
        let texts = self.command.iter_mut().chain(self.environment.values_mut()).chain(&mut self.health_check);
        let found: Vec<_> = texts.filter(|text| text.contains(written)).collect();
        let is_there = !found.is_empty();
        found.into_iter().for_each(|text| *text = text.replace(written, native));
        is_there
    }
}
