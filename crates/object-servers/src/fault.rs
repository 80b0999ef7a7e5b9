//! What goes wrong, and when.

use std::fmt;

/// What becomes of one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The connection breaks before the server hears of it.
    Lose,
    /// The server does what was asked, and the connection breaks before its answer.
    DropAnswer,
    /// The server does not hear of it: an answer of this status and code comes from in between.
    Refuse(u16, &'static str),
    /// The server does what was asked, and the answer has this status and code.
    ActAndRefuse(u16, &'static str),
    /// The server does not hear of it, and no answer ever comes.
    Hang,
    /// The server does what was asked, and no answer ever comes.
    ActAndHang,
    /// Half of the answer's body comes, then the connection breaks.
    CutAnswer,
    /// Half of the request's body reaches the server, then both connections break.
    CutRequest,
    /// The server hears of it once the proxy is told to [`release`](crate::Proxy::release) it, whether the client is still
    /// there or not.
    Hold,
    /// The server does what was asked; its answer waits until the proxy is told to release it.
    ActAndHold,
}

impl Fault {
    /// Every way in which a request goes wrong at once: no one waits for ever.
    pub const AT_ONCE: [Self; 9] = [
        Self::Lose,
        Self::DropAnswer,
        Self::Refuse(503, "SlowDown"),
        Self::Refuse(500, "InternalError"),
        Self::ActAndRefuse(500, "InternalError"),
        Self::Refuse(409, "ConditionalRequestConflict"),
        Self::ActAndRefuse(503, "SlowDown"),
        Self::CutAnswer,
        Self::CutRequest,
    ];
}

/// A request, as far as a plan may look at it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// `GET`, `PUT` and so on.
    pub method: String,
    /// Path and query, without escapes.
    pub path: String,
}

/// Which requests go wrong, and how.
pub struct Plan(Box<Rule>);

type Rule = dyn FnMut(&Asked) -> Option<Fault> + Send;

impl Plan {
    /// Any rule.
    pub fn new(rule: impl FnMut(&Asked) -> Option<Fault> + Send + 'static) -> Self {
        Self(Box::new(rule))
    }

    /// All goes well.
    pub fn none() -> Self {
        Self::new(|_| None)
    }

    /// All goes wrong.
    pub fn always(fault: Fault) -> Self {
        Self::new(move |_| Some(fault))
    }

    /// The first so many go wrong.
    pub fn first(mut count: usize, fault: Fault) -> Self {
        Self::new(move |_| {
            let before = count;
            count = count.saturating_sub(1);
            (before > 0).then_some(fault)
        })
    }

    /// The one with this number goes wrong; the first has number 0.
    pub fn nth(mut number: usize, fault: Fault) -> Self {
        Self::new(move |_| {
            let is_it = number == 0;
            number = number.wrapping_sub(1);
            is_it.then_some(fault)
        })
    }

    /// One of so many goes wrong, in one of these ways; the same seed and the same requests, the same faults.
    pub fn seeded(mut seed: u64, one_in: u64, faults: &[Fault]) -> Self {
        let faults = faults.to_vec();
        Self::new(move |_| {
            let drawn = draw(&mut seed);
            let which = usize::try_from(drawn >> 32).expect("32 bits fit") % faults.len();
            drawn.is_multiple_of(one_in).then(|| faults[which])
        })
    }

    /// The plan for requests of this method whose path has this in it; all others go well, and are not counted.
    #[must_use]
    pub fn on(mut self, method: &'static str, part: impl Into<String>) -> Self {
        let part = part.into();
        Self::new(
            move |asked| if asked.method == method && asked.path.contains(&part) { (self.0)(asked) } else { None },
        )
    }

    pub(crate) fn fault(&mut self, asked: &Asked) -> Option<Fault> {
        (self.0)(asked)
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plan")
    }
}

/// SplitMix64.
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(mut plan: Plan, requests: usize) -> Vec<usize> {
        let asked = Asked { method: "PUT".to_owned(), path: "/bucket/key".to_owned() };
        (0..requests).filter(|_| plan.fault(&asked).is_some()).collect()
    }

    #[test]
    fn a_plan_says_which_requests_go_wrong() {
        assert_eq!(run(Plan::nth(2, Fault::Lose), 5), [2]);
        assert_eq!(run(Plan::first(2, Fault::Lose), 5), [0, 1]);
        assert_eq!(run(Plan::always(Fault::Lose).on("PUT", "/key"), 2), [0, 1]);
        assert!(run(Plan::always(Fault::Lose).on("GET", "/key"), 2).is_empty());
        let seeded = || run(Plan::seeded(7, 3, &[Fault::Lose, Fault::Hang]), 300);
        assert_eq!(seeded(), seeded());
        assert!((70..130).contains(&seeded().len()), "{}", seeded().len());
    }
}
