//! `tributary up`: collector, sessionizer and lake-writer in one process, until it is stopped.

pub mod banner;
