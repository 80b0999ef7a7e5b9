//! The public port, described for programs (OpenAPI 3.1). Tests hold the handlers to it.

use bytes::Bytes;

use crate::paths::Paths;

const DOCUMENT: &str = include_str!("openapi.json");

/// The document, with the paths as they are here.
pub(crate) fn document(paths: &Paths) -> Bytes {
    let renamed = [("/collect", &paths.collect), ("/tracker.js", &paths.tracker)];
    let rename = |text: String, (usual, path): (&str, &String)| {
        text.replacen(&format!("\"{usual}\": {{"), &format!("\"{path}\": {{"), 1)
    };
    renamed.into_iter().fold(DOCUMENT.to_owned(), rename).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renamed_paths_are_renamed_here_too() {
        let paths = Paths { collect: "/in".to_owned(), tracker: "/t.js".to_owned() };
        let document: serde_json::Value = serde_json::from_slice(&document(&paths)).unwrap();
        let named: Vec<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["/", "/api/webeventspub", "/in", "/openapi.json", "/pixel.gif", "/t.js"];
        assert_eq!(named, expected);
        let routes = include_str!("routes.rs").matches("Route::new(").count();
        assert_eq!(routes, expected.len(), "each route is described");
    }
}
