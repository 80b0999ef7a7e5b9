//! Who sent a request, and for which site.

use std::borrow::Cow;
use std::net::SocketAddr;

use axum::http::Uri;
use events::{Invalid, query};

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The site that the address names, for bodies that name none.
pub(crate) fn named_site(uri: &Uri) -> Result<Option<Cow<'_, str>>, Invalid> {
    query::parameter(uri.query().unwrap_or_default(), "site")
}
