//! The TOML file that `--config` names.

use std::path::Path;

use clap::Arg;
use toml::Value;

use super::{ConfigError, Given, Origin, Settings, unknown};

/// Reads every setting in the file. Keys are the flags' names, with dashes or underscores.
pub(super) fn read(path: &Path, known: &Settings<Arg>) -> Result<Settings<Given>, ConfigError> {
    let error = |why: String| ConfigError::File { path: path.to_owned(), why };
    let text = std::fs::read_to_string(path).map_err(|io| error(io.to_string()))?;
    let table: toml::Table = text.parse().map_err(|toml: toml::de::Error| error(place(&text, &toml)))?;
    let mut settings = Settings::new();
    for (key, value) in &table {
        let origin = Origin::Key(key.clone(), path.to_owned());
        let long = key.replace('_', "-");
        if long == "config" || !known.contains_key(&long) {
            return Err(unknown(origin, &long, known.keys().filter(|name| *name != "config").cloned()));
        }
        let values = match value {
            Value::Array(values) => values.iter().map(|value| scalar(value, &origin)).collect::<Result<_, _>>()?,
            value => vec![scalar(value, &origin)?],
        };
        let values = values.into_iter().map(Into::into).collect();
        if settings.insert(long.clone(), Given { origin, values }).is_some() {
            return Err(error(format!("`{long}` stands there twice, with dashes and with underscores")));
        }
    }
    Ok(settings)
}

fn scalar(value: &Value, origin: &Origin) -> Result<String, ConfigError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(yes) => Ok(yes.to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => {
            let why = format!("it is a {}; write a text, a number, true or false", value.type_str());
            Err(ConfigError::Value { origin: origin.clone(), why })
        }
    }
}

/// `line 3, column 7: …` on one line.
fn place(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', "; ");
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return message };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("line {line}, column {column}: {message}")
}
