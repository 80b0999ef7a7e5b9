//! How much a sessionizer commits at once.

use clap::Args;
use events::Span;

use crate::units::ByteSize;

/// How much a sessionizer commits at once. Whichever bound is reached first ends a step; a checkpoint of the state comes on top.
#[derive(Args, Clone, Debug)]
pub struct StepArgs {
    /// Longest time between two commits while hits come; at most 10s. A hit waits for half of it at the median, and each commit
    /// costs a transaction.
    #[arg(long, value_name = "SPAN", default_value = "200ms", value_parser = commit_interval)]
    pub commit_interval: Span,
    /// Most records of hits that one commit covers.
    #[arg(long, value_name = "N", default_value = "100000", value_parser = clap::value_parser!(u32).range(1..))]
    pub commit_records: u32,
    /// Most bytes of outputs that one commit writes. Hits are cut to fit; where they close many large sessions at once, those
    /// may go over it.
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = commit_bytes)]
    pub commit_bytes: ByteSize,
}

/// Longer than this, and what waits would look as if it hung.
fn commit_interval(text: &str) -> Result<Span, String> {
    let span = super::some_span(text)?;
    if span <= Span::from_secs(10) { Ok(span) } else { Err(format!("`{text}` is too long: write at most 10s")) }
}

/// Less, and every few hits would be a transaction; more could not be sent in the time that a transaction has.
fn commit_bytes(text: &str) -> Result<ByteSize, String> {
    let size: ByteSize = text.parse().map_err(|error: crate::units::BadByteSize| error.to_string())?;
    let allowed = 64 << 10..=256 << 20;
    if allowed.contains(&size.bytes()) { Ok(size) } else { Err(format!("`{text}` is not between 64KiB and 256MiB")) }
}
