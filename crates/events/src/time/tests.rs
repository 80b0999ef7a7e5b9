use super::*;
use proptest::prelude::*;

#[test]
fn a_time_with_an_offset_is_the_same_moment() {
    let moment: Timestamp = "2015-05-17T12:05:03+02:00".parse().unwrap();
    assert_eq!(moment.to_string(), "2015-05-17T10:05:03.000Z");
}

#[test]
fn days_that_do_not_exist_are_refused() {
    for text in ["2026-02-30T00:00:00.000Z", "2026-13-01T00:00:00.000Z", "2026-01-01T24:00:00.000Z", "", "now"] {
        assert!(text.parse::<Timestamp>().is_err(), "{text} was taken");
    }
}

/// A record's time is written by this, whatever it is: one that could not be read back would be no row.
#[test]
fn whatever_a_time_is_it_is_written_so_that_it_can_be_read() {
    for millis in [i64::MIN, FIRST_MILLI - 1, FIRST_MILLI, LAST_MILLI, LAST_MILLI + 1, i64::MAX] {
        let text = Timestamp::from_millis(millis).to_string();
        assert_eq!(text.parse(), Ok(Timestamp(millis.clamp(FIRST_MILLI, LAST_MILLI))), "{text}");
    }
    assert_eq!(Timestamp::writable(LAST_MILLI), Some(Timestamp(LAST_MILLI)));
    for millis in [i64::MIN, FIRST_MILLI - 1, LAST_MILLI + 1, i64::MAX] {
        assert_eq!(Timestamp::writable(millis), None);
    }
}

#[test]
fn spans_carry_their_unit() {
    for (text, millis) in [("5ms", 5), ("200s", 200_000), ("30m", 1_800_000), ("24h", 86_400_000), ("0s", 0)] {
        assert_eq!(text.parse::<Span>().unwrap().as_millis(), millis);
    }
    assert_eq!(Span::from_mins(30).to_string(), "30m");
    assert_eq!(Span::from_hours(24).to_string(), "1d");
    for text in ["30", "m", "-5s", "1.5h", "99999999999999999999h", "5 s", ""] {
        assert!(text.parse::<Span>().is_err(), "{text} was taken");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(millis in FIRST_MILLI..=LAST_MILLI) {
        let moment = Timestamp::from_millis(millis);
        prop_assert_eq!(moment.to_string().parse::<Timestamp>().unwrap(), moment);
        let library = jiff::Timestamp::from_millisecond(millis).unwrap();
        prop_assert_eq!(format!("{library:.3}"), moment.to_string());
    }

    #[test]
    fn nothing_but_our_own_form_is_read_as_such(at in 0..Timestamp::TEXT_LEN, byte in any::<u8>()) {
        let mut text = *b"2026-11-21T09:30:00.123Z";
        text[at] = byte;
        if let Some(millis) = parse_own_form(&text) {
            prop_assert_eq!(Timestamp::from_millis(millis).to_text(), text);
        }
    }

    #[test]
    fn a_span_is_read_back(millis in 0i64..1 << 50) {
        let span = Span::from_millis(millis);
        prop_assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
    }
}
