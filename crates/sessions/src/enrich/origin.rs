//! Where a visit came from: the campaign in the page's URL first, the referrer else.

use std::borrow::Cow;

use super::campaign::Campaign;
use super::channel::Channel;
use super::referrer::Referrer;
use super::sources::Kind;

/// Where a visit came from. Everything but the channel is absent where nothing names it, as in a direct visit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Origin<'h> {
    /// `google`, `newsletter`, `example.org`.
    pub source: Option<Cow<'h, str>>,
    /// `organic`, `cpc`, `social`, `email`, `video`, `referral`, or what `utm_medium` says.
    pub medium: Option<Cow<'h, str>>,
    /// `utm_campaign`.
    pub campaign: Option<Cow<'h, str>>,
    /// `utm_term`.
    pub term: Option<Cow<'h, str>>,
    /// `utm_content`.
    pub content: Option<Cow<'h, str>>,
    /// The channel; `None` where the visitor came from within the site itself. A session that begins so (after
    /// a pause, say) counts as [`Channel::Direct`].
    pub channel: Option<Channel>,
}

impl<'h> Origin<'h> {
    /// What the referrer tells alone.
    pub(super) fn of_referrer(referrer: Referrer<'h>) -> Self {
        let (source, medium, channel) = match referrer {
            Referrer::Absent => return Self { channel: Some(Channel::Direct), ..Self::default() },
            Referrer::Internal => return Self::default(),
            Referrer::Other(source) => (source, "referral", Channel::Referral),
            Referrer::Listed(source) => (Cow::Borrowed(source.name), source.kind.medium(), source.kind.into()),
        };
        Self { source: Some(source), medium: Some(Cow::Borrowed(medium)), channel: Some(channel), ..Self::default() }
    }

    /// `utm_source` and `utm_medium` are believed first. A click id fills what they leave open, unless
    /// `utm_source` names another source than it. The referrer is asked where no source is known even then.
    pub(super) fn of_campaign(campaign: Campaign<'h>, referrer: Referrer<'h>) -> Self {
        let Campaign { source, medium, name, term, content, click } = campaign;
        let click =
            click.filter(|click| source.as_ref().is_none_or(|source| source.eq_ignore_ascii_case(click.source)));
        // Instagram's links carry `fbclid` too: a referrer that is a social network knows better.
        let click = click.filter(|click| {
            let is_social = matches!(&referrer, Referrer::Listed(source) if source.kind == Kind::Social);
            !(click.medium == "social" && is_social)
        });
        let mut origin = match (click, &source) {
            (Some(click), _) => Self {
                source: Some(Cow::Borrowed(click.source)),
                medium: Some(Cow::Borrowed(click.medium)),
                ..Self::default()
            },
            (None, Some(_)) => Self::default(),
            (None, None) => Self::of_referrer(referrer),
        };
        let names_nothing = click.is_none() && source.is_none() && medium.is_none() && name.is_none();
        origin.source = source.or(origin.source);
        origin.medium = medium.or(origin.medium);
        origin.campaign = name;
        origin.term = term;
        origin.content = content;
        if !names_nothing {
            let channel = Channel::of(origin.source.as_deref(), origin.medium.as_deref(), origin.campaign.as_deref());
            origin.channel = Some(channel);
        }
        origin
    }

    /// The same, with copies of what was borrowed from the hit.
    pub fn into_owned(self) -> Origin<'static> {
        let own = |text: Option<Cow<'h, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Origin {
            source: own(self.source),
            medium: own(self.medium),
            campaign: own(self.campaign),
            term: own(self.term),
            content: own(self.content),
            channel: self.channel,
        }
    }
}
