//! What generated hits say of their visitor and their page: from small sets, so that it repeats and differs.

use proptest::prelude::*;
use proptest::sample::select;

use super::model::{Details, Kind, Visit};

type Text = Option<&'static str>;

/// What a hit says besides when, by whom and of what kind, in the words of its record.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Says {
    /// What stands before the path in its URL.
    pub front: &'static str,
    /// What stands behind it.
    pub query: &'static str,
    pub title: Text,
    pub referrer: Text,
    pub user_agent: Text,
    pub user_id: Text,
    pub country: Text,
    pub region: Text,
    pub language: Text,
    pub screen: Text,
}

/// The first is named as a site is, the second is of no site.
const FRONTS: &[&str] = &["", "https://shop", "http://elsewhere.example"];
const QUERIES: &[&str] = &[
    "",
    "?color=red#top",
    "?utm_source=letter&utm_medium=email&utm_campaign=may",
    "?utm_source=google&utm_medium=cpc&utm_campaign=%22sale%22&utm_term=a+b&utm_content=2",
    "?utm_campaign=june",
];
/// With texts that need an escape in JSON, and one that is cut within a character of two bytes.
const TITLES: &[Text] = &[None, Some("Home"), Some(""), Some("A \"great\"\n\\ \u{fc}bersicht"), Some(LONG_TITLE)];
const LONG_TITLE: &str = concat!(
    "+",
    "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü",
    "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü",
    "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü",
    "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü",
);
/// The third and the fourth are pages of the site itself.
const REFERRERS: &[Text] = &[
    None,
    Some("https://www.google.com/"),
    Some("https://shop/a"),
    Some("http://elsewhere.example/b"),
    Some("https://blog.example/?q=\"shop\""),
];
const USER_AGENTS: &[Text] = &[
    None,
    Some("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"),
    Some(concat!(
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) ",
        "Version/18.1 Mobile/15E148 Safari/604.1"
    )),
    Some("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
];
const USERS: &[Text] = &[None, Some("ann"), Some("\"bob\""), Some("ann@shop.example")];
const PLACES: &[(Text, Text)] = &[(None, None), (Some("DE"), None), (Some("DE"), Some("DE-BE")), (Some("JP"), None)];
const LANGUAGES: &[Text] = &[None, Some("de-DE"), Some("en"), Some("")];
const SCREENS: &[Text] = &[None, Some("1920x1080"), Some("390x844")];

/// Whatever a hit may say; it shrinks to nothing.
pub fn says() -> impl Strategy<Value = Says> {
    let of_page = (select(FRONTS), select(QUERIES), select(TITLES), select(REFERRERS));
    let of_visitor = (select(USER_AGENTS), select(USERS), select(PLACES), select(LANGUAGES), select(SCREENS));
    (of_page, of_visitor).prop_map(
        |((front, query, title, referrer), (user_agent, user_id, (country, region), language, screen))| Says {
            front,
            query,
            title,
            referrer,
            user_agent,
            user_id,
            country,
            region,
            language,
            screen,
        },
    )
}

impl Says {
    /// The URL of a hit that says this. A page view without a path has none, and hits of other kinds need none.
    pub fn url(&self, kind: &Kind) -> Option<String> {
        let path = match kind {
            Kind::PageView { path } => path.as_deref()?,
            _ if self.front.is_empty() => return None,
            _ => "/checkout",
        };
        Some(format!("{}{path}{}", self.front, self.query))
    }

    /// What stands in the record of a session as it stands in that of the hit. What follows from it is not there.
    pub fn details(&self) -> Details {
        let own = |text: Text| text.map(str::to_owned);
        let visit = Visit {
            referrer: own(self.referrer),
            country: own(self.country),
            region: own(self.region),
            language: own(self.language),
            screen: own(self.screen),
            ..Visit::default()
        };
        Details { title: own(self.title), user_id: own(self.user_id), visit }
    }
}
