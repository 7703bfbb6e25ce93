//! The client's certificate for C.

use super::boundary::{bytes, name};
use super::config::set;
use super::handle::wskt_config;
use super::result::wskt_result;
use std::ffi::{c_char, c_void};

/// Sets the certificate, and its key, to show to servers that ask for one, from
/// two files. None if never set; a later call replaces it.
///
/// `certificate_path` and `key_path` are NUL-terminated UTF-8; both files are
/// PEM and may be one and the same. Certificates behind the first are sent as
/// its chain. The key is PKCS#8 ("BEGIN PRIVATE KEY") without a password; for
/// any other form, wskt_config_error_text tells the command that converts it.
/// The files are read before the call returns, and not again.
///
/// A key that is not RSA, and has no public key in it as those of OpenSSL have,
/// makes the call read the system's certificates too, which takes about a tenth
/// of a second: OpenSSL tells only then whether it is the certificate's. So does
/// one that does not fit.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_IO: a file cannot be read.
/// - WSKT_ERR_INVALID_CERTIFICATE: no certificate can be read.
/// - WSKT_ERR_INVALID_KEY: no key can be read, or it is not the
///   certificate's.
/// - WSKT_ERR_INVALID_UTF8: a path is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_client_certificate_file(
    config: *mut wskt_config,
    certificate_path: *const c_char,
    key_path: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and C strings.
    unsafe {
        set(config, "client_certificate_file", |config| {
            config.set_client_certificate_file(name(certificate_path)?, name(key_path)?)
        })
    }
}

/// As wskt_config_set_client_certificate_file, from two buffers.
///
/// `certificate` and `key` are PEM, so many bytes long, read before the call
/// returns. NULL only with 0. They need not be NUL-terminated.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_CERTIFICATE: no certificate can be read.
/// - WSKT_ERR_INVALID_KEY: no key can be read, or it is not the
///   certificate's.
/// - WSKT_ERR_INVALID_ARGUMENT: a length is larger than any buffer can be.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_client_certificate_pem(
    config: *mut wskt_config,
    certificate: *const c_char,
    certificate_len: usize,
    key: *const c_char,
    key_len: usize,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and so many bytes.
    unsafe {
        set(config, "client_certificate_pem", |config| {
            config.set_client_certificate_pem(
                bytes(certificate, certificate_len)?,
                bytes(key, key_len)?,
            )
        })
    }
}

/// Sets the certificate, and its key, to show to servers that ask for one, from
/// a PKCS#12 file (".p12", ".pfx"). A later call replaces it.
///
/// `path` and `password` are NUL-terminated UTF-8; a file without a password
/// has the empty one. The file is read before the call returns, and not again.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_IO: the file cannot be read.
/// - WSKT_ERR_WRONG_PASSWORD: the password does not open it.
/// - WSKT_ERR_INVALID_CERTIFICATE: it is no PKCS#12 archive, or lacks the
///   certificate or the key.
/// - WSKT_ERR_INVALID_UTF8: `path` or `password` is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 7292. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_client_pkcs12_file(
    config: *mut wskt_config,
    path: *const c_char,
    password: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and C strings.
    unsafe {
        set(config, "client_pkcs12_file", |config| {
            config.set_client_pkcs12_file(name(path)?, name(password)?)
        })
    }
}

/// As wskt_config_set_client_pkcs12_file, from a buffer.
///
/// `archive` is `len` bytes, read before the call returns. NULL only with 0.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_WRONG_PASSWORD: the password does not open it.
/// - WSKT_ERR_INVALID_CERTIFICATE: it is no PKCS#12 archive, or lacks the
///   certificate or the key.
/// - WSKT_ERR_INVALID_ARGUMENT: `len` is larger than any buffer can be.
/// - WSKT_ERR_INVALID_UTF8: `password` is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 7292. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_client_pkcs12(
    config: *mut wskt_config,
    archive: *const c_void,
    len: usize,
    password: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, so many bytes, and a C
    // string.
    unsafe {
        set(config, "client_pkcs12", |config| {
            config.set_client_pkcs12(bytes(archive, len)?, name(password)?)
        })
    }
}
