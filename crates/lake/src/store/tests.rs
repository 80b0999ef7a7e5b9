//! What a lake asks of a store, held against every store that there is: a folder, memory, two independent servers that
//! speak S3, one of them as Google does, and Azurite.

mod contract;
mod faults;
mod listing;
mod opening;
mod outage;
mod places;
