//! The embedded bus.
