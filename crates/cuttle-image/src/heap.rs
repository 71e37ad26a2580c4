//! The heap of a process that is there for one picture.
//!
//! A process that lives long pays for its pages once; a fresh one pays for each of them with a fault, which was a tenth of
//! a photo. So glibc is told to take frames from one heap and not by a mapping each, to give nothing back before the end,
//! and the kernel that what is to come may be of huge pages. This holds nothing, limits nothing, and does nothing for
//! the small: another allocator, another system or a kernel without huge pages only works as it did.
#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "calls into the C library")
)]

/// What is not worth the calls: a heap under this has few huge pages, if any.
const SMALL: u64 = 8 << 20;
/// More than this is not expected of any picture; the rest comes page by page.
const MOST: u64 = 512 << 20;

/// Prepares this process for a render that was estimated at so many bytes by [`Probe::decode_bytes`](crate::Probe::decode_bytes).
/// For a process that renders one picture and ends.
pub fn expect(estimate: u64) {
    let pixels = estimate.saturating_sub(crate::budget::FIXED);
    if (SMALL..=MOST).contains(&pixels) {
        prepare(usize::try_from(pixels).unwrap_or_default());
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn prepare(bytes: usize) {
    /// What glibc takes from its heap at most, as its manual has it for 64 bits; above that it maps.
    const PIECE: usize = 32 << 20;
    let threshold = i32::try_from(PIECE).unwrap_or(i32::MAX);
    let mut pieces = [std::ptr::null_mut::<libc::c_void>(); 16];
    // SAFETY: `mallopt` sets numbers of the allocator. Each piece is freed once and never touched. `madvise` with this
    // advice changes no byte of any mapping, whatever lies between the pieces.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, threshold);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        let count = bytes.div_ceil(PIECE).min(pieces.len());
        let each = bytes / count - 64;
        for piece in &mut pieces[..count] {
            *piece = libc::malloc(each);
        }
        let pieces = pieces[..count].iter().filter(|piece| !piece.is_null());
        for &piece in pieces.clone() {
            let start = piece.addr().next_multiple_of(4096);
            let end = (piece.addr() + each) & !4095;
            libc::madvise(piece.with_addr(start), end.saturating_sub(start), libc::MADV_HUGEPAGE);
        }
        pieces.for_each(|piece| libc::free(*piece));
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn prepare(_: usize) {}
