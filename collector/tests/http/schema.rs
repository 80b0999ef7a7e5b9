//! As much of JSON Schema as the description of the public port uses. A word that it does not know ends the test.

use serde_json::Value;

/// Whether a value fits a schema of this document; else the first thing that does not.
pub(crate) fn fits(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let fails = |what: &str| Err(format!("{what}: {value} in {schema}"));
    for (word, rule) in schema.as_object().unwrap() {
        let fit = |schema: &Value| fits(document, schema, value);
        let each = || rule.as_array().unwrap().iter();
        let (number, most) = (value.as_f64(), rule.as_f64());
        let length = value.as_str().map(|text| text.chars().count() as f64);
        let items = value.as_array().map(|items| items.len() as f64);
        let members = value.as_object().map(|members| members.len() as f64);
        let is_right = match word.as_str() {
            // Of no consequence for a check.
            "description" | "default" | "format" | "contentMediaType" | "pattern" => true,
            "$ref" => {
                fit(document.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap()).unwrap())?;
                true
            }
            "type" => match rule {
                Value::Array(kinds) => kinds.iter().any(|kind| is(value, kind)),
                kind => is(value, kind),
            },
            "const" => value == rule,
            "enum" => each().any(|one| one == value),
            "anyOf" => each().any(|schema| fit(schema).is_ok()),
            "oneOf" => each().filter(|schema| fit(schema).is_ok()).count() == 1,
            "required" => each().all(|name| value.get(name.as_str().unwrap()).is_some()),
            "properties" => {
                for (name, schema) in rule.as_object().unwrap() {
                    value.get(name).map_or(Ok(()), |value| fits(document, schema, value))?;
                }
                true
            }
            "additionalProperties" => {
                let known = |name: &String| schema["properties"].get(name).is_some();
                let mut others = value.as_object().into_iter().flatten().filter(|(name, _)| !known(name));
                match rule {
                    Value::Bool(are_allowed) => *are_allowed || others.next().is_none(),
                    schema => others.all(|(_, value)| fits(document, schema, value).is_ok()),
                }
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    fits(document, rule, item)?;
                }
                true
            }
            "minimum" => number.is_none_or(|number| number >= most.unwrap()),
            "minLength" => length.is_none_or(|length| length >= most.unwrap()),
            "maxLength" => length.is_none_or(|length| length <= most.unwrap()),
            "minItems" => items.is_none_or(|items| items >= most.unwrap()),
            "minProperties" => members.is_none_or(|members| members >= most.unwrap()),
            "maxProperties" => members.is_none_or(|members| members <= most.unwrap()),
            word => panic!("`{word}` is not known here"),
        };
        if !is_right {
            return fails(word);
        }
    }
    Ok(())
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        kind => panic!("`{kind}` is not known here"),
    }
}
