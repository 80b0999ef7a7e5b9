//! The table `late`: hits that came after the session that they belong to was final.

use crate::cell::{Flag, Int64, Json, Time, Utf8};
use crate::raw_hit::hit_columns;

hit_columns! {
    LateRow, LateColumns {
        /// Why it is late: `session_closed`, `too_old` or `state_full`.
        required late_reason: Utf8,
        /// The final session that it would have belonged to, where that is known.
        optional missed_session_id: Utf8,
    }
}
