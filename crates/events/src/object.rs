//! A JSON object that is written member by member.

use crate::text::write_json_str;

/// An object in the making.
#[derive(Debug)]
pub(crate) struct Object(Vec<u8>);

impl Object {
    pub(crate) fn new() -> Self {
        Self(b"{".to_vec())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    /// Adds a text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        write_json_str(&mut self.0, text);
    }

    /// Adds what is JSON already.
    pub(crate) fn json(&mut self, name: &str, json: &str) {
        self.name(name);
        self.0.extend_from_slice(json.as_bytes());
    }

    pub(crate) fn finish(mut self) -> String {
        self.0.push(b'}');
        String::from_utf8(self.0).expect("texts make a text")
    }

    fn name(&mut self, name: &str) {
        if !self.is_empty() {
            self.0.push(b',');
        }
        write_json_str(&mut self.0, name);
        self.0.push(b':');
    }
}
