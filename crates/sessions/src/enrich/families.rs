//! The rules that read a user agent: uap-core's for browser and system, isbot's for bots.
//!
//! uap-core's third list, device models, is not used: it says `Samsung SM-T580`, not whether that is a tablet, and
//! is the largest of the three. [`super::Device`] has its own rules.

use std::sync::LazyLock;

use isbot::Bots;
use ua_parser::{os, user_agent};

const BROWSERS: &str = include_str!("../../data/uap-core/browsers.tsv");
const SYSTEMS: &str = include_str!("../../data/uap-core/systems.tsv");
const MORE_BOTS: &str = include_str!("../../data/bots.txt");

/// Compiled once in a process, when the first user agent comes, and shared by all threads.
static RULES: LazyLock<Rules> = LazyLock::new(Rules::compile);

/// Apart, since the edge asks for bots and for nothing else.
static BOTS: LazyLock<Bots> = LazyLock::new(|| {
    let mut bots = Bots::default();
    bots.append(&MORE_BOTS.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>());
    bots
});

struct Rules {
    browsers: user_agent::Extractor<'static>,
    systems: os::Extractor<'static>,
}

/// What the rules say of one user agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Families {
    pub(super) browser: Option<Box<str>>,
    pub(super) os: Option<Box<str>>,
    pub(super) is_bot: bool,
}

impl Rules {
    fn compile() -> Self {
        let browsers = rules(BROWSERS).map(|(regex, family)| user_agent::Parser {
            regex: regex.into(),
            family_replacement: family.map(Into::into),
            ..Default::default()
        });
        let systems = rules(SYSTEMS).map(|(regex, family)| os::Parser {
            regex: regex.into(),
            os_replacement: family.map(Into::into),
            ..Default::default()
        });
        let browsers = user_agent::Builder::new().push_all(browsers).expect("the rules in the binary are well-formed");
        let systems = os::Builder::new().push_all(systems).expect("the rules in the binary are well-formed");
        Self {
            browsers: browsers.build().expect("the rules in the binary are well-formed"),
            systems: systems.build().expect("the rules in the binary are well-formed"),
        }
    }
}

/// A regex in each line, and the family where the regex's first group is not it.
fn rules(list: &'static str) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once('\t').map_or((line, None), |(regex, family)| (regex, Some(family))))
}

/// Compiles the rules if nobody has.
pub(super) fn warm_up() {
    LazyLock::force(&RULES);
    LazyLock::force(&BOTS);
}

/// What the rules say of a user agent.
pub(super) fn of(user_agent: &str) -> Families {
    let rules = &*RULES;
    Families {
        browser: rules.browsers.extract(user_agent).and_then(|found| family(&found.family)),
        os: rules.systems.extract(user_agent).and_then(|found| family(&found.os)),
        is_bot: is_bot(user_agent),
    }
}

/// Whether a user agent is a program's and no person's.
pub(super) fn is_bot(user_agent: &str) -> bool {
    BOTS.is_bot(user_agent)
}

/// A family that was cut out of the user agent is as long as its writer liked; `Other` is uap-core's word for none.
fn family(name: &str) -> Option<Box<str>> {
    let name = super::campaign::bounded_at(name.trim(), 64);
    (!name.is_empty() && name != "Other").then(|| name.into())
}
