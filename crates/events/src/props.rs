//! The bounds of `props`: how large, how deep, how many keys, and no key twice.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess};

use crate::incoming::pointer;
use crate::limits::Limits;
use crate::reason::{Invalid, Reason};

/// Checks the JSON text of `props`, walking it once and keeping nothing but the keys of the objects above.
pub fn check(json: &str, limits: &Limits) -> Result<(), Invalid> {
    if json.len() > limits.props_bytes {
        let detail = format!("props are {} bytes of JSON; the limit is {}", json.len(), limits.props_bytes);
        return Err(Invalid::new(Reason::PropsTooLarge, "/props", detail));
    }
    if !json.starts_with('{') {
        return Err(Invalid::new(Reason::WrongType, "/props", "`props` must be an object"));
    }
    let walk = Walk { limits, keys: Cell::new(0), found: Cell::new(None) };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let result = Level { walk: &walk, path: "/props".to_owned(), depth: 0 }.deserialize(&mut deserializer);
    match (walk.found.take(), result) {
        (Some(invalid), _) => Err(invalid),
        (None, Err(error)) => Err(Invalid::new(Reason::InvalidJson, "/props", format!("props are no JSON: {error}"))),
        (None, Ok(())) => Ok(()),
    }
}

/// What the whole walk shares.
struct Walk<'a> {
    limits: &'a Limits,
    keys: Cell<usize>,
    /// What was wrong; serde's own error only ends the walk.
    found: Cell<Option<Invalid>>,
}

/// One value, at a place.
struct Level<'a> {
    walk: &'a Walk<'a>,
    path: String,
    depth: usize,
}

impl Level<'_> {
    fn fail<E: de::Error>(&self, reason: Reason, path: &str, detail: String) -> E {
        self.walk.found.set(Some(Invalid::new(reason, path, detail)));
        E::custom("stopped")
    }

    fn enter<E: de::Error>(&self) -> Result<(), E> {
        if self.depth == self.walk.limits.props_depth {
            let detail = format!("props are nested deeper than {}", self.walk.limits.props_depth);
            return Err(self.fail(Reason::TooDeep, &self.path, detail));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.enter()?;
        let mut index = 0;
        while let Some(()) = seq.next_element_seed(Level {
            walk: self.walk,
            path: format!("{}/{index}", self.path),
            depth: self.depth + 1,
        })? {
            index += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.enter()?;
        let mut names: Vec<String> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let path = format!("{}{}", self.path, pointer(&name));
            if names.contains(&name) {
                return Err(self.fail(Reason::DuplicateKey, &path, format!("`{name}` is there twice")));
            }
            self.walk.keys.set(self.walk.keys.get() + 1);
            if self.walk.keys.get() > self.walk.limits.props_keys {
                let detail = format!("props have more than {} keys", self.walk.limits.props_keys);
                return Err(self.fail(Reason::PropsTooLarge, "/props", detail));
            }
            names.push(name);
            map.next_value_seed(Level { walk: self.walk, path, depth: self.depth + 1 })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> (Reason, String) {
        let invalid = check(json, &Limits::default()).unwrap_err();
        (invalid.reason, invalid.pointer)
    }

    #[test]
    fn ordinary_props_pass() {
        check(r#"{"plan":"pro","price":12.5,"tags":["a","b"],"deep":{"x":{"y":[true,null]}}}"#, &Limits::default())
            .unwrap();
        check("{}", &Limits::default()).unwrap();
    }

    #[test]
    fn each_bound_is_named_with_its_place() {
        assert_eq!(refused(r#"{"a":{"b":{"c":{"d":{"e":{}}}}}}"#), (Reason::TooDeep, "/props/a/b/c/d/e".into()));
        assert_eq!(refused(r#"{"a":[{"x":1,"x":2}]}"#), (Reason::DuplicateKey, "/props/a/0/x".into()));
        let many: Vec<_> = (0..101).map(|n| format!("\"k{n}\":1")).collect();
        assert_eq!(refused(&format!("{{{}}}", many.join(","))), (Reason::PropsTooLarge, "/props".into()));
        assert_eq!(refused(&format!("{{\"a\":\"{}\"}}", "x".repeat(17_000))), (Reason::PropsTooLarge, "/props".into()));
        assert_eq!(refused(r#"{"a":1e999}"#).0, Reason::InvalidJson);
    }
}
