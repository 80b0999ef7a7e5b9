//! Tests that run the real binaries; this library is empty on purpose.
