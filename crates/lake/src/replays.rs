//! What a replay kept for the next one of the same input: up to which time its lines were taken.

use bytes::Bytes;
use events::{LogId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::LakeError;
use crate::open::Lake;
use crate::store::Put;

/// The folder of what replays keep.
const REPLAYS: &str = "_replays";

/// `_replays/<log id>.json`
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    latest: Timestamp,
}

impl Lake {
    /// The latest time that lines of this replay may have, where one has kept it.
    pub async fn latest_of_replay(&self, log_id: &LogId) -> Result<Option<Timestamp>, LakeError> {
        let path = path(log_id);
        self.store.find(&path).await?.map(|bytes| read(&path, &bytes)).transpose()
    }

    /// Keeps the latest time that lines of this replay may have. Gives the one that stands from now on: whoever was first
    /// has said it, once and for all.
    pub async fn keep_latest_of_replay(&self, log_id: &LogId, latest: Timestamp) -> Result<Timestamp, LakeError> {
        let path = path(log_id);
        let text = serde_json::to_vec(&Kept { latest }).expect("a time is a text");
        match self.store.put_new(&path, Bytes::from(text)).await? {
            Put::Created => Ok(latest),
            Put::Standing(bytes) => read(&path, &bytes),
        }
    }
}

fn path(log_id: &LogId) -> String {
    format!("{REPLAYS}/{log_id}.json")
}

fn read(path: &str, bytes: &[u8]) -> Result<Timestamp, LakeError> {
    let kept = serde_json::from_slice::<Kept>(bytes);
    kept.map(|kept| kept.latest)
        .map_err(|error| LakeError::Unreadable { path: path.to_owned(), why: error.to_string() })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn whoever_is_first_says_it_for_all() {
        let lake = Lake::over(Arc::new(InMemory::new()));
        let (one, other) = (LogId::from_bits(1), LogId::from_bits(2));
        let (first, second) = (Timestamp::from_millis(1_793_577_600_000), Timestamp::from_millis(1_793_577_600_001));
        assert_eq!(lake.latest_of_replay(&one).await.unwrap(), None);
        assert_eq!(lake.keep_latest_of_replay(&one, first).await.unwrap(), first);
        assert_eq!(lake.keep_latest_of_replay(&one, second).await.unwrap(), first);
        assert_eq!(lake.latest_of_replay(&one).await.unwrap(), Some(first));
        assert_eq!(lake.latest_of_replay(&other).await.unwrap(), None);
        let text = lake.store.get(&path(&one)).await.unwrap();
        assert_eq!(text, r#"{"latest":"2026-11-02T00:00:00.000Z"}"#);
    }
}
