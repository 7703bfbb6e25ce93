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

/// Limits name resolution, in milliseconds. 30000 if never
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
pub unsafe extern "C" fn wskt_config_set_dns_timeout(
    config: *mut wskt_config,
    ms: i64,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set_timeout(config, "dns_timeout", Timeout::Dns, ms) }
}

/// Limits TCP, over all addresses of the host, in milliseconds. 30000 if never
/// set.
///
/// A new address is tried every 250 ms, or as soon as one fails, IPv6 and IPv4
/// in turns; the first that answers wins (RFC 8305).
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

/// Limits the talk with a proxy, in milliseconds. 30000 if never
/// set.
///
/// It begins when TCP with the proxy is established, covers TLS with it, and
/// ends with its consent.
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
pub unsafe extern "C" fn wskt_config_set_proxy_timeout(
    config: *mut wskt_config,
    ms: i64,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set_timeout(config, "proxy_timeout", Timeout::Proxy, ms) }
}

/// Limits the TLS handshake with the server, in milliseconds. 30000 if never
/// set. What is left to do then of reading the trusted certificates is a part
/// of it.
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

/// Limits how long the peer may send nothing at all while the socket is open,
/// in milliseconds. 0, which is off, if never set.
///
/// Pongs count: with a heartbeat the peer has something to say. While the
/// socket is paused the time stands still, and it starts anew with resume.
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
pub unsafe extern "C" fn wskt_config_set_idle_timeout(
    config: *mut wskt_config,
    ms: i64,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set_timeout(config, "idle_timeout", Timeout::Idle, ms) }
}

/// Makes an open socket ping its peer and end when that does not answer. Off
/// if never set; two zeros turn it off.
///
/// A ping goes out every `interval_ms`, unless 32 wait for an answer already.
/// If one has none after `timeout_ms`, the peer is dead: error, then close
/// with code 1006 and WSKT_CAUSE_TIMEOUT. An answer is the pong to this ping
/// or to one sent after it; nothing else that arrives is one. As a pong cannot
/// come inside a frame, the time starts anew with each byte of a frame that
/// has begun. It covers what stands in front of ping and pong in the queues of
/// both sides: let it be longer than these take.
/// wskt_socket_round_trip_time has the newest answer's time. While the socket
/// is paused, and once it is closing, there is no heartbeat.
///
/// A socket that is driven by blocking calls has a heartbeat inside them only.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: a time is not in 1 to 2147483647.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 5.5.2. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_heartbeat(
    config: *mut wskt_config,
    interval_ms: i64,
    timeout_ms: i64,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, "heartbeat", |config| config.set_heartbeat(interval_ms, timeout_ms)) }
}
