//! Visitors who are told apart by a cookie of the site's own.

use events::{Uuid, ids};

/// How long a browser keeps it: thirteen months, the longest that data protection authorities let pass.
const MAX_AGE_SECONDS: u32 = 395 * 24 * 60 * 60;

/// The visitor of a request that brings no cookie yet, from its first hit: who sends the same request again is the same
/// visitor.
pub(super) fn visitor(site: &str, first_hit: Uuid) -> Uuid {
    // As a session's id is made, of another key: no visitor has a slash in its name.
    ids::session_id(&[site.as_bytes(), b"//visitor"].concat(), first_hit)
}

/// The visitor that a request's cookie names.
pub(super) fn read(site: &str, header: &str) -> Option<Uuid> {
    let name = name(site);
    let mut cookies = header.split(';').filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(key, _)| *key == name).and_then(|(_, value)| ids::parse_hit_id(value))
}

/// The header that gives a browser its cookie. Scripts cannot read it, and other sites' pages do not send it.
pub(super) fn header(site: &str, visitor: Uuid) -> String {
    format!("{}={visitor}; Max-Age={MAX_AGE_SECONDS}; Path=/; HttpOnly; Secure; SameSite=Lax", name(site))
}

/// One for each site, so that two of them on one collector know nothing of each other. A site's name may have characters that
/// a cookie's may not.
fn name(site: &str) -> String {
    format!("tributary_{}", ids::content_hash(site.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_read_again_and_by_its_own_site_alone() {
        let visitor = visitor("shop.example", Uuid::from_u128(7));
        let set = header("shop.example", visitor);
        insta::assert_snapshot!(set);
        let pair = set.split(';').next().unwrap();
        assert_eq!(read("shop.example", &format!("a=b; {pair};c=d")), Some(visitor));
        assert_eq!(read("blog.example", pair), None);
        assert_eq!(read("shop.example", &format!("{}=x", name("shop.example"))), None, "it is none of ours");
    }

    #[test]
    fn a_visitor_follows_from_site_and_first_hit() {
        let id = |site, hit| visitor(site, Uuid::from_u128(hit));
        assert_eq!(id("a", 1), id("a", 1));
        assert!(id("a", 1) != id("a", 2) && id("a", 1) != id("b", 1));
        assert_ne!(id("a", 1), Uuid::from_u128(1), "who sees a hit does not see its visitor");
    }
}
