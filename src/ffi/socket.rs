//! A socket's making, freeing and user data for C.

use super::boundary::{Out, boundary, install_panic_hook, name};
use super::callbacks::{CHost, wskt_destroy_fn};
use super::handle::{self, wskt_config, wskt_loop, wskt_socket};
use super::result::wskt_result;
use crate::config::Config;
use crate::error::Result;
use crate::socket::Socket;
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// Makes a socket. The network is not touched: wskt_socket_open or
/// wskt_socket_connect does that, after protocols and handlers are set.
///
/// `loop` is the loop to open it on. NULL is for a socket that is driven by
/// blocking calls, or opened on a loop with a thread of its own that wskt
/// starts when it is first needed, one for the process.
///
/// `url` is NUL-terminated UTF-8 with the scheme ws, wss, http or https. It
/// is copied. For a Unix-domain socket it is ws+unix:PATH:RESOURCE, as in
/// "ws+unix:/run/app.sock:/chat?x=1": the path of the socket (RESOURCE may be
/// missing), or wss+unix for TLS; the host is localhost then. `config` may be
/// NULL for the defaults; what it holds is taken now, so it can be changed or
/// freed afterwards.
///
/// `out_socket` receives the socket; the caller frees it with
/// wskt_socket_free.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_URL: `url` does not parse.
/// - WSKT_ERR_INVALID_SCHEME: its scheme is another one.
/// - WSKT_ERR_INVALID_FRAGMENT: it has a fragment.
/// - WSKT_ERR_INVALID_UTF8: it is not UTF-8.
/// - WSKT_ERR_FORKED: `loop` or `config` was made before fork().
/// - WSKT_ERR_NULL: `url` or `out_socket` is NULL.
/// - WSKT_ERR_PANIC
///
/// WHATWG WebSockets, new WebSocket(url). Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_new(
    r#loop: *mut wskt_loop,
    url: *const c_char,
    config: *const wskt_config,
    out_socket: *mut *mut wskt_socket,
) -> wskt_result {
    boundary(|| {
        // SAFETY: the caller promises a writable place or NULL.
        let out = unsafe { Out::new(out_socket) }?;
        // SAFETY: the caller promises a C string or NULL.
        let url = unsafe { name(url) }?;
        // SAFETY: the caller promises live handles or NULL.
        let (event_loop, config) = unsafe { (loop_or_none(r#loop)?, config_or_default(config)?) };
        install_panic_hook();
        let socket = Socket::new(event_loop.as_ref(), url, config, Box::new(CHost::new()))?;
        out.set(handle::give(socket));
        Ok(())
    })
}

unsafe fn loop_or_none(r#loop: *const wskt_loop) -> Result<Option<Arc<crate::drive::Loop>>> {
    if r#loop.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller promises a live handle, and it is not NULL.
    unsafe { handle::share(r#loop) }.map(Some)
}

unsafe fn config_or_default(config: *const wskt_config) -> Result<Arc<Config>> {
    if config.is_null() {
        return Ok(Config::shared_default());
    }
    // SAFETY: the caller promises a live handle, and it is not NULL.
    Ok(unsafe { handle::share(config) }?.current())
}

/// Frees a socket, in whatever state it is, and silences it: no callback of
/// it begins afterwards. NULL is fine, and so is a reconnector's socket: it
/// stays.
///
/// An open connection is ended without a closing handshake and NO CLOSE EVENT
/// COMES: for a polite end call wskt_socket_close and free the socket in or
/// after its close event.
///
/// If a callback of the socket is running on another thread, it waits for it,
/// so that the program may then free what the callback uses. Inside any
/// callback it never waits; the destructor of the user data marks the end
/// there. A blocking call of another thread that waits on this socket returns
/// with WSKT_ERR_CLOSED. Every other call on the socket must have returned
/// before, and none may begin after: the handle is gone then.
///
/// In a child after fork() it releases memory and descriptors only.
///
/// Any thread; legal in every callback, the socket's own included.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_free(socket: *mut wskt_socket) {
    boundary(|| {
        // SAFETY: the caller promises a live handle or NULL.
        if unsafe { handle::peek(socket) }.is_some_and(Socket::is_lent) {
            // Its reconnector frees it.
            return Ok(());
        }
        // SAFETY: the caller gives up the handle with this call.
        if let Some(socket) = unsafe { handle::take(socket) } {
            socket.free();
            handle::bury::<wskt_socket>(socket);
        }
        Ok(())
    });
}

/// Offers a subprotocol to the server; call it once for each, best first.
///
/// `protocol` is a NUL-terminated token, copied. The server picks at most
/// one, and wskt_socket_protocol tells which. If it picks none, the
/// connection fails (see wskt_config_set_allow_missing_protocol).
///
/// Any thread, before the socket is opened; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_PROTOCOL: it is empty or not a token.
/// - WSKT_ERR_DUPLICATE_PROTOCOL: it was added already.
/// - WSKT_ERR_INVALID_STATE: the socket was opened, connected or closed.
/// - WSKT_ERR_INVALID_UTF8: it is not UTF-8.
/// - WSKT_ERR_LOOP_GONE: the socket's loop was freed.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6455, section 1.9; WHATWG WebSockets, new WebSocket(url, protocols).
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_add_protocol(
    socket: *mut wskt_socket,
    protocol: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and a C string.
    unsafe { handle::with(socket, |socket| socket.add_protocol(name(protocol)?)) }
}

/// Takes over a connection that the program made itself, to the server or
/// through something that leads there. TLS and the upgrade happen on it.
///
/// `fd` is a connected stream socket: TCP, Unix-domain, or one of a socket
/// pair. With WSKT_OK it belongs to wskt, which sets it to close-on-exec, and
/// to blocking where blocking calls read from it, and closes it with the
/// connection, or with the socket if that is never opened. With any other
/// result it stays the program's and is unchanged. Nothing may have been read
/// or written on it that belongs to the connection. Proxy, connect_to,
/// addresses and their timeouts do not matter.
///
/// Any thread, before the socket is opened; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `fd` is not open, or no connected stream
///   socket.
/// - WSKT_ERR_INVALID_STATE: the socket was opened, connected or closed, or
///   has adopted a descriptor before.
/// - WSKT_ERR_LOOP_GONE: the socket's loop was freed.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_adopt_fd(
    socket: *mut wskt_socket,
    fd: std::ffi::c_int,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(socket, |socket| socket.adopt(fd)) }
}

/// Sets the pointer that callbacks receive, and what destroys it.
///
/// wskt never looks at `user_data`; NULL if never set. `destroy` may be NULL.
/// If set, it is called exactly once: when the socket is freed and the last
/// callback has ended, or at once, inside this call, when the user data is
/// replaced. A callback that is running meanwhile on another thread still has
/// the old pointer: replace it from the driving thread only.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL: `socket` is NULL. `destroy` is not called.
/// - WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_socket_set_user_data(
    socket: *mut wskt_socket,
    user_data: *mut c_void,
    destroy: wskt_destroy_fn,
) -> wskt_result {
    let set = |socket: &Arc<Socket>| {
        CHost::of(socket).set_user_data(user_data, destroy);
        Ok(())
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { handle::with(socket, set) }
}
