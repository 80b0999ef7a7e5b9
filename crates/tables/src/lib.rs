//! Rows to Parquet bytes: the lake's tables, their columns, their files' names, and when a batch is full.
//!
//! This crate must never do I/O, read a clock, or know of tokio, object stores or the bus. The same records give
//! the same bytes, on every machine and at every time: the exactly-once lake leans on that.

mod batch;
mod cell;
mod checksum;
mod columns;
pub mod ddl;
mod encode;
mod file;
mod hits;
mod late;
mod layout;
mod raw_hit;
pub mod reading;
mod rejected;
mod rolling;
mod row;
mod sessions;
mod table;

pub use batch::{RowError, TableBatch};
pub use columns::Column;
pub use encode::{DataFile, EncodeError, empty_file};
pub use file::{FileError, FileFacts, Lineage};
pub use layout::Layout;
pub use rolling::Rolling;
pub use table::{Day, NoDay, Table};
