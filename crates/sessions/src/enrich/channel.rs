//! Channels, as Google Analytics 4 defines its default channel group for manually tagged traffic:
//! <https://support.google.com/analytics/answer/9756891>. Case never counts.
//!
//! Google's own lists of sites are its own; the ones in [`super::sources`] stand in for them.

use super::sources::{self, Kind};

/// A channel. The order is the one in which the rules are tried.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Channel {
    /// The address typed in, a bookmark, or a referrer that was withheld.
    Direct,
    /// One campaign over several networks.
    CrossNetwork,
    /// Ads on shopping sites.
    PaidShopping,
    /// Ads on search engines.
    PaidSearch,
    /// Ads on social networks.
    PaidSocial,
    /// Ads on video sites.
    PaidVideo,
    /// Banners.
    Display,
    /// Other ads.
    PaidOther,
    /// Links on shopping sites.
    OrganicShopping,
    /// Links on social networks.
    OrganicSocial,
    /// Links on video sites.
    OrganicVideo,
    /// Results of search engines.
    OrganicSearch,
    /// Links on other sites.
    Referral,
    /// Links in mails.
    Email,
    /// Links of affiliates.
    Affiliates,
    /// Podcasts and the like.
    Audio,
    /// Text messages.
    Sms,
    /// Push notifications.
    MobilePush,
    /// Tagged with something that no rule knows.
    Unassigned,
}

impl From<Kind> for Channel {
    /// The channel of a link on such a site.
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Search => Self::OrganicSearch,
            Kind::Social => Self::OrganicSocial,
            Kind::Video => Self::OrganicVideo,
            Kind::Shopping => Self::OrganicShopping,
            Kind::Email => Self::Email,
        }
    }
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 19] = [
        Self::Direct,
        Self::CrossNetwork,
        Self::PaidShopping,
        Self::PaidSearch,
        Self::PaidSocial,
        Self::PaidVideo,
        Self::Display,
        Self::PaidOther,
        Self::OrganicShopping,
        Self::OrganicSocial,
        Self::OrganicVideo,
        Self::OrganicSearch,
        Self::Referral,
        Self::Email,
        Self::Affiliates,
        Self::Audio,
        Self::Sms,
        Self::MobilePush,
        Self::Unassigned,
    ];

    /// The channel's name in records and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::CrossNetwork => "cross_network",
            Self::PaidShopping => "paid_shopping",
            Self::PaidSearch => "paid_search",
            Self::PaidSocial => "paid_social",
            Self::PaidVideo => "paid_video",
            Self::Display => "display",
            Self::PaidOther => "paid_other",
            Self::OrganicShopping => "organic_shopping",
            Self::OrganicSocial => "organic_social",
            Self::OrganicVideo => "organic_video",
            Self::OrganicSearch => "organic_search",
            Self::Referral => "referral",
            Self::Email => "email",
            Self::Affiliates => "affiliates",
            Self::Audio => "audio",
            Self::Sms => "sms",
            Self::MobilePush => "mobile_push",
            Self::Unassigned => "unassigned",
        }
    }

    /// The channel of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == name)
    }

    /// The channel of a source, medium and campaign. Google's rules in Google's order: the first that fits.
    pub(super) fn of(source: Option<&str>, medium: Option<&str>, campaign: Option<&str>) -> Self {
        if source.is_none() && medium.is_none() && campaign.is_none() {
            return Self::Direct;
        }
        let (source, medium, campaign) =
            (source.unwrap_or_default(), medium.unwrap_or_default(), campaign.unwrap_or_default());
        let is_medium = |names: &[&str]| names.iter().any(|name| medium.eq_ignore_ascii_case(name));
        let is_source = |names: &[&str]| names.iter().any(|name| source.eq_ignore_ascii_case(name));
        let is_paid = is_paid(medium);
        let kind = if is_shop_campaign(campaign) {
            Some(Kind::Shopping)
        } else {
            sources::by_name(source).map(|source| source.kind)
        };
        match kind {
            _ if is_source(&["(direct)", "direct"]) && is_medium(&["", "(not set)", "(none)"]) => Self::Direct,
            _ if contains(campaign, "cross-network") => Self::CrossNetwork,
            Some(Kind::Shopping) if is_paid => Self::PaidShopping,
            Some(Kind::Search) if is_paid => Self::PaidSearch,
            Some(Kind::Social) if is_paid => Self::PaidSocial,
            Some(Kind::Video) if is_paid => Self::PaidVideo,
            _ if is_medium(&["display", "banner", "expandable", "interstitial", "cpm"]) => Self::Display,
            _ if is_paid => Self::PaidOther,
            Some(Kind::Shopping) => Self::OrganicShopping,
            Some(Kind::Social) => Self::OrganicSocial,
            _ if is_medium(&SOCIAL_MEDIA) => Self::OrganicSocial,
            Some(Kind::Video) => Self::OrganicVideo,
            _ if contains(medium, "video") => Self::OrganicVideo,
            Some(Kind::Search) => Self::OrganicSearch,
            _ if is_medium(&["organic"]) => Self::OrganicSearch,
            _ if is_medium(&["referral", "app", "link"]) => Self::Referral,
            _ if is_medium(&EMAIL) || is_source(&EMAIL) => Self::Email,
            _ if is_medium(&["affiliate", "affiliates"]) => Self::Affiliates,
            _ if is_medium(&["audio"]) => Self::Audio,
            _ if is_medium(&["sms"]) || is_source(&["sms"]) => Self::Sms,
            _ if is_push(medium) || is_source(&["firebase"]) => Self::MobilePush,
            _ => Self::Unassigned,
        }
    }
}

const SOCIAL_MEDIA: [&str; 6] = ["social", "social-network", "social-media", "sm", "social network", "social media"];
const EMAIL: [&str; 4] = ["email", "e-mail", "e_mail", "e mail"];

/// `^(.*cp.*|ppc|retargeting|paid.*)$`
fn is_paid(medium: &str) -> bool {
    let is_paid = medium.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("paid"));
    is_paid || contains(medium, "cp") || ["ppc", "retargeting"].iter().any(|name| medium.eq_ignore_ascii_case(name))
}

/// `^(.*(([^a-df-z]|^)shop|shopping).*)$`: a shop or an eshop, but no workshop.
fn is_shop_campaign(campaign: &str) -> bool {
    let text = campaign.as_bytes();
    let is_shop = |at: usize| text[at..].len() >= 4 && text[at..at + 4].eq_ignore_ascii_case(b"shop");
    let may_follow = |byte: u8| !byte.is_ascii_alphabetic() || byte.eq_ignore_ascii_case(&b'e');
    contains(campaign, "shopping") || (0..text.len()).any(|at| is_shop(at) && (at == 0 || may_follow(text[at - 1])))
}

fn is_push(medium: &str) -> bool {
    let ends_so = medium.len() >= 4 && medium.as_bytes()[medium.len() - 4..].eq_ignore_ascii_case(b"push");
    ends_so || contains(medium, "mobile") || contains(medium, "notification")
}

/// Whether a text holds another one, in any case.
fn contains(text: &str, part: &str) -> bool {
    text.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}
