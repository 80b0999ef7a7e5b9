//! What a lake asks of a store, held against every store that there is: a folder, memory, two independent servers that
//! speak S3, one of them as Google does, and Azurite.

/// Makes a test of each sentence on every store.
macro_rules! every_store {
    ($($sentence:ident)*) => {
        every_store!(@ folder $($sentence)*);
        every_store!(@ memory $($sentence)*);
        every_store!(@ versitygw $($sentence)*);
        every_store!(@ minio $($sentence)*);
        every_store!(@ google $($sentence)*);
        every_store!(@ azurite $($sentence)*);
    };
    (@ $store:ident $($sentence:ident)*) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $sentence() {
                    super::$sentence(&super::places::$store().await).await;
                }
            )*
        }
    };
}

mod blocked;
mod contract;
mod faults;
mod listing;
mod opening;
mod outage;
mod places;
mod upkeep;
