//! For which site a request is.

use std::borrow::Cow;

use events::{Invalid, query};
use hyper::Uri;

/// The site that the address names, for bodies that name none.
pub(crate) fn named_site(uri: &Uri) -> Result<Option<Cow<'_, str>>, Invalid> {
    query::parameter(uri.query().unwrap_or_default(), "site")
}
