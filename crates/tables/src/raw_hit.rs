//! The columns that `hits` and `late` share: the hit as it was collected, and what the sessionizer always adds.

/// [`columns!`](crate::columns::columns) with a hit's own columns first. What the engine insists on is required;
/// what it passes over may be absent, or be something else than it should: then the cell is empty.
macro_rules! hit_columns {
    ($row:ident, $columns:ident { $($more:tt)* }) => {
        $crate::columns::columns! {
            $row, $columns {
                /// The hit's id, a UUID: from the browser, or given by the collector.
                required hit_id: Utf8,
                /// The record's schema, `hit/1`.
                required schema: Utf8,
                /// The site (tenant) that the hit belongs to.
                required site: Utf8,
                /// The browser as the tracker knows it; empty for a hit without identity.
                optional visitor_id: Utf8,
                /// Who the site says the visitor is.
                optional user_id: Utf8,
                /// `pageview`, `engagement`, `request`, or the name of a custom event.
                required kind as "type": Utf8,
                /// When it happened, corrected for the client's clock.
                required event_time: Time,
                /// When the browser says it happened.
                optional client_time: Time,
                /// When the browser says it sent the request.
                optional sent_at: Time,
                /// When the collector got it.
                optional received_at: Time,
                /// The page.
                optional url: Utf8,
                /// The document's title.
                optional title: Utf8,
                /// Where the visitor came from.
                optional referrer: Utf8,
                /// The browser's language, BCP 47.
                optional language: Utf8,
                /// The browser's time zone, IANA name.
                optional timezone: Utf8,
                /// The screen in pixels, `1920x1080`.
                optional screen: Utf8,
                /// The browser's own words.
                optional user_agent: Utf8,
                /// The client's address, after the site's policy.
                optional ip: Utf8,
                /// Country of the address, ISO 3166-1 alpha-2.
                optional country: Utf8,
                /// Region of the address, ISO 3166-2.
                optional region: Utf8,
                /// What privacy signals were seen and what was done, as JSON.
                optional privacy: Json,
                /// `prefetch` or `prerender`: the browser fetched the page before anybody asked for it.
                optional purpose: Utf8,
                /// The time zone in which the site's days are cut, IANA name.
                optional site_timezone: Utf8,
                /// The site's own properties, as JSON.
                optional props: Json,
                /// The event time that windows and dates use: never more than a minute after the log took the hit.
                required time: Time,
                /// Offset of the hit in its partition of `hits`.
                required raw_offset: Int64,
                /// Whether `time` is the log's time because the event time lay in its future.
                defaulted clamped: Flag,
                $($more)*
            }
            site: site, time: time
        }
    };
}

pub(crate) use hit_columns;
