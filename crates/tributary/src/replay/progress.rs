//! A bar on a terminal; nothing elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// While the files are read for the first time: their decompressed size is not known yet.
pub(super) fn surveying() -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message("reading");
    bar.set_style(style("{spinner} {msg} {bytes} {bytes_per_sec}"));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// While lines become hits: how much of the input is done.
pub(super) fn replaying(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes).with_message("replaying");
    bar.set_style(style("{msg} {wide_bar} {bytes} of {total_bytes} {eta}"));
    bar
}

/// While sessions and rows of the last lines are written.
pub(super) fn finishing() -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message("writing the lake");
    bar.set_style(style("{spinner} {msg} {elapsed}"));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well-formed")
}
