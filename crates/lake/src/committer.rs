//! Carries a batch into the store: what it lacks, its record, its files, in this order.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use tables::{FileFacts, Layout};

use crate::batch::Batch;
use crate::chain::{Chain, Next, Recorded};
use crate::error::LakeError;
use crate::listing::Listing;
use crate::names::Series;
use crate::open::Lake;
use crate::record::{BatchRecord, GapRecord, OffsetRange};
use crate::store::{Put, Store};

/// Files of one batch that are on their way at once.
const FILES_AT_ONCE: usize = 8;

/// How long what was seen of a chain is believed.
const BELIEVED_FOR: Duration = Duration::from_secs(300);

/// Writes one chain. Any number of them may stand on the same chain at once, in any process: each batch is
/// written exactly once, and who comes second finds it there.
#[derive(Debug)]
pub struct Committer {
    store: Store,
    series: Series,
    chain: Chain,
    /// When the store last said where the chain stands.
    seen_at: Instant,
    believed_for: Duration,
}

/// What came of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Committed {
    /// Its record and all its files stand.
    Done,
    /// Another writer recorded another batch there. Nothing of ours was written; the chain was read anew, and
    /// [`Committer::next`] says where to go on.
    Overtaken,
}

impl Committer {
    /// Finds where a chain stands.
    pub async fn open(lake: &Lake, series: Series) -> Result<Self, LakeError> {
        let store = lake.store.clone();
        let chain = find_chain(&store, &series).await?;
        Ok(Self { store, series, chain, seen_at: Instant::now(), believed_for: BELIEVED_FOR })
    }

    /// The same with another time for which what it has seen of the chain is believed; then it looks again before it
    /// begins a batch.
    #[must_use]
    pub fn believing_for(self, time: Duration) -> Self {
        Self { believed_for: time, ..self }
    }

    /// Which chain it writes.
    pub fn series(&self) -> &Series {
        &self.series
    }

    /// Where the chain stands.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// What must happen next.
    pub fn next(&self) -> Next<'_> {
        self.chain.next()
    }

    /// Commits the batch that [`Committer::next`] asked for. After any error that may pass, the same call with the
    /// same batch goes on where it stopped, whatever the store did or did not do.
    pub async fn commit(&mut self, batch: &Batch) -> Result<Committed, LakeError> {
        if let Next::Append(_) = self.chain.next()
            && self.seen_at.elapsed() > self.believed_for
        {
            // Whoever comes back after days finds that others went on, and that what told them so may be folded.
            let chain = find_chain(&self.store, &self.series).await?;
            self.seen_at = Instant::now();
            if chain != self.chain {
                self.chain = chain;
                return Ok(Committed::Overtaken);
            }
        }
        if let Some(expired) = batch.expired {
            self.note_gap(batch, expired).await?;
        }
        if let Next::Append(_) = self.chain.next() {
            let path = self.series.record_path(batch.record.start);
            let standing = match self.store.put_new(&path, batch.record.to_json().into()).await? {
                Put::Created => None,
                Put::Standing(json) => Some(BatchRecord::read(&self.series, &path, &json)?),
            };
            if self.chain.recorded(&batch.record, standing.as_ref()) == Recorded::Theirs {
                self.chain = find_chain(&self.store, &self.series).await?;
                return Ok(Committed::Overtaken);
            }
        }
        let files = batch.record.files.iter().zip(&batch.files);
        let puts: Vec<_> = files.map(|(entry, bytes)| self.put_file(&batch.record, &entry.path, bytes)).collect();
        stream::iter(puts).buffer_unordered(FILES_AT_ONCE).try_collect::<()>().await?;
        self.chain.files_stand();
        self.seen_at = Instant::now();
        Ok(Committed::Done)
    }

    /// Puts a file if there is none. One that stands is accepted if it was made of the same batch: the same build
    /// gave it the same bytes, another build the same rows.
    async fn put_file(&self, record: &BatchRecord, path: &str, bytes: &Bytes) -> Result<(), LakeError> {
        let standing = match self.store.put_new(path, bytes.clone()).await? {
            Put::Created => return Ok(()),
            Put::Standing(standing) if standing == *bytes => return Ok(()),
            Put::Standing(standing) => standing,
        };
        let in_the_way = |why: String| LakeError::InTheWay { path: path.to_owned(), why };
        let facts = FileFacts::read(standing).map_err(|error| in_the_way(error.to_string()))?;
        if facts.lineage == self.series.lineage(record.start, record.end) {
            return Ok(());
        }
        Err(in_the_way(format!(
            "it was made of offsets {} to {} of log {}",
            facts.lineage.start, facts.lineage.end, facts.lineage.log_id
        )))
    }

    /// Says which offsets the topic no longer held. It stands before the batch does, so that no crash can leave a
    /// batch that silently lacks rows; and it only ever grows.
    async fn note_gap(&self, batch: &Batch, expired: OffsetRange) -> Result<(), LakeError> {
        let path = self.series.gap_path(batch.record.start);
        let Put::Standing(json) = self.store.put_new(&path, GapRecord::new(expired).to_json().into()).await? else {
            return Ok(());
        };
        let standing = GapRecord::read(&path, &json)?.expired;
        let both = OffsetRange { from: standing.from.min(expired.from), to: standing.to.max(expired.to) };
        if both != standing {
            self.store.replace(&path, GapRecord::new(both).to_json().into()).await?;
        }
        Ok(())
    }
}

/// How often a chain is listed anew whose last record was removed meanwhile. Only somebody who is away for days between
/// two calls ever sees that.
const LISTINGS: usize = 3;

/// Reads where a chain stands: its last record, and whether that batch's files do. One list and a few looks, however long
/// the chain is.
async fn find_chain(store: &Store, series: &Series) -> Result<Chain, LakeError> {
    for _ in 1..LISTINGS {
        if let Some(chain) = look_for_chain(store, series).await? {
            return Ok(chain);
        }
    }
    let gone =
        || LakeError::BadRecord { path: series.folder(), why: "its records vanish while they are read".to_owned() };
    look_for_chain(store, series).await?.ok_or_else(gone)
}

async fn look_for_chain(store: &Store, series: &Series) -> Result<Option<Chain>, LakeError> {
    let listing = Listing::read(store, series).await?;
    let Some(&(start, _)) = listing.single().last() else { return Ok(Some(Chain::folded_to(listing.folded_to()))) };
    let path = series.record_path(start);
    let Some(json) = store.find(&path).await? else { return Ok(None) };
    let record = BatchRecord::read(series, &path, &json)?;
    let looks: Vec<_> = record.files.iter().map(|file| store.stands(&file.path)).collect();
    let stand: Vec<bool> = stream::iter(looks).buffer_unordered(FILES_AT_ONCE).try_collect().await?;
    let all_stand = stand.into_iter().all(|stands| stands);
    if !all_stand && record.layout.schema > Layout::SCHEMA {
        let (format, known) = (u64::from(record.layout.schema), u64::from(Layout::SCHEMA));
        return Err(LakeError::Newer { path, format, known });
    }
    Ok(Some(Chain::found(Some(record), all_stand)))
}
