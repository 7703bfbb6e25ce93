//! Deadlines for C.

use super::config::set;
use super::handle::wskt_config;
use super::result::wskt_result;
use crate::config::Timeout;

unsafe fn set_timeout(
    config: *mut wskt_config,
    option: &'static str,
    which: Timeout,
    ms: i64,
) -> wskt_result {
    // SAFETY: the entry point's caller promises a live handle.
    unsafe { set(config, option, |config| config.set_timeout(which, ms)) }
}

/// Limits the whole of opening, from open or connect to the open event, in
/// milliseconds. 30000 if never set.
///
/// When it passes, the socket ends: error, then close with code 1006 and
/// WSKT_CAUSE_TIMEOUT. All other timeouts here do the same.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 1 to 2147483647.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_open_timeout(
    config: *mut wskt_config,
    ms: i64,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set_timeout(config, "open_timeout", Timeout::Open, ms) }
}

/// Limits name resolution and TCP together, in milliseconds. 30000 if never
/// set.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 1 to 2147483647.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_connect_timeout(
    config: *mut wskt_config,
    ms: i64,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set_timeout(config, "connect_timeout", Timeout::Connect, ms) }
}

/// Limits the TLS handshake, in milliseconds. 30000 if never set.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 1 to 2147483647.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_tls_timeout(
    config: *mut wskt_config,
    ms: i64,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set_timeout(config, "tls_timeout", Timeout::Tls, ms) }
}

/// Limits the HTTP upgrade, from the request to the end of the response's
/// head, in milliseconds. 30000 if never set.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 1 to 2147483647.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_upgrade_timeout(
    config: *mut wskt_config,
    ms: i64,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set_timeout(config, "upgrade_timeout", Timeout::Upgrade, ms) }
}

/// Limits the wait for the peer's Close frame after ours has left, in
/// milliseconds. 10000 if never set.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 1 to 2147483647.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 7.1.1. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_close_timeout(
    config: *mut wskt_config,
    ms: i64,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set_timeout(config, "close_timeout", Timeout::Close, ms) }
}

/// Limits how long the peer may leave the TCP connection open after the
/// closing handshake, in milliseconds. 2000 if never set.
///
/// Unlike with the other timeouts, passing it is no error: wskt closes the
/// connection itself and the close event is what the handshake made it.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 1 to 2147483647.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 7.1.1. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_linger_timeout(
    config: *mut wskt_config,
    ms: i64,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set_timeout(config, "linger_timeout", Timeout::Linger, ms) }
}

/// Limits how long the peer may take no byte at all of what is queued for
/// sending, in milliseconds. 30000 if never set; 0 turns it off.
///
/// It starts anew with each byte that leaves.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `ms` is not in 0 to 2147483647.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_send_timeout(
    config: *mut wskt_config,
    ms: i64,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set_timeout(config, "send_timeout", Timeout::Send, ms) }
}
