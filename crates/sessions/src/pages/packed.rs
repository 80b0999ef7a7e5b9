//! Pages without a key.

use super::PageRef;
#[cfg(test)]
use super::coded::decode;
use super::coded::encode;

/// A page by itself: time, offset, path, title.
#[cfg(test)]
pub(crate) type Page = (i64, i64, Vec<u8>, Option<Vec<u8>>);

/// Pages without a key: what a chunk of the state becomes when it is read.
#[derive(Debug)]
pub(crate) struct Packed {
    bytes: Box<[u8]>,
    count: u8,
}

/// Pages that are being packed, in memory that serves the next ones, too: a restore packs millions, and memory that is taken
/// and given back between pieces that stay leaves gaps.
pub(crate) struct Packing<'r> {
    bytes: &'r mut Vec<u8>,
    count: u8,
}

impl<'r> Packing<'r> {
    pub(crate) fn within(room: &'r mut Vec<u8>) -> Self {
        room.clear();
        Self { bytes: room, count: 0 }
    }

    pub(crate) fn push(&mut self, page: PageRef<'_>) {
        encode(self.bytes, page);
        self.count += 1;
    }

    /// In as many bytes as are needed and no more.
    pub(crate) fn packed(self) -> Packed {
        Packed { bytes: self.bytes.as_slice().into(), count: self.count }
    }
}

impl Packed {
    /// These pages.
    pub(crate) fn of(pages: &[PageRef<'_>]) -> Self {
        let mut room = Vec::new();
        let mut packing = Packing::within(&mut room);
        pages.iter().for_each(|&page| packing.push(page));
        packing.packed()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many they are.
    pub(crate) fn count(&self) -> usize {
        self.count.into()
    }

    /// Bytes that the pages take.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The pages, to be compared.
    #[cfg(test)]
    pub(crate) fn listed(&self) -> Vec<Page> {
        let mut rest = &self.bytes[..];
        let page = |page: PageRef<'_>| {
            (page.time.as_millis(), page.offset.0, page.path.to_vec(), page.title.map(<[u8]>::to_vec))
        };
        std::iter::from_fn(|| (!rest.is_empty()).then(|| page(decode(&mut rest)))).collect()
    }
}
