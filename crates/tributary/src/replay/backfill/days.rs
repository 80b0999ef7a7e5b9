//! Which days a backfill writes, and how much more it reads.

use anyhow::{Result, bail};
use events::{Timestamp, WindowSettings};
use tables::Day;

/// The days that are written; without an end they go as far as the lake does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Days {
    from: Option<Day>,
    to: Option<Day>,
}

impl Days {
    /// From the first of these days to the last, both of them included.
    pub fn new(from: Option<Day>, to: Option<Day>) -> Result<Self> {
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            bail!("--from {from} lies after --to {to}");
        }
        Ok(Self { from, to })
    }

    /// Whether every day there is belongs to them.
    pub fn are_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether that moment falls on one of them.
    pub fn contain(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from.start() <= time) && self.to.is_none_or(|to| time < to.end())
    }

    /// What must be read for the rows of these days to be what they would be if everything were read.
    ///
    /// A session that reaches into the first day began at most the longest session before it, and whether it began there the
    /// gap before that tells. One that begins on the last day ends at most the longest session after it; that it is over is
    /// known a gap and the lateness later.
    pub fn window(&self, settings: &WindowSettings) -> Window {
        let WindowSettings { gap, lateness, max_session, .. } = *settings;
        Window {
            from: self.from.map(|from| from.start().saturating_sub(max_session).saturating_sub(gap)),
            to: self.to.map(|to| to.end().saturating_add(max_session).saturating_add(gap).saturating_add(lateness)),
        }
    }

    /// As text, for the log's id.
    pub(super) fn name(&self) -> String {
        let day = |day: Option<Day>| day.map_or_else(|| "-".to_owned(), |day| day.to_string());
        format!("from {} to {}", day(self.from), day(self.to))
    }
}

/// The span of time that is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Window {
    /// Whether a hit of that time is read.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
    }

    /// Whether any moment of that day is in it.
    pub fn touches(&self, day: Day) -> bool {
        self.from.is_none_or(|from| from < day.end()) && self.to.is_none_or(|to| day.start() < to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Span;

    fn day(text: &str) -> Option<Day> {
        Some(text.parse().unwrap())
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn both_days_are_included_and_a_session_more_is_read_at_both_ends() {
        let days = Days::new(day("2015-05-18"), day("2015-05-19")).unwrap();
        assert!(days.contain(at("2015-05-18T00:00:00.000Z")) && days.contain(at("2015-05-19T23:59:59.999Z")));
        assert!(!days.contain(at("2015-05-17T23:59:59.999Z")) && !days.contain(at("2015-05-20T00:00:00.000Z")));

        let settings = WindowSettings { max_session: Span::from_hours(24), ..WindowSettings::default() };
        let window = days.window(&settings);
        assert!(window.contains(at("2015-05-16T23:30:00.000Z")) && !window.contains(at("2015-05-16T23:29:59.999Z")));
        assert!(window.contains(at("2015-05-21T00:39:59.999Z")) && !window.contains(at("2015-05-21T00:40:00.000Z")));
        let touched: Vec<_> = (14..24).filter(|n| window.touches(format!("2015-05-{n}").parse().unwrap())).collect();
        assert_eq!(touched, [16, 17, 18, 19, 20, 21]);
    }

    #[test]
    fn without_an_end_everything_belongs() {
        let days = Days::new(None, day("2015-05-19")).unwrap();
        let window = days.window(&WindowSettings::default());
        assert!(
            days.contain(Timestamp::MIN)
                && window.contains(Timestamp::MIN)
                && window.touches(day("1970-01-01").unwrap())
        );
        assert!(Days::default().are_all() && !days.are_all());
        assert!(Days::default().window(&WindowSettings::default()).contains(at("2100-01-01T00:00:00.000Z")));
    }

    #[test]
    fn days_in_the_wrong_order_are_refused() {
        let why = Days::new(day("2015-05-19"), day("2015-05-18")).unwrap_err().to_string();
        assert_eq!(why, "--from 2015-05-19 lies after --to 2015-05-18");
    }
}
