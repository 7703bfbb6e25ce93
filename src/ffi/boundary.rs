//! What every entry point needs and no noun owns: panics stopped, pointers
//! checked, results written.

use super::result::wskt_result;
use crate::error::{Error, Result};
use crate::log::{self, Level};
use crate::panics;
use std::ffi::{CStr, c_char};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::time::Duration;

#[cfg(not(panic = "unwind"))]
compile_error!("wskt turns panics into results and must be built with panic = \"unwind\"");

/// Installs the panic hook, once per process, when the first handle is made.
/// The hook that was there keeps all panics that are not wskt's.
pub(super) fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    // The hook cannot be changed by a thread that panics; a later handle will.
    if std::thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if panics::are_expected() {
                return;
            }
            if panics::are_ours() {
                log::with(Level::Error, || format!("a bug in wskt: {info}"));
            } else {
                previous(info);
            }
        }));
    });
}

/// Runs `body`; `None` if it panics.
pub(super) fn caught<T>(body: impl FnOnce() -> T) -> Option<T> {
    let _guard = panics::claim();
    panic::catch_unwind(AssertUnwindSafe(body)).ok()
}

/// The body of every entry point that returns a result.
pub(super) fn boundary(body: impl FnOnce() -> Result<()>) -> wskt_result {
    match caught(body) {
        Some(Ok(())) => wskt_result::WSKT_OK,
        Some(Err(error)) => error.into(),
        None => wskt_result::WSKT_ERR_PANIC,
    }
}

/// The body of every getter: `otherwise` is the answer for a NULL handle.
pub(super) fn getter<T>(otherwise: T, body: impl FnOnce() -> Option<T>) -> T {
    caught(body).flatten().unwrap_or(otherwise)
}

/// Where a result is written. Made before the work, used after it, so that
/// outputs change on success only.
pub(super) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Checks an `out_*` parameter.
    ///
    /// # Safety
    /// `to` is NULL or writable for the rest of the C call.
    pub(super) unsafe fn new(to: *mut T) -> Result<Self> {
        if to.is_null() { Err(Error::Null) } else { Ok(Self(to)) }
    }

    /// Writes the result; what was there is C's and not dropped.
    pub(super) fn set(&self, value: T) {
        // SAFETY: not NULL by `new`, and writable by its caller's promise.
        unsafe { self.0.write(value) }
    }
}

/// Writes to an `out_*` parameter that may be NULL.
///
/// # Safety
/// `to` is NULL or writable.
pub(super) unsafe fn set_if_wanted<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: not NULL, and writable by the caller's promise.
        unsafe { to.write(value) }
    }
}

/// A buffer from C. `data` is not looked at when `len` is 0.
///
/// # Safety
/// `data` is NULL or readable for `len` bytes, which nobody changes during
/// the C call.
pub(super) unsafe fn bytes<'a, T>(data: *const T, len: usize) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(Error::Null);
    }
    if isize::try_from(len).is_err() {
        return Err(Error::InvalidArgument);
    }
    // SAFETY: not NULL, shorter than isize::MAX, readable by the caller's
    // promise.
    Ok(unsafe { std::slice::from_raw_parts(data.cast(), len) })
}

/// UTF-8 text from C, by pointer and length.
///
/// # Safety
/// As for [`bytes`].
pub(super) unsafe fn text<'a>(data: *const c_char, len: usize) -> Result<&'a str> {
    // SAFETY: the caller's promise is the same.
    let bytes = unsafe { bytes(data, len) }?;
    simdutf8::basic::from_utf8(bytes).map_err(|_| Error::InvalidUtf8)
}

/// A name from C: UTF-8, NUL-terminated.
///
/// # Safety
/// `name` is NULL or a NUL-terminated string that nobody changes during the
/// C call.
pub(super) unsafe fn name<'a>(name: *const c_char) -> Result<&'a str> {
    if name.is_null() {
        return Err(Error::Null);
    }
    // SAFETY: not NULL, and NUL-terminated by the caller's promise.
    let name = unsafe { CStr::from_ptr(name) };
    name.to_str().map_err(|_| Error::InvalidUtf8)
}

/// As [`name`]; NULL is none.
///
/// # Safety
/// As for [`name`].
pub(super) unsafe fn name_or_none<'a>(text: *const c_char) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise is the same.
    unsafe { name(text) }.map(Some)
}

/// A time limit from C: -1 is none, 0 is none of waiting.
pub(super) fn time_limit(ms: i32) -> Result<Option<Duration>> {
    match u64::try_from(ms) {
        Ok(ms) => Ok(Some(Duration::from_millis(ms))),
        Err(_) if ms == -1 => Ok(None),
        Err(_) => Err(Error::InvalidArgument),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[test]
    fn panics_become_results_and_the_guard_ends() {
        install_panic_hook();
        let result = boundary(|| {
            assert!(panics::are_ours());
            let _inner = panics::claim();
            unreachable!("caught by the boundary");
        });
        assert_eq!(result, wskt_result::WSKT_ERR_PANIC);
        assert!(!panics::are_ours());
        assert_eq!(getter(7, || None), 7);
    }

    #[test]
    fn a_length_of_zero_reads_nothing() {
        let dangling = ptr::dangling::<u8>();
        // SAFETY: no byte is read.
        unsafe {
            assert_eq!(bytes(ptr::null::<u8>(), 0), Ok(&[][..]));
            assert_eq!(bytes(dangling, 0), Ok(&[][..]));
            assert_eq!(bytes(ptr::null::<u8>(), 1), Err(Error::Null));
            assert_eq!(bytes(dangling, usize::MAX), Err(Error::InvalidArgument));
            assert_eq!(text(c"\xff".as_ptr(), 1), Err(Error::InvalidUtf8));
            assert_eq!(name(ptr::null()), Err(Error::Null));
            assert_eq!(name(c"\xff".as_ptr()), Err(Error::InvalidUtf8));
        }
    }

    #[test]
    fn time_limits() {
        assert_eq!(time_limit(-1), Ok(None));
        assert_eq!(time_limit(0), Ok(Some(Duration::ZERO)));
        assert_eq!(time_limit(5), Ok(Some(Duration::from_millis(5))));
        assert_eq!(time_limit(-2), Err(Error::InvalidArgument));
    }
}
