//! Object stores for tests, as real processes: two independent ones that speak S3, and Azurite; a door to them that speaks
//! as Google does; and a proxy through which everything goes wrong that can on the way to a store.
//!
//! [`ObjectServer::start`] runs one in a temporary folder on a port of 127.0.0.1, [`shared`] one of each kind for all tests
//! of a test binary. The programs come from the folder that `make tools` fills.
//!
//! Only tests may use this crate: it panics instead of returning errors, with a message that says what to do. It must never
//! leave a process or a folder behind.

mod certificate;
mod fault;
mod forward;
mod google;
mod programs;
mod proxy;
mod server;
mod shared;
mod signed;

pub use fault::{Asked, Fault, Plan};
pub use programs::versitygw;
pub use proxy::Proxy;
pub use server::{Kind, ObjectServer};
pub use shared::{fresh_name, shared};
