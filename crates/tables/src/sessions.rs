//! The table `sessions`: final sessions, each once.

use crate::cell::{Flag, Int32, Int64, Pages, Texts, Time, Utf8};
use crate::columns::columns;

columns! {
    SessionRow, SessionColumns {
        /// The session's id, a UUID from site, visitor and the hit that opened it.
        required session_id: Utf8,
        /// The record's schema, `session/1`.
        required schema: Utf8,
        /// The site (tenant).
        required site: Utf8,
        /// The browser as the tracker knows it.
        required visitor_id: Utf8,
        /// Who the site says the visitor is.
        optional user_id: Utf8,
        /// Event time of the first hit.
        required start: Time,
        /// Event time of the last hit.
        required end: Time,
        /// `end` − `start` in milliseconds.
        required duration_ms: Int64,
        /// All hits.
        required hit_count: Int32,
        /// Page views.
        required pageview_count: Int32,
        /// Custom events.
        required event_count: Int32,
        /// One page view and no custom event.
        required is_bounce: Flag,
        /// Time that pages were looked at, in milliseconds, as the tracker measured it.
        required engaged_ms: Int64,
        /// The earliest pages, in order of time: path, title, time.
        defaulted pages: Pages,
        /// Whether there were more pages than `pages` holds.
        defaulted pages_truncated: Flag,
        /// Path of the first page view.
        optional entry_page: Utf8,
        /// Path of the last page view.
        optional exit_page: Utf8,
        /// Referrer of the first hit.
        optional referrer: Utf8,
        /// Where the first hit came from: `google`, `newsletter`, a host.
        optional source: Utf8,
        /// By what means: `organic`, `cpc`, `email`, `referral`.
        optional medium: Utf8,
        /// `utm_campaign` of the first hit.
        optional campaign: Utf8,
        /// `utm_term` of the first hit.
        optional term: Utf8,
        /// `utm_content` of the first hit.
        optional content: Utf8,
        /// Source and medium as one of the usual groups: `direct`, `organic_search`, …
        optional channel: Utf8,
        /// Browser family of the first hit.
        optional browser: Utf8,
        /// Operating system of the first hit.
        optional os: Utf8,
        /// `desktop`, `mobile`, `tablet` or `other`.
        optional device: Utf8,
        /// Whether the first hit's user agent is a known bot's.
        defaulted is_bot: Flag,
        /// Country of the first hit, ISO 3166-1 alpha-2.
        optional country: Utf8,
        /// Region of the first hit, ISO 3166-2.
        optional region: Utf8,
        /// Language of the first hit, BCP 47.
        optional language: Utf8,
        /// Screen of the first hit, `1920x1080`.
        optional screen: Utf8,
        /// What made it final: `gap`, `max_duration`, `max_hits` or `end_of_input`.
        required closed_by: Utf8,
        /// Whether another session of the visitor lies within the gap.
        defaulted is_split: Flag,
        /// Sessions that were merged into this one; hits enriched before the merge name them.
        defaulted merged_ids: Texts,
        /// Lowest offset of its hits in their partition of `hits`, which is `partition`.
        required first_offset: Int64,
        /// Highest offset of its hits.
        required last_offset: Int64,
        /// The watermark that made it final.
        required closed_at: Time,
    }
    site: site, time: start
}
