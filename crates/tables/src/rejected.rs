//! The table `rejected`: what was refused and why, without the raw bodies.

use crate::cell::{Time, Utf8};
use crate::columns::columns;

columns! {
    RejectedRow, RejectedColumns {
        /// The stable name of the reason.
        required reason: Utf8,
        /// JSON pointer to what was wrong, within the request or the record.
        optional pointer: Utf8,
        /// One sentence for a person.
        optional detail: Utf8,
        /// The site, where it could be read.
        optional site: Utf8,
        /// When it was received.
        required time: Time,
        /// Where it came from: `collect`, `access.log.gz:17`, `hits/2@991`.
        optional origin: Utf8,
        /// xxh3-64 of what was refused, as 16 hexadecimal digits.
        optional raw_hash: Utf8,
    }
    site: site, time: time
}
