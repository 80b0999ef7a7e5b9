//! Every metric there is: its name, its kind, and the sentence that explains it, here and in `/metrics`.

/// One of them, as docs/metrics.md shows it.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// As Prometheus shows it.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The sentence that explains it.
    pub says: &'static str,
}

/// Makes a constant of each metric's name, and a function that describes all of them to the recorder.
macro_rules! metrics {
    ($(#[doc = $doc:literal] $kind:ident $constant:ident = $name:literal;)+) => {
        $(#[doc = $doc] pub const $constant: &str = $name;)+

        /// Hands every metric's sentence to the recorder.
        pub fn describe_all() {
            $(describe!($kind, $name, $doc);)+
        }

        /// Every metric.
        pub const ALL: &[Metric] = &[$(Metric { name: $name, kind: stringify!($kind), says: $doc.trim_ascii() }),+];
    };
}

macro_rules! describe {
    (counter, $name:literal, $doc:literal) => {
        ::metrics::describe_counter!($name, $doc.trim_ascii())
    };
    (gauge, $name:literal, $doc:literal) => {
        ::metrics::describe_gauge!($name, $doc.trim_ascii())
    };
    (histogram, $name:literal, $doc:literal) => {
        ::metrics::describe_histogram!($name, $doc.trim_ascii())
    };
}

metrics! {
    // The edge.
    /// HTTP requests answered on the public port, by route and status.
    counter HTTP_REQUESTS = "tributary_http_requests_total";
    /// Seconds from the end of a request's head to its answer, by route.
    histogram HTTP_SECONDS = "tributary_http_request_seconds";
    /// Connections open on the public port.
    gauge HTTP_CONNECTIONS = "tributary_http_connections";
    /// Bytes of request bodies reserved at this moment.
    gauge HTTP_BYTES_IN_FLIGHT = "tributary_http_bytes_in_flight";
    /// Hits that are on the bus or in the spool and were acknowledged.
    counter HITS_ACCEPTED = "tributary_hits_accepted_total";
    /// Hits and request bodies that the collector rejected, by reason.
    counter HITS_REJECTED = "tributary_hits_rejected_total";
    /// Requests shed before they were read, by the bound that was reached.
    counter REQUESTS_SHED = "tributary_requests_shed_total";

    /// Hits of people who ask not to be tracked that were counted all the same, by what was done.
    counter HITS_PRIVATE = "tributary_hits_private_total";
    /// Hits of pages that were fetched before anybody asked for them, and are flagged.
    counter HITS_PREFETCHED = "tributary_hits_prefetched_total";
    /// Readings of the file of sites, by whether they were used.
    counter SITES_READ = "tributary_sites_read_total";
    /// 1 while the file of sites cannot be used, and what it said before holds.
    gauge SITES_STALE = "tributary_sites_stale";
    /// Readings of the database of places while it was in use, by whether they were used.
    counter PLACES_READ = "tributary_geoip_read_total";
    /// 1 while the database of places cannot be used, and the one before it goes on.
    gauge PLACES_STALE = "tributary_geoip_stale";
    /// Readings of the certificate while it was in use, by whether they were used.
    counter TLS_READ = "tributary_tls_read_total";
    /// 1 while the certificate's files cannot be used, and the one before goes on.
    gauge TLS_STALE = "tributary_tls_stale";

    // The spool.
    /// Bytes that the spool takes on disk.
    gauge SPOOL_BYTES = "tributary_spool_bytes";
    /// Records in the spool that are not on the bus yet.
    gauge SPOOL_RECORDS = "tributary_spool_records";
    /// Age of the oldest record in the spool; 0 where there is none.
    gauge SPOOL_OLDEST_SECONDS = "tributary_spool_oldest_seconds";
    /// Records that went to the spool since the bus did not take them.
    counter SPOOLED = "tributary_spooled_total";
    /// Records that the spool did not take either, by reason.
    counter SPOOL_REFUSED = "tributary_spool_refused_total";
    /// Records that were sent on from the spool to the bus.
    counter SPOOL_DRAINED = "tributary_spool_drained_total";
    /// Records in the spool that could not be read any more, and are lost.
    counter SPOOL_DAMAGED = "tributary_spool_damaged_total";

    // The bus.
    /// Seconds until a publish was durable.
    histogram PUBLISH_SECONDS = "tributary_publish_seconds";
    /// Failed calls to the bus, by operation.
    counter BUS_ERRORS = "tributary_bus_errors_total";
    /// Bytes of records that wait to be made durable by the bus.
    gauge BUS_QUEUED_BYTES = "tributary_bus_queued_bytes";
    /// 1 while the bus answers, 0 while it is away.
    gauge BUS_UP = "tributary_bus_up";
    /// Producers that were replaced: they failed for good, or heard nothing while the bus answered others.
    counter BUS_PRODUCERS_REPLACED = "tributary_bus_producers_replaced_total";

    /// Records of an embedded log that --retention removed before every group had committed them.
    counter BUS_EXPIRED_UNCOMMITTED = "tributary_bus_expired_uncommitted_total";

    // The sessionizer.
    /// Hits that were given to a session or enriched without one.
    counter HITS_ENRICHED = "tributary_hits_enriched_total";
    /// Hits that were late, by reason.
    counter HITS_LATE = "tributary_hits_late_total";
    /// Copies of hits that were known already.
    counter HITS_DUPLICATE = "tributary_hits_duplicate_total";
    /// Hits whose event time lay ahead of their append time and was set to it.
    counter HITS_CLAMPED = "tributary_hits_clamped_total";
    /// Hits of known bots.
    counter HITS_BOT = "tributary_hits_bot_total";
    /// Final sessions.
    counter SESSIONS_FINAL = "tributary_sessions_final_total";
    /// Records of the log that could not be used and were skipped, by topic; `rejected` has those of `hits`, with reasons.
    counter RECORDS_SKIPPED = "tributary_records_skipped_total";
    /// Sessions that are open, by partition.
    gauge SESSIONS_OPEN = "tributary_sessions_open";
    /// Stubs of final sessions that are remembered, by partition.
    gauge SESSION_STUBS = "tributary_session_stubs";
    /// Seconds that the watermark lies behind the clock, by partition.
    gauge WATERMARK_LAG_SECONDS = "tributary_watermark_lag_seconds";
    /// Records of `hits` between the position and the end, by partition.
    gauge HITS_LAG = "tributary_hits_lag_records";
    /// Records read so far by the restore of a partition, of its state and of its log.
    gauge RESTORE_RECORDS = "tributary_restore_records";
    /// Offsets that the restore of a partition has still to read in the topic that it is at.
    gauge RESTORE_LEFT = "tributary_restore_left_offsets";
    /// Ticks written for partitions without hits.
    counter TICKS_WRITTEN = "tributary_ticks_written_total";

    // The lake.
    /// Rows in committed files, by table.
    counter LAKE_ROWS = "tributary_lake_rows_total";
    /// Committed files, by table.
    counter LAKE_FILES = "tributary_lake_files_total";
    /// Bytes in committed files, by table.
    counter LAKE_BYTES = "tributary_lake_bytes_total";
    /// Seconds that a batch took from its record to its last file, by table.
    histogram LAKE_COMMIT_SECONDS = "tributary_lake_commit_seconds";
    /// Failed calls to the object store, by operation.
    counter LAKE_ERRORS = "tributary_lake_errors_total";
    /// Cells left empty because a record's value did not fit the column, by table.
    counter LAKE_CELLS_UNREADABLE = "tributary_lake_cells_unreadable_total";
    /// Bytes of memory that rows take on their way into the lake: gathering, encoded, uploaded; --memory bounds it.
    gauge LAKE_GATHERED_BYTES = "tributary_lake_gathered_bytes";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_usual_form_and_none_is_taken_twice() {
        let distinct: std::collections::BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(distinct.len(), ALL.len());
        for Metric { name, .. } in ALL {
            assert!(name.starts_with("tributary_"), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        }
    }

    #[test]
    fn the_document_has_all_of_them() {
        let row = |metric: &Metric| format!("| `{}` | {} | {} |\n", metric.name, metric.kind, metric.says);
        let table = format!(
            "| metric | kind | what it says |\n| --- | --- | --- |\n{}",
            ALL.iter().map(row).collect::<String>()
        );
        let document = include_str!("../../../docs/metrics.md");
        assert!(document.contains(&table), "docs/metrics.md must have this table:\n\n{table}");
    }
}
