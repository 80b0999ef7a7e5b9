//! Sessions alone, in a form of the caller's: for jobs that other engines do as well, so that both can be measured side
//! by side. Nothing of the pipeline itself runs so.

use events::Timestamp;

use crate::node::FinalSession;

/// Writes a final session's record.
pub type WriteBare = fn(&BareSession<'_>, &mut Vec<u8>);

/// What a final session is without what enrichment adds.
#[derive(Clone, Copy, Debug)]
pub struct BareSession<'a>(pub(crate) &'a FinalSession);

impl<'a> BareSession<'a> {
    /// `site/visitor_id`.
    pub fn key(&self) -> &'a str {
        text(self.0.texts.key())
    }

    /// The time of the first hit.
    pub fn start(&self) -> Timestamp {
        self.0.start
    }

    /// The time of the last hit.
    pub fn end(&self) -> Timestamp {
        self.0.end
    }

    /// How many hits it has.
    pub fn hit_count(&self) -> usize {
        self.0.hits
    }

    /// Time and path of the pages that it lists, the earliest ones, in order of arrival.
    pub fn pages(&self) -> impl Iterator<Item = (Timestamp, &'a str)> {
        self.0.texts.pages().map(|page| (page.time, text(page.path)))
    }

    /// The last page's path where more pages were seen than are listed.
    pub fn unlisted_exit(&self) -> Option<&'a str> {
        let overflow = self.0.open.rare.as_ref()?.overflow.as_ref()?;
        Some(text(&overflow.exit.2))
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it was put in as text")
}
