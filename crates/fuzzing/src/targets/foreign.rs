//! Bodies of other collectors: what they become is a JSON object.

use events::foreign::{event_list, web_event::WebEvent};

use super::request::object;

/// Either of them.
pub(super) fn any(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for site in [None, Some("shop.example")] {
        if let Some(hit) = event_list::to_json(text, site) {
            object(&hit);
        }
        if let Ok(event) = WebEvent::parse(text, site) {
            object(&event.hit);
            assert_eq!(event.id.len(), "2020-04-12 10:11:12".len());
        }
    }
}
