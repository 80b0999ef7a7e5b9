//! What the system's allocator does with memory that is given back, and of which pages it makes what it takes.
//!
//! A step's messages and batches are some tens of megabytes that come and go, and a restore takes gigabytes. Left to itself
//! glibc gives each step's memory back to the system and has the next one's made and cleared anew, in pages of 4 KiB:
//! docs/benchmarks.md, "Memory that is given back too soon", has what that costs. Half of it is librdkafka's, which an
//! allocator of Rust's own would not reach.

/// glibc's word for its settings, which it reads once, before a program runs.
pub const VARIABLE: &str = "GLIBC_TUNABLES";

/// Up to 256 MiB that were given back are kept for what is taken next, which is no more than the process had at its height;
/// and memory is of huge pages where the system lets those have them who ask (`madvise`, as most do). The trim threshold
/// never without the one before it: each larger piece would be mapped and unmapped, which is worse than no setting.
pub const SETTINGS: &str = "glibc.malloc.hugetlb=1:glibc.malloc.top_pad=16777216:glibc.malloc.mmap_threshold=268435456:glibc.malloc.trim_threshold=268435456";

/// What somebody sets who knows better; nothing is touched then. It ends this program's second start, too.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN: [&str; 4] = ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", VARIABLE];

/// Starts this program anew in its own place, with the same process id and arguments and with [`SETTINGS`] in its
/// environment. Call it first of all: what was read or opened before is gone. Where it cannot be done, or the allocator is
/// another one, the program goes on as it is.
pub fn start_with_settings() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if OWN.iter().all(|name| std::env::var_os(name).is_none()) {
        use std::os::unix::process::CommandExt;

        // By its path and not as /proc/self/exe, which is what its process would be called then.
        let Ok(program) = std::env::current_exe() else { return };
        let mut arguments = std::env::args_os();
        let mut command = std::process::Command::new(program);
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        // It returns only where it failed: a program that was replaced meanwhile, a system that forbids it.
        let _stays_as_it_is = command.args(arguments).env(VARIABLE, SETTINGS).exec();
    }
}
