//! Something in the file that is wrong.

use std::fmt;

/// One thing that is wrong, and where.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The key, such as `sites."shop.example".ip`; empty where the file is no TOML.
    pub key: String,
    /// What is wrong, and what would be right.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.detail),
            key => write!(f, "line {}: {key}: {}", self.line, self.detail),
        }
    }
}
