//! The upgrade request for C.

use super::boundary::name as text;
use super::config::set;
use super::handle::wskt_config;
use super::result::wskt_result;
use crate::config::Config;
use std::ffi::c_char;

/// Adds a header to the upgrade request.
///
/// `name` and `value` are NUL-terminated UTF-8, copied before the call
/// returns. Headers are sent in the order and with the spelling they were
/// added in; a name may be added more than once.
///
/// The headers of the handshake and of the connection itself cannot be set:
/// Host, Upgrade, Connection, Keep-Alive, Proxy-Connection, Content-Length,
/// Transfer-Encoding, TE, Expect and every Sec-WebSocket- header.
/// Subprotocols go through wskt_socket_add_protocol.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_HEADER: `name` is not a token, or `value` has CR, LF or
///   another control character in it.
/// - WSKT_ERR_FORBIDDEN_HEADER: the header belongs to the handshake.
/// - WSKT_ERR_INVALID_UTF8: `name` or `value` is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 4.1. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_add_header(
    config: *mut wskt_config,
    name: *const c_char,
    value: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and C strings.
    unsafe { set(config, "header", |config| config.add_header(text(name)?, text(value)?)) }
}

/// Sets whether a server may leave an offered subprotocol unanswered. False
/// if never set.
///
/// With false, as in browsers, such an answer fails the connection. With
/// true, the connection opens and wskt_socket_protocol is empty.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// WHATWG WebSockets, establish a connection. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_allow_missing_protocol(
    config: *mut wskt_config,
    allow: bool,
) -> wskt_result {
    let change = |config: &mut Config| {
        config.request.allow_missing_protocol = allow;
        Ok(())
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, "allow_missing_protocol", change) }
}
