//! What the system's allocator does with memory that is given back.
//!
//! A step's messages and batches are some tens of megabytes that come and go. Left to itself glibc gives them back to the
//! system each time, and the next step has its pages made and cleared anew: docs/benchmarks.md, "Memory that is given back
//! too soon", has what that costs. Half of it is librdkafka's, which an allocator of Rust's own would not reach.
#![expect(unsafe_code, reason = "glibc's settings have no other door than `mallopt`, but for the environment")]

/// What somebody sets who knows better; nothing is touched then.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN: [&str; 4] = ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES"];

/// Lets the process keep up to 256 MiB that it gave back for what it takes next. It takes no more for that than it had at its
/// height. Call it before there are threads. Where the allocator is another one, nothing happens.
pub fn keep_what_is_given_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if OWN.iter().all(|name| std::env::var_os(name).is_none()) {
        const MIB: libc::c_int = 1 << 20;
        // The trim threshold never without the one before it: each larger piece would be mapped and unmapped, which is worse than
        // no setting.
        let settings =
            [(libc::M_MMAP_THRESHOLD, 256 * MIB), (libc::M_TRIM_THRESHOLD, 256 * MIB), (libc::M_TOP_PAD, 16 * MIB)];
        for (setting, value) in settings {
            // SAFETY: it changes numbers of the allocator, under its lock; no memory that is in use is touched. glibc asks that
            // no other thread reads them meanwhile, and there is none yet.
            if unsafe { libc::mallopt(setting, value) } == 0 {
                return;
            }
        }
    }
}
