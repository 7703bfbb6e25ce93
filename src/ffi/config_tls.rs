//! Trust for C.

use super::boundary::{bytes, name};
use super::config::set;
use super::handle::wskt_config;
use super::result::wskt_result;
use std::ffi::c_char;

/// Trusts the certificates of a PEM file, besides the system's.
///
/// `path` is NUL-terminated UTF-8. The file is read before the call returns,
/// and not again.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_IO: the file cannot be read.
/// - WSKT_ERR_INVALID_CERTIFICATE: no certificate can be read from it.
/// - WSKT_ERR_INVALID_UTF8: `path` is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_add_ca_file(
    config: *mut wskt_config,
    path: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and a C string.
    unsafe { set(config, "ca_file", |config| config.add_ca_file(name(path)?)) }
}

/// Trusts the certificates of a PEM buffer, besides the system's.
///
/// `pem` is `len` bytes, read before the call returns. NULL only with 0. It
/// need not be NUL-terminated.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_CERTIFICATE: no certificate can be read from it.
/// - WSKT_ERR_INVALID_ARGUMENT: `len` is larger than any buffer can be.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_add_ca_pem(
    config: *mut wskt_config,
    pem: *const c_char,
    len: usize,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and `len` bytes.
    unsafe { set(config, "ca_pem", |config| config.add_ca_pem(bytes(pem, len)?)) }
}
