//! The full chunks of one session, as they come.
//!
//! Nearly all come in order, each once: those go to where the session will keep them, so that it takes memory once and
//! is copied once. What comes otherwise (anew, in another order, taken back, as older formats had it, broken) stands apart,
//! chunk by chunk, until the session's own record tells which of it holds.

use crate::changes::List;
use crate::pages::{KeyAndPages, MAX_PAGES, Packed};
use crate::prefetch::{prefetch, prefetch_start};
use crate::state::CHUNK;
use crate::state::chunks::{Chunk, IdChunk};

/// Ids and pages of full chunks.
#[derive(Debug)]
pub(super) struct Lists {
    /// The visitor's key, and the pages of the chunks that came in order.
    texts: KeyAndPages,
    /// The ids of those chunks.
    ids: Vec<u64>,
    /// All chunks, once one came otherwise.
    apart: Option<Box<Apart>>,
}

#[derive(Default, Debug)]
struct Apart {
    ids: Chunks<IdChunk>,
    pages: Chunks<Packed>,
}

/// The chunks of a list, by number.
#[derive(Debug)]
struct Chunks<T>(Vec<Option<Result<T, String>>>);

/// A chunk that is missing or cannot be read: its list and number, and why.
pub(super) type Unusable = (List, usize, String);

impl Lists {
    pub(super) fn new(visitor_key: &[u8]) -> Self {
        Self { texts: KeyAndPages::new(visitor_key, 0), ids: Vec::new(), apart: None }
    }

    /// The visitor's key.
    pub(super) fn key(&self) -> &[u8] {
        self.texts.key()
    }

    /// Asks for the memory that the next chunk goes to.
    pub(super) fn prefetch(&self) {
        self.texts.prefetch_ends();
        if let Some(last) = self.ids.last() {
            prefetch_start(last);
        }
    }

    /// Asks for the memory of all that came in order.
    pub(super) fn prefetch_whole(&self) {
        self.texts.prefetch();
        prefetch(&self.ids[..]);
    }

    /// Takes a chunk of both lists; `None` is a tombstone.
    pub(super) fn set(&mut self, number: u16, chunk: Option<Result<Chunk, String>>) {
        match chunk {
            Some(Ok(Chunk { ids, pages })) if self.is_next(number, pages.as_ref()) => {
                // Few sessions are long. Those that are would be copied with each chunk.
                self.ids.reserve_exact(CHUNK.max(self.ids.len() / 8));
                self.ids.extend_from_slice(&ids);
                if let Some(pages) = pages {
                    self.texts.append(&pages);
                }
            }
            chunk => {
                let apart = self.apart();
                let (ids, pages) = match chunk {
                    None => (None, None),
                    Some(Ok(Chunk { ids, pages })) => (Some(Ok(ids)), pages.map(Ok)),
                    Some(Err(why)) => (Some(Err(why.clone())), Some(Err(why))),
                };
                apart.ids.set(number, ids);
                apart.pages.set(number, pages);
            }
        }
    }

    /// Takes a chunk of ids alone.
    pub(super) fn set_ids(&mut self, number: u16, ids: Option<Result<IdChunk, String>>) {
        self.apart().ids.set(number, ids);
    }

    /// Takes a chunk of pages alone.
    pub(super) fn set_pages(&mut self, number: u16, pages: Option<Result<Packed, String>>) {
        self.apart().pages.set(number, pages);
    }

    /// Whether the chunk follows those that came in order, and its pages those pages.
    fn is_next(&self, number: u16, pages: Option<&Packed>) -> bool {
        self.apart.is_none()
            && usize::from(number) * CHUNK == self.ids.len()
            && pages.is_none_or(|pages| {
                let before = self.texts.page_count();
                before == self.ids.len() && pages.count() == CHUNK && before + CHUNK <= MAX_PAGES
            })
    }

    #[cold]
    fn apart(&mut self) -> &mut Apart {
        self.apart.get_or_insert_with(|| {
            let ids = std::mem::take(&mut self.ids);
            let ids = ids.as_chunks().0.iter().map(|&ids| Some(Ok(ids))).collect();
            let pages = self.texts.pages().collect::<Vec<_>>();
            let pages = pages.chunks(CHUNK).map(|pages| Some(Ok(Packed::of(pages)))).collect();
            let key = self.texts.key().to_vec();
            self.texts = KeyAndPages::new(&key, 0);
            Box::new(Apart { ids: Chunks(ids), pages: Chunks(pages) })
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        match &self.apart {
            None => self.ids.is_empty(),
            Some(apart) => apart.ids.is_empty() && apart.pages.is_empty(),
        }
    }

    /// The ids of the first so many chunks, with room for more of them; the key, and the pages of the first so many of those
    /// chunks, with room for more bytes of pages. Nothing is left where that succeeds.
    pub(super) fn take_first(
        &mut self,
        chunks: usize,
        more_ids: usize,
        page_chunks: usize,
        more_pages: usize,
    ) -> Result<(Vec<u64>, KeyAndPages), Unusable> {
        let Self { texts, ids, apart } = self;
        if let Some(apart) = apart {
            let of_ids = apart.ids.first(chunks).map_err(|(number, why)| (List::Ids, number, why))?;
            let pages = || apart.pages.first(page_chunks).map_err(|(number, why)| (List::Pages, number, why));
            let room = pages()?.map(Packed::len).sum::<usize>() + more_pages;
            ids.reserve_exact(chunks * CHUNK + more_ids);
            of_ids.for_each(|chunk| ids.extend(chunk));
            texts.reserve(room);
            pages()?.for_each(|pages| texts.append(pages));
            return Ok((std::mem::take(ids), texts.take()));
        }
        let missing = |list, number| Err((list, number, "it is missing".to_owned()));
        if ids.len() < chunks * CHUNK {
            return missing(List::Ids, ids.len() / CHUNK);
        }
        if texts.page_count() < page_chunks * CHUNK {
            return missing(List::Pages, texts.page_count() / CHUNK);
        }
        ids.truncate(chunks * CHUNK);
        ids.reserve_exact(more_ids);
        texts.truncate(page_chunks * CHUNK);
        texts.reserve(more_pages);
        Ok((std::mem::take(ids), texts.take()))
    }
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Chunks<T> {
    fn set(&mut self, number: u16, chunk: Option<Result<T, String>>) {
        let at = usize::from(number);
        if chunk.is_none() && at >= self.0.len() {
            return;
        }
        if at >= self.0.len() {
            self.0.resize_with(at + 1, || None);
        }
        self.0[at] = chunk;
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// The first so many, in order; else the number of the first that is missing or cannot be read, and why.
    fn first(&self, count: usize) -> Result<impl Iterator<Item = &T>, (usize, String)> {
        for number in 0..count {
            match self.0.get(number) {
                Some(Some(Ok(_))) => {}
                Some(Some(Err(why))) => return Err((number, why.clone())),
                Some(None) | None => return Err((number, "it is missing".to_owned())),
            }
        }
        Ok(self.0[..count].iter().filter_map(|chunk| chunk.as_ref()?.as_ref().ok()))
    }
}

#[cfg(test)]
mod tests {
    use events::{Offset, Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::pages::PageRef;

    fn page(number: usize) -> PageRef<'static> {
        PageRef { time: Timestamp::from_millis(number as i64), offset: Offset(number as i64), path: b"/a", title: None }
    }

    fn chunk(seed: usize, has_pages: bool) -> Chunk {
        let pages: Vec<_> = (0..CHUNK).map(|at| page(seed * CHUNK + at)).collect();
        Chunk {
            ids: std::array::from_fn(|at| (seed * CHUNK + at) as u64),
            pages: has_pages.then(|| Packed::of(&pages)),
        }
    }

    type Found = Result<(Vec<u64>, Vec<(i64, i64)>), (bool, usize, String)>;

    fn found(mut lists: Lists, chunks: usize, page_chunks: usize) -> Found {
        let (ids, mut texts) = lists
            .take_first(chunks, 1, page_chunks, 40)
            .map_err(|(list, number, why)| (list == List::Ids, number, why))?;
        texts.push(page(7));
        assert_eq!(texts.key(), b"site/visitor");
        Ok((ids, texts.pages().map(|page| (page.time.as_millis(), page.offset.0)).collect()))
    }

    #[derive(Clone, Debug)]
    enum Step {
        Chunk(u16, usize, bool),
        Broken(u16),
        Gone(u16),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let in_order = (0u16..6, any::<bool>()).prop_map(|(count, has_pages)| {
            (0..count).map(|number| Step::Chunk(number, number.into(), has_pages)).collect::<Vec<_>>()
        });
        let any = prop_oneof![
            3 => (0u16..4, 0usize..9, any::<bool>()).prop_map(|(number, seed, pages)| Step::Chunk(number, seed, pages)),
            1 => (0u16..4).prop_map(Step::Broken),
            1 => (0u16..4).prop_map(Step::Gone),
        ];
        (in_order, prop::collection::vec(any, 0..4)).prop_map(|(mut steps, more)| {
            steps.extend(more);
            steps
        })
    }

    proptest! {
        /// In order or apart: what is found is the same.
        #[test]
        fn where_chunks_stand_changes_nothing(steps in steps(), chunks in 0usize..7, page_chunks in 0usize..7) {
            let (mut lists, mut apart) = (Lists::new(b"site/visitor"), Lists::new(b"site/visitor"));
            apart.apart();
            for step in steps {
                for lists in [&mut lists, &mut apart] {
                    match step {
                        Step::Chunk(number, seed, has_pages) => lists.set(number, Some(Ok(chunk(seed, has_pages)))),
                        Step::Broken(number) => lists.set(number, Some(Err("broken".to_owned()))),
                        Step::Gone(number) => lists.set(number, None),
                    }
                }
            }
            prop_assert_eq!(lists.is_empty(), apart.is_empty());
            prop_assert_eq!(found(lists, chunks, page_chunks), found(apart, chunks, page_chunks));
        }
    }
}
