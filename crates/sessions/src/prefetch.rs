//! Asking for memory before it is needed.
//!
//! A read whose value nobody needs yet holds a processor up all the same: it goes on for some hundred instructions, and then
//! waits. What is asked for here comes while it works on. Nothing can be seen of it but the time.
#![expect(unsafe_code, reason = "the instruction has no safe name; it may be given any address, and changes nothing")]

/// Bytes that come together.
const LINE: usize = 64;

/// So many lines are asked for without a look at the length.
const FEW: usize = 3;

/// Asks for the memory that holds this.
#[inline(always)]
pub(crate) fn prefetch<T: ?Sized>(value: &T) {
    let (start, len) = (std::ptr::from_ref(value).cast::<u8>(), size_of_val(value));
    let last = len.saturating_sub(1);
    // Without a loop for what is short: how many lines it takes nobody can foretell, and to ask for one twice costs little.
    for at in 0..FEW {
        line(start.wrapping_add((at * LINE).min(last)));
    }
    for at in (FEW * LINE..len).step_by(LINE) {
        line(start.wrapping_add(at));
    }
    line(start.wrapping_add(last));
}

/// Asks for the memory that holds this, which begins where a line does and has a length that the compiler knows.
#[inline(always)]
pub(crate) fn prefetch_lines<T>(value: &T) {
    const { assert!(align_of::<T>() >= LINE) };
    let start = std::ptr::from_ref(value).cast::<u8>();
    (0..size_of::<T>()).step_by(LINE).for_each(|at| line(start.wrapping_add(at)));
}

/// Asks for the memory that holds the beginning of this.
#[inline(always)]
pub(crate) fn prefetch_start<T>(value: &T) {
    line(std::ptr::from_ref(value).cast());
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn line(at: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch of an address that cannot be read does nothing.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
}

#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn line(at: *const u8) {
    // SAFETY: a prefetch of an address that cannot be read does nothing.
    unsafe { std::arch::asm!("prfm pldl1keep, [{at}]", at = in(reg) at, options(nostack, preserves_flags, readonly)) }
}

/// Where its name is not known, memory comes when it is needed.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn line(_: *const u8) {}
