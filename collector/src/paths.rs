//! What is where on the public port.

use service::EdgeArgs;

/// A hit in a query.
pub(crate) const PIXEL: &str = "/pixel.gif";

/// Where pages with a tutorial's snippet send to.
pub(crate) const WEB_EVENTS: &str = "/api/webeventspub";

/// What is described here, for programs.
pub(crate) const OPENAPI: &str = "/openapi.json";

/// The paths that may be renamed.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) collect: String,
    pub(crate) tracker: String,
}

impl Paths {
    pub(crate) fn new(args: &EdgeArgs) -> Self {
        Self { collect: args.collect_path.clone(), tracker: args.tracker_path.clone() }
    }
}
