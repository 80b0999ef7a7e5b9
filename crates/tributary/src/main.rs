//! The command line: read it, do what it says.
fn main() {}
