//! A JSON object that is written member by member.

use uuid::Uuid;

use crate::ids;
use crate::text::write_json_str;
use crate::time::Timestamp;

/// An object in the making.
#[derive(Debug)]
pub(crate) struct Object(Vec<u8>);

impl Object {
    pub(crate) fn new() -> Self {
        Self::with_room(1)
    }

    /// One that is expected to be so many bytes long.
    pub(crate) fn with_room(bytes: usize) -> Self {
        let mut json = Vec::with_capacity(bytes.max(1));
        json.push(b'{');
        Self(json)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    /// Adds a text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        write_json_str(&mut self.0, text);
    }

    /// Adds a text that may be absent; then nothing is added.
    pub(crate) fn text_if(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// Adds an id.
    pub(crate) fn id(&mut self, name: &str, id: Uuid) {
        self.name(name);
        self.0.push(b'"');
        ids::write_uuid(&mut self.0, id);
        self.0.push(b'"');
    }

    /// Adds a moment.
    pub(crate) fn time(&mut self, name: &str, time: Timestamp) {
        self.name(name);
        self.0.push(b'"');
        time.write_rfc3339(&mut self.0);
        self.0.push(b'"');
    }

    /// Adds a moment that may be absent; then nothing is added.
    pub(crate) fn time_if(&mut self, name: &str, time: Option<Timestamp>) {
        if let Some(time) = time {
            self.time(name, time);
        }
    }

    /// Adds what is JSON already.
    pub(crate) fn json(&mut self, name: &str, json: &str) {
        self.name(name);
        self.0.extend_from_slice(json.as_bytes());
    }

    pub(crate) fn finish(self) -> String {
        String::from_utf8(self.into_bytes()).expect("texts make a text")
    }

    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }

    fn name(&mut self, name: &str) {
        if !self.is_empty() {
            self.0.push(b',');
        }
        write_json_str(&mut self.0, name);
        self.0.push(b':');
    }
}
