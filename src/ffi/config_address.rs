//! Where connections go and come from, for C.

use super::boundary::{name, name_or_none};
use super::config::set;
use super::handle::wskt_config;
use super::result::wskt_result;
use std::ffi::c_char;

/// Reaches a server at another place: a test server, one of many behind a
/// balancer, a tunnel.
///
/// `from` and `to` are NUL-terminated UTF-8, copied: HOST:PORT, an IPv6
/// address in brackets. Where the host and port of the URL are `from`, the
/// connection goes to `to`; the request and the name that TLS verifies stay
/// those of the URL. Call it once for each; the first that fits counts.
/// Through a proxy, the proxy is asked for `to`.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `from` or `to` is not HOST:PORT, or a
///   Unix-domain socket is set.
/// - WSKT_ERR_INVALID_UTF8: `from` or `to` is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_add_connect_to(
    config: *mut wskt_config,
    from: *const c_char,
    to: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and C strings.
    unsafe { set(config, "connect_to", |config| config.add_connect_to(name(from)?, name(to)?)) }
}

/// Sets the local address that connections come from. Any if never set.
///
/// `address` is an IPv4 or IPv6 address as text, NUL-terminated, copied; NULL
/// is any. Only addresses of the same family are tried then. One that this
/// machine does not have shows when connecting, as WSKT_CAUSE_CONNECT.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: it is no IP address, or a Unix-domain socket
///   is set.
/// - WSKT_ERR_INVALID_UTF8: it is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_local_address(
    config: *mut wskt_config,
    address: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and a C string or NULL.
    unsafe {
        set(config, "local_address", |config| config.set_local_address(name_or_none(address)?))
    }
}

/// Sets the network interface that connections leave by. Any if never set.
///
/// `interface` is its name, as "eth0": NUL-terminated, 1 to 15 bytes, copied;
/// NULL is any. One that does not exist shows when connecting, as
/// WSKT_CAUSE_CONNECT. Linux only (SO_BINDTODEVICE).
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: the name is empty, too long or has a blank or a
///   control character in it, the system cannot do it, or a Unix-domain socket
///   is set.
/// - WSKT_ERR_INVALID_UTF8: it is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_interface(
    config: *mut wskt_config,
    interface: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and a C string or NULL.
    unsafe { set(config, "interface", |config| config.set_interface(name_or_none(interface)?)) }
}

/// Connects to a Unix-domain socket instead of the URL's host. None if never
/// set.
///
/// `path` is NUL-terminated UTF-8, at most 107 bytes, copied; NULL sets none.
/// The request, and the name that TLS verifies, stay those of the URL. A URL
/// can name the socket itself: see wskt_socket_new. It contradicts proxies,
/// connect_to, local address and interface.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: the path is empty or too long, or an option
///   is set that contradicts it.
/// - WSKT_ERR_INVALID_UTF8: it is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_unix_socket(
    config: *mut wskt_config,
    path: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and a C string or NULL.
    unsafe { set(config, "unix_socket", |config| config.set_unix_socket(name_or_none(path)?)) }
}

/// Sets TCP keepalive: the kernel asks a silent peer whether it is there. Off
/// if never set; three zeros turn it off.
///
/// `idle_ms` is the silence before the first probe, `interval_ms` the time
/// between two, both rounded up to seconds; after `count` probes without an
/// answer the connection is lost (WSKT_CAUSE_LOST). Behind a proxy, it is
/// the proxy that is asked.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: a time is not in 1 to 32767000, or `count` not
///   in 1 to 127.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 1122, section 4.2.3.6. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_tcp_keepalive(
    config: *mut wskt_config,
    idle_ms: i64,
    interval_ms: i64,
    count: u32,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe {
        set(config, "tcp_keepalive", |config| config.set_tcp_keepalive(idle_ms, interval_ms, count))
    }
}
