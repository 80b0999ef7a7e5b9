//! The lake that is written: another one, and nobody else's.

use anyhow::{Result, bail};
use events::LogId;
use lake::Lake;

/// Refuses a lake that holds anything but what this very backfill has written before: beside rows of another log, each hit
/// would stand twice.
pub(in crate::replay) async fn refuse_others(lake: &Lake, place: &str, log_id: &LogId) -> Result<()> {
    if let Some(other) = lake.others_than(log_id).await? {
        bail!(
            "{place} holds something else already (`{other}`): a backfill needs a lake of its own; --lake names another \
             place"
        );
    }
    Ok(())
}
