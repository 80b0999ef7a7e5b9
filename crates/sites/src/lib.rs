//! What each site asks of the edge: who may send for it, what is kept of addresses, what is done about bots and about people
//! who do not want to be counted. [`Sites`] is `sites.toml`, read and checked.
//!
//! This crate computes and nothing else: text in, sites or a list of everything that is wrong out, each with its line. It must
//! never read a file or a clock, and never guess: a key that it does not know is an error.

mod address;
mod origin;
mod problem;
mod reading;
mod secret;
mod site;

pub use address::{IpPolicy, Network, Networks};
pub use origin::Origin;
pub use problem::Problem;
pub use secret::SecretKey;
pub use site::{Automated, Identity, PrivacyPolicy, SchemaFile, Site, Sites, UnknownFields};
