//! Memory for large arrays.

/// Zeros of a type for which all bits zero is zero, on huge pages where the system has them to give: first touches of
/// small pages would cost as much as a pass over the data.
pub(in crate::cluster) fn zeros<T: Copy + Default>(len: usize) -> Vec<T>
where
    Vec<T>: Zeroed,
{
    let mut zeros = <Vec<T> as Zeroed>::zeroed(len);
    advise(zeros.as_mut_ptr().cast(), len * size_of::<T>());
    zeros
}

/// A vector that the allocator hands out zeroed, untouched until written.
pub(in crate::cluster) trait Zeroed {
    /// `len` zeros.
    fn zeroed(len: usize) -> Self;
}

impl Zeroed for Vec<f32> {
    fn zeroed(len: usize) -> Self {
        vec![0.0; len]
    }
}

impl Zeroed for Vec<u16> {
    fn zeroed(len: usize) -> Self {
        vec![0; len]
    }
}

impl Zeroed for Vec<i32> {
    fn zeroed(len: usize) -> Self {
        vec![0; len]
    }
}

/// Asks for huge pages where they pay.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn advise(start: *mut u8, bytes: usize) {
    use std::ffi::{c_int, c_void};
    const MADV_HUGEPAGE: c_int = 14;
    const HUGE_PAGE: usize = 1 << 21;
    const PAGE: usize = 4096;
    // SAFETY: the signature is that of the C library that the standard library links.
    unsafe extern "C" {
        fn madvise(start: *mut c_void, bytes: usize, advice: c_int) -> c_int;
    }
    let skip = start.align_offset(PAGE);
    if bytes >= 4 * HUGE_PAGE && skip < bytes {
        // SAFETY: the pages lie within the allocation; this advice changes no contents, and a refusal has no effect.
        unsafe { madvise(start.add(skip).cast(), (bytes - skip) / PAGE * PAGE, MADV_HUGEPAGE) };
    }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn advise(_start: *mut u8, _bytes: usize) {}
