//! What a hit says of its visitor and its page, and what a session knows from that.

/// Where a visitor came from, with what, and where the visitor is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[allow(missing_docs, reason = "the fields are named as in the session's record")]
pub struct Visit {
    pub referrer: Option<String>,
    pub source: Option<String>,
    pub medium: Option<String>,
    pub campaign: Option<String>,
    pub term: Option<String>,
    pub content: Option<String>,
    pub channel: String,
    pub browser: Option<String>,
    pub os: Option<String>,
    pub device: Option<String>,
    pub is_bot: bool,
    pub country: Option<String>,
    pub region: Option<String>,
    pub language: Option<String>,
    pub screen: Option<String>,
}

/// What one hit tells besides when, by whom and of what kind it was. Nothing is worked out here: whoever asks the model
/// brings along what a hit by itself tells.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Details {
    /// The page's title.
    pub title: Option<String>,
    /// Who the site says the visitor is.
    pub user_id: Option<String>,
    /// What a session has from it if it is the session's first hit.
    pub visit: Visit,
}

/// What a final session has from its hits' details.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Known {
    /// R17: as its first hit tells.
    pub visit: Visit,
    /// R17: as the last hit tells that tells it.
    pub user_id: Option<String>,
    /// R16: the titles of its pages, in their order.
    pub titles: Vec<Option<String>>,
}
