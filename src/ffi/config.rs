//! Configurations for C.

use super::boundary::{Out, boundary, bytes, install_panic_hook, name};
use super::handle::{self, wskt_config};
use super::result::wskt_result;
use crate::config::{Config, Timeout};
use crate::error::Result;
use crate::sys;
use std::ffi::c_char;
use std::sync::{Arc, Mutex, PoisonError};

/// A configuration that setters change. Sockets hold the `Arc` they were
/// given; a setter copies what is shared.
pub(super) struct ConfigCell {
    config: Mutex<Arc<Config>>,
    generation: u32,
}

impl ConfigCell {
    pub(super) fn is_forked(&self) -> bool {
        self.generation != sys::fork_generation()
    }

    /// What it holds now.
    pub(super) fn current(&self) -> Arc<Config> {
        Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Config) -> Result<()>) -> Result<()> {
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut config))
    }
}

unsafe fn set(
    config: *mut wskt_config,
    change: impl FnOnce(&mut Config) -> Result<()>,
) -> wskt_result {
    // SAFETY: the entry point's caller promises a live handle.
    unsafe { handle::with(config, |config| config.change(change)) }
}

unsafe fn set_timeout(config: *mut wskt_config, which: Timeout, ms: i64) -> wskt_result {
    // SAFETY: the entry point's caller promises a live handle.
    unsafe { set(config, |config| config.set_timeout(which, ms)) }
}

/// Makes a configuration with the defaults.
///
/// `out_config` receives it; the caller frees it with wskt_config_free.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL: `out_config` is NULL.
/// - WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_new(out_config: *mut *mut wskt_config) -> wskt_result {
    boundary(|| {
        // SAFETY: the caller promises a writable place or NULL.
        let out = unsafe { Out::new(out_config) }?;
        install_panic_hook();
        out.set(handle::give(Arc::new(ConfigCell {
            config: Mutex::new(Config::shared_default()),
            generation: sys::fork_generation(),
        })));
        Ok(())
    })
}

/// Frees a configuration. Sockets made with it are not affected. NULL is
/// fine.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_free(config: *mut wskt_config) {
    boundary(|| {
        // SAFETY: the caller gives up the handle with this call.
        drop(unsafe { handle::take(config) });
        Ok(())
    });
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
    unsafe { set_timeout(config, Timeout::Open, ms) }
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
    unsafe { set_timeout(config, Timeout::Connect, ms) }
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
    unsafe { set_timeout(config, Timeout::Tls, ms) }
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
    unsafe { set_timeout(config, Timeout::Upgrade, ms) }
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
    unsafe { set_timeout(config, Timeout::Close, ms) }
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
    unsafe { set_timeout(config, Timeout::Linger, ms) }
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
    unsafe { set_timeout(config, Timeout::Send, ms) }
}

/// Limits the size of a received message, in bytes. 67108864 (64 MiB) if
/// never set.
///
/// A larger one ends the connection before its memory is taken: the peer gets
/// a Close frame with code 1009; error, close with code 1006 and
/// WSKT_CAUSE_MESSAGE_TOO_BIG follow.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `bytes` is 0.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 10.4. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_max_message_size(
    config: *mut wskt_config,
    bytes: u64,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, |config| config.set_max_message_size(bytes)) }
}

/// Limits the number of continuation frames in a received message. 131072 if
/// never set.
///
/// A message with more ends the connection as one that is too large does.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `count` is 0.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 10.4. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_max_fragments(
    config: *mut wskt_config,
    count: u32,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, |config| config.set_max_fragments(count)) }
}

/// Sets the water marks of the send queue, in bytes. 1048576 and 4194304 (1
/// and 4 MiB) if never set.
///
/// A send is refused with WSKT_ERR_BUFFER_FULL while the queue stands at or
/// over `high`. One message may take it beyond: a message is never refused
/// for its own size. The drain event comes when the queue is back at or under
/// `low`.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `high` is 0, or `low` is above it.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_water_marks(
    config: *mut wskt_config,
    low: usize,
    high: usize,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, |config| config.set_water_marks(low, high)) }
}

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
    unsafe { set(config, |config| config.add_ca_file(name(path)?)) }
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
    unsafe { set(config, |config| config.add_ca_pem(bytes(pem, len)?)) }
}

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
    use super::boundary::name as text;
    // SAFETY: the caller promises a live handle or NULL, and C strings.
    unsafe { set(config, |config| config.add_header(text(name)?, text(value)?)) }
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
        config.allow_missing_protocol = allow;
        Ok(())
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, change) }
}

/// Sets browser mode, for hosts that hand sockets on to scripts. False if
/// never set.
///
/// It changes five things and nothing else:
/// - A Close frame of the peer with a code that RFC 6455 does not allow is
///   accepted and reported as it is, except for 1005, 1006 and 1015.
/// - A TLS failure gives close code 1006 instead of 1015.
/// - A connection that is lost without a Close frame gives a close event only,
///   no error event before it.
/// - The cause and message of a failure while opening are hidden.
/// - The HTTP response of a refused upgrade is hidden.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// WHATWG WebSockets, fail the WebSocket connection. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_browser_mode(
    config: *mut wskt_config,
    on: bool,
) -> wskt_result {
    let change = |config: &mut Config| {
        config.browser_mode = on;
        Ok(())
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, change) }
}
