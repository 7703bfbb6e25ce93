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
/// The headers of the handshake and of the connection itself cannot be set
/// here: Host (see wskt_config_set_host), Upgrade, Connection, Keep-Alive,
/// Content-Length, Transfer-Encoding, TE, Trailer, Expect, Proxy-Connection,
/// Proxy-Authenticate, Proxy-Authorization (see wskt_config_set_proxy) and every
/// Sec-WebSocket- header. Subprotocols go through wskt_socket_add_protocol.
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

/// Sets the Origin header, which browsers send and some servers ask for. None
/// if never set.
///
/// `origin` is NUL-terminated, such as "https://example.com". It replaces every
/// Origin header that was there.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_HEADER: there is CR, LF or another control character in
///   it.
/// - WSKT_ERR_INVALID_UTF8: `origin` is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6454, section 7. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_origin(
    config: *mut wskt_config,
    origin: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and a C string.
    unsafe { set(config, "origin", |config| config.set_origin(text(origin)?)) }
}

/// Sets the User-Agent header. None if never set.
///
/// `user_agent` is NUL-terminated. It replaces every User-Agent header that was
/// there.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_HEADER: there is CR, LF or another control character in
///   it.
/// - WSKT_ERR_INVALID_UTF8: `user_agent` is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 9110, section 10.1.5. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_user_agent(
    config: *mut wskt_config,
    user_agent: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and a C string.
    unsafe { set(config, "user_agent", |config| config.set_user_agent(text(user_agent)?)) }
}

/// Sets the Cookie header. None if never set; nothing that a server sets is
/// kept.
///
/// `cookies` is NUL-terminated, such as "a=b; c=d". It replaces every Cookie
/// header that was there.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_HEADER: there is CR, LF or another control character in
///   it.
/// - WSKT_ERR_INVALID_UTF8: `cookies` is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6265, section 4.2. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_cookie(
    config: *mut wskt_config,
    cookies: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and a C string.
    unsafe { set(config, "cookie", |config| config.set_cookie(text(cookies)?)) }
}

/// Sets the Authorization header to a user's name and password. Those of the
/// URL if never set.
///
/// Both are NUL-terminated. They replace every Authorization header that was
/// there. Over ws: everybody on the way can read them.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: there is a colon in `user`, or a control
///   character in one of them.
/// - WSKT_ERR_INVALID_UTF8: one of them is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 7617. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_basic_authorization(
    config: *mut wskt_config,
    user: *const c_char,
    password: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and C strings.
    unsafe {
        set(config, "basic_authorization", |config| {
            config.set_basic_authorization(text(user)?, text(password)?)
        })
    }
}

/// Sets the Authorization header to a Bearer token. None if never set.
///
/// `token` is NUL-terminated. It replaces every Authorization header that was
/// there. Over ws: everybody on the way can read it.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: it has other characters than a token of RFC
///   6750 may have.
/// - WSKT_ERR_INVALID_UTF8: `token` is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6750, section 2.1. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_bearer_authorization(
    config: *mut wskt_config,
    token: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and a C string.
    unsafe {
        set(config, "bearer_authorization", |config| config.set_bearer_authorization(text(token)?))
    }
}

/// Sets the Host header. The URL's host and port if never set.
///
/// `host` is NUL-terminated: a host, perhaps with a port, sent as it is. Name
/// resolution and TLS still go by the URL; wskt_config_set_tls_server_name is
/// for TLS.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: it is not a host, or a host and a port.
/// - WSKT_ERR_INVALID_UTF8: `host` is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 9110, section 7.2. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_host(
    config: *mut wskt_config,
    host: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and a C string.
    unsafe { set(config, "host", |config| config.set_host(text(host)?)) }
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
