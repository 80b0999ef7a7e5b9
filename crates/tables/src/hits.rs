//! The table `hits`: each hit once, with its session and what was derived from it.

use crate::cell::{Flag, Int32, Int64, Json, Time, Utf8};
use crate::raw_hit::hit_columns;

hit_columns! {
    HitRow, HitColumns {
        /// The session that it was counted in; empty for a hit without identity.
        optional session_id: Utf8,
        /// Which of its session's hits it was, in order of arrival, from 1.
        optional session_seq: Int32,
        /// The URL's path.
        optional path: Utf8,
        /// Where it came from: `google`, `newsletter`, a host.
        optional source: Utf8,
        /// By what means: `organic`, `cpc`, `email`, `referral`.
        optional medium: Utf8,
        /// `utm_campaign`.
        optional campaign: Utf8,
        /// `utm_term`.
        optional term: Utf8,
        /// `utm_content`.
        optional content: Utf8,
        /// Source and medium as one of the usual groups: `direct`, `organic_search`, …
        optional channel: Utf8,
        /// The browser's family.
        optional browser: Utf8,
        /// The operating system.
        optional os: Utf8,
        /// `desktop`, `mobile`, `tablet` or `other`.
        optional device: Utf8,
        /// Whether the user agent is a known bot's.
        defaulted is_bot: Flag,
    }
}
