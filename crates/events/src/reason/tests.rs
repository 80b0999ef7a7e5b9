use super::*;

/// Scripts, dashboards and clients go by these names. One more may come; none may go or change.
#[test]
fn the_names_of_reasons_are_public_and_stay() {
    let names: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(
        names,
        [
            "invalid_utf8",
            "invalid_encoding",
            "invalid_json",
            "too_deep",
            "duplicate_key",
            "wrong_type",
            "too_large",
            "too_many_hits",
            "no_hits",
            "unknown_field",
            "reserved_field",
            "missing_field",
            "too_long",
            "unknown_schema",
            "schema_mismatch",
            "invalid_hit_id",
            "invalid_site",
            "invalid_visitor",
            "invalid_type",
            "invalid_time",
            "time_out_of_range",
            "invalid_url",
            "invalid_ip",
            "needs_key",
            "wrong_key",
            "props_too_large",
            "unknown_site",
            "origin_not_allowed",
            "wrong_write_key",
            "excluded",
            "do_not_track",
            "bot",
            "prefetch",
            "over_quota",
            "hot_key",
            "unreadable_line",
            "empty_record",
            "expired",
        ]
    );
}

#[test]
fn a_reason_is_shown_by_its_name() {
    for reason in Reason::ALL {
        assert_eq!(reason.to_string(), reason.as_str());
    }
}

/// Senders are told to come again, or that all is well, for these and no others.
#[test]
fn what_is_unwanted_and_what_is_too_much_are_few() {
    let names = |is: fn(Reason) -> bool| -> Vec<&str> {
        Reason::ALL.iter().filter(|&&reason| is(reason)).map(|reason| reason.as_str()).collect()
    };
    assert_eq!(names(Reason::is_unwanted), ["excluded", "do_not_track", "bot", "prefetch"]);
    assert_eq!(names(Reason::is_pressure), ["over_quota", "hot_key"]);
}
