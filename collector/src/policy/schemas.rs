//! What a site's custom events must look like: JSON Schemas, by event and version.

use std::collections::HashMap;
use std::path::Path;

use events::{Invalid, Reason};
use jsonschema::{PatternOptions, Validator};
use serde_json::Value;
use serde_json::value::RawValue;
use sites::{Problem, SchemaFile, Site};

/// The property by which a hit says which version of its event it is.
const VERSION: &str = "schema_version";

/// The schemas of a site's custom events.
#[derive(Default, Debug)]
pub(super) struct Schemas {
    events: HashMap<String, Versions>,
}

/// The schemas of one event.
#[derive(Default, Debug)]
struct Versions {
    /// For hits that name no version.
    unnamed: Option<Validator>,
    named: HashMap<u64, Validator>,
}

impl Schemas {
    /// Reads the schemas that a site names; files are looked for beside the file of sites. A key is an event's name, or name and
    /// version: `purchase`, `purchase/2`.
    pub(super) fn read(folder: &Path, name: &str, site: &Site, problems: &mut Vec<Problem>) -> Self {
        let mut schemas = Self::default();
        for (key, file) in &site.schemas {
            match compile(folder, file) {
                Ok(validator) => schemas.add(key, validator),
                Err(detail) => {
                    let key = format!("sites.{name:?}.schemas.{key:?}");
                    problems.push(Problem { line: file.line, key, detail: format!("{}: {detail}", file.path) });
                }
            }
        }
        schemas
    }

    fn add(&mut self, key: &str, validator: Validator) {
        match key.rsplit_once('/').and_then(|(event, version)| Some((event, version.parse().ok()?))) {
            Some((event, version)) => {
                self.events.entry(event.to_owned()).or_default().named.insert(version, validator);
            }
            None => self.events.entry(key.to_owned()).or_default().unnamed = Some(validator),
        }
    }

    /// Whether an event's `props` are as its schema says; an event that has none may be as it likes.
    ///
    /// # Errors
    ///
    /// What is wrong, at its place.
    pub(super) fn check(&self, event: &str, props: Option<&RawValue>) -> Result<(), Invalid> {
        let Some(versions) = self.events.get(event) else { return Ok(()) };
        // Checked when the hit was read: JSON, an object, within its bounds.
        let props: Value = serde_json::from_str(props.map_or("{}", RawValue::get)).unwrap_or_default();
        let validator = versions.of(event, props.get(VERSION).filter(|said| !said.is_null()))?;
        validator.validate(&props).map_err(|error| {
            // Masked: what somebody typed belongs into no message.
            let detail = format!("{event}: {}", error.masked_with("the value"));
            Invalid::new(Reason::SchemaMismatch, format!("/props{}", error.instance_path()), detail)
        })
    }
}

impl Versions {
    /// `said`: the version that the hit names.
    fn of(&self, event: &str, said: Option<&Value>) -> Result<&Validator, Invalid> {
        let place = format!("/props/{VERSION}");
        match said {
            None => self.unnamed.as_ref().ok_or_else(|| {
                Invalid::new(Reason::UnknownSchema, place, format!("`{event}` must say its {VERSION} in props"))
            }),
            Some(said) => said.as_u64().and_then(|version| self.named.get(&version)).ok_or_else(|| {
                Invalid::new(Reason::UnknownSchema, place, format!("the site has no such version of `{event}`"))
            }),
        }
    }
}

/// Reads and compiles one schema. It can name nothing outside itself, and its patterns take linear time: what runs over hits
/// of strangers must not wait, and must not be made to.
fn compile(folder: &Path, file: &SchemaFile) -> Result<Validator, String> {
    let text = std::fs::read_to_string(folder.join(&file.path)).map_err(|error| error.to_string())?;
    let schema: Value = serde_json::from_str(&text).map_err(|error| format!("no JSON: {error}"))?;
    let options = jsonschema::options().offline().with_pattern_options(PatternOptions::regex());
    options.build(&schema).map_err(|error| format!("no JSON Schema, at `{}`: {error}", error.instance_path()))
}

#[cfg(test)]
mod tests {
    use sites::Sites;

    use super::*;

    const PURCHASE: &str = r#"{"type":"object","required":["price"],"properties":{"price":{"type":"number"},
        "items":{"type":"array","items":{"properties":{"sku":{"type":"string","pattern":"^[a-z]+$"}}}}}}"#;

    /// What is wrong with the schemas of a site, or the schemas.
    fn read(schemas: &str) -> Result<Schemas, Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let texts = [("1.json", PURCHASE), ("2.json", r#"{"required":["total"]}"#), ("bad.json", r#"{"type":7}"#)];
        for (name, text) in texts.into_iter().chain([("far.json", r#"{"$ref":"https://example.com/x.json"}"#)]) {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let sites = Sites::parse(&format!("[sites.a]\nschemas = {{ {schemas} }}")).unwrap();
        let mut problems = Vec::new();
        let schemas = Schemas::read(folder.path(), "a", sites.get("a").unwrap(), &mut problems);
        if problems.is_empty() { Ok(schemas) } else { Err(problems.iter().map(ToString::to_string).collect()) }
    }

    fn refused(schemas: &Schemas, props: &str) -> (Reason, String) {
        let props = RawValue::from_string(props.to_owned()).unwrap();
        let invalid = schemas.check("purchase", Some(&props)).unwrap_err();
        assert!(!invalid.detail.contains("SECRET"), "{invalid}");
        (invalid.reason, invalid.pointer)
    }

    #[test]
    fn what_does_not_fit_is_named_by_its_place_and_not_quoted() {
        let schemas = read(r#"purchase = "1.json""#).unwrap();
        let mismatch = |pointer: &str| (Reason::SchemaMismatch, pointer.to_owned());
        assert_eq!(refused(&schemas, r#"{"price":"SECRET"}"#), mismatch("/props/price"));
        assert_eq!(refused(&schemas, r#"{"price":1,"items":[{},{"sku":"SECRET"}]}"#), mismatch("/props/items/1/sku"));
        assert_eq!(refused(&schemas, "{}"), mismatch("/props"));
        assert_eq!(schemas.check("purchase", None).unwrap_err().reason, Reason::SchemaMismatch);
        let fits = RawValue::from_string(r#"{"price":1.5,"more":true}"#.to_owned()).unwrap();
        assert_eq!(schemas.check("purchase", Some(&fits)), Ok(()));
        assert_eq!(schemas.check("signup", None), Ok(()), "an event without a schema may be as it likes");
    }

    #[test]
    fn a_hit_says_which_version_it_is() {
        let schemas = read(r#"purchase = "1.json", "purchase/2" = "2.json""#).unwrap();
        assert_eq!(refused(&schemas, r#"{"schema_version":2,"price":1}"#), (Reason::SchemaMismatch, "/props".into()));
        for version in ["3", "\"2\"", "-1", "{}"] {
            let said = refused(&schemas, &format!(r#"{{"schema_version":{version},"price":1}}"#));
            assert_eq!(said, (Reason::UnknownSchema, "/props/schema_version".into()), "{version}");
        }
        let schemas = read(r#""purchase/2" = "2.json""#).unwrap();
        assert_eq!(refused(&schemas, r#"{"total":1}"#), (Reason::UnknownSchema, "/props/schema_version".into()));
    }

    #[test]
    fn a_schema_that_cannot_be_used_is_said_with_its_line() {
        for file in ["absent.json", "bad.json", "far.json"] {
            let said = read(&format!("purchase = {file:?}")).unwrap_err();
            let start = format!("line 2: sites.\"a\".schemas.\"purchase\": {file}: ");
            assert!(said.len() == 1 && said[0].starts_with(&start), "{said:?}");
        }
    }
}
