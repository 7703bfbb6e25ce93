//! The opaque C types and what stands behind each: an `Arc` whose address C
//! holds. Nothing else turns a handle into an object or back.

use super::boundary::{boundary, caught};
use super::config::ConfigCell;
#[cfg(debug_assertions)]
use super::quarantine;
use super::result::wskt_result;
use crate::drive::Loop;
use crate::error::{Error, Result};
use crate::log::{self, Level};
use crate::reconnect::Reconnector;
use crate::socket::Socket;
use crate::tag::Tag;
use std::mem::{ManuallyDrop, offset_of};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How to connect: headers, trust, proxies, addresses, timeouts, limits.
///
/// A configuration is filled by its setters and given to wskt_socket_new,
/// which takes what it holds at that moment: changing or freeing it later
/// changes no socket. One configuration serves any number of sockets, and
/// they share one loaded set of trusted certificates.
///
/// The functions of a configuration may be called from any thread and in any
/// callback.
///
/// Made by wskt_config_new, freed by wskt_config_free. Its functions:
/// - wskt_config_error_text, wskt_config_set_browser_mode,
///   wskt_config_set_ping_events,
/// - the request: wskt_config_add_header, wskt_config_set_origin,
///   wskt_config_set_user_agent, wskt_config_set_cookie,
///   wskt_config_set_basic_authorization,
///   wskt_config_set_bearer_authorization, wskt_config_set_host,
///   wskt_config_set_allow_missing_protocol,
/// - TLS: wskt_config_add_ca_file, wskt_config_add_ca_pem,
///   wskt_config_set_system_roots, wskt_config_add_pinned_public_key,
///   wskt_config_set_min_tls_version, wskt_config_set_max_tls_version,
///   wskt_config_set_tls_server_name, wskt_config_set_tls_sni,
///   wskt_config_set_tls_alpn, wskt_config_set_danger_any_certificate,
///   wskt_config_set_danger_any_host_name,
/// - the client's certificate: wskt_config_set_client_certificate_file,
///   wskt_config_set_client_certificate_pem,
///   wskt_config_set_client_pkcs12_file, wskt_config_set_client_pkcs12,
/// - proxies: wskt_config_set_proxy, wskt_config_set_no_proxy,
///   wskt_config_set_proxy_from_environment,
/// - addresses: wskt_config_add_connect_to, wskt_config_set_local_address,
///   wskt_config_set_interface, wskt_config_set_unix_socket,
///   wskt_config_set_tcp_keepalive,
/// - time: wskt_config_set_open_timeout, wskt_config_set_dns_timeout,
///   wskt_config_set_connect_timeout, wskt_config_set_proxy_timeout,
///   wskt_config_set_tls_timeout, wskt_config_set_upgrade_timeout,
///   wskt_config_set_close_timeout, wskt_config_set_linger_timeout,
///   wskt_config_set_send_timeout, wskt_config_set_idle_timeout,
///   wskt_config_set_heartbeat,
/// - limits: wskt_config_set_max_message_size, wskt_config_set_max_fragments,
///   wskt_config_set_read_buffer, wskt_config_set_water_marks,
/// - compression: wskt_config_set_deflate,
///   wskt_config_set_deflate_no_context_takeover,
///   wskt_config_set_deflate_max_window_bits, wskt_config_set_deflate_level,
///   wskt_config_set_deflate_min_size.
///
/// Since: 0.1.0
pub struct wskt_config {
    _private: [u8; 0],
}

/// Drives many sockets on one thread.
///
/// There are four ways to drive a loop: a thread of its own
/// (wskt_loop_start), the calling thread (wskt_loop_run), another event loop
/// that watches one descriptor (wskt_loop_fd, wskt_loop_timeout_ms,
/// wskt_loop_dispatch), or events pulled one by one (wskt_loop_next_event).
/// The first three call callbacks; a loop whose events are pulled never does,
/// and cannot change.
///
/// Made by wskt_loop_new, freed by wskt_loop_free. Its functions:
/// wskt_loop_start, wskt_loop_stop, wskt_loop_run, wskt_loop_fd,
/// wskt_loop_timeout_ms, wskt_loop_dispatch, wskt_loop_next_event,
/// wskt_loop_wake.
///
/// Since: 0.1.0
pub struct wskt_loop {
    _private: [u8; 0],
}

/// One WebSocket, as a browser's WebSocket object.
///
/// A socket is made without touching the network, so that its handlers are
/// there before its first event. Either it is opened on a loop, which drives
/// it from then on (wskt_socket_open), or it is driven by blocking calls
/// (wskt_socket_connect, then wskt_socket_recv or wskt_socket_run); the first
/// of these calls decides. Between two blocking calls nothing is driven: no
/// ping is answered and no timeout passes.
///
/// Sending, closing, aborting, pausing and all getters are legal from any
/// thread and in every callback.
///
/// Made by wskt_socket_new, freed by wskt_socket_free. Its functions:
/// wskt_socket_add_protocol, wskt_socket_adopt_fd, wskt_socket_set_user_data,
/// wskt_socket_set_on_open, wskt_socket_set_on_message,
/// wskt_socket_set_on_message_chunk, wskt_socket_set_message_chunks,
/// wskt_socket_set_on_error, wskt_socket_set_on_close,
/// wskt_socket_set_on_drain, wskt_socket_set_on_ping,
/// wskt_socket_set_on_pong, wskt_socket_set_on_attempt,
/// wskt_socket_set_on_unsent, wskt_socket_open, wskt_socket_connect,
/// wskt_socket_recv, wskt_socket_run, wskt_socket_interrupt,
/// wskt_socket_send_text, wskt_socket_send_binary, wskt_socket_send,
/// wskt_socket_send_begin, wskt_socket_send_chunk, wskt_socket_send_end,
/// wskt_socket_ping, wskt_socket_pong, wskt_socket_round_trip_time,
/// wskt_socket_close, wskt_socket_abort, wskt_socket_pause,
/// wskt_socket_resume, wskt_socket_ready_state, wskt_socket_buffered_amount,
/// wskt_socket_url, wskt_socket_protocol, wskt_socket_extensions,
/// wskt_socket_response_status, wskt_socket_response_reason,
/// wskt_socket_response_header,
/// wskt_socket_response_header_count, wskt_socket_response_header_at,
/// wskt_socket_response_body, wskt_socket_peer_certificate,
/// wskt_socket_stats, wskt_socket_user_data, wskt_socket_close_event,
/// wskt_socket_error_text, wskt_socket_dispatch_close_event.
///
/// Since: 0.1.0
pub struct wskt_socket {
    _private: [u8; 0],
}

/// Makes a new socket for each try, after the pattern of one.
///
/// It decides when another try makes sense, and how long to wait for it. What
/// a socket had accepted and could not give to the kernel comes back to the
/// program (wskt_unsent_event): nothing is lost in silence, and wskt sends
/// nothing a second time.
///
/// Made by wskt_reconnector_new, freed by wskt_reconnector_free. Its
/// functions: wskt_reconnector_set_delays, wskt_reconnector_set_max_tries,
/// wskt_reconnector_start, wskt_reconnector_connect, wskt_reconnector_stop,
/// wskt_reconnector_is_over, wskt_reconnector_socket.
///
/// Since: 0.1.0
pub struct wskt_reconnector {
    _private: [u8; 0],
}

/// How many objects the program has made and not yet freed.
///
/// Counts configurations, loops, sockets, reconnectors (not the sockets they
/// make), and close events made by
/// wskt_close_event_new, in the whole process. It is 0 when everything was
/// freed: a check for leaks in tests.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn wskt_handle_count() -> usize {
    LIVE.load(Ordering::Relaxed)
}

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// Counts an object that C now owns.
pub(super) fn count_one_more() {
    LIVE.fetch_add(1, Ordering::Relaxed);
}

/// Counts an object that C owns no longer.
pub(super) fn count_one_less() {
    LIVE.fetch_sub(1, Ordering::Relaxed);
}

/// An opaque C type whose pointers are addresses of `Arc<Self::Object>`, which
/// begins with a [`Tag`].
pub(super) trait Handle {
    /// What stands behind the handle.
    type Object: Send + Sync + 'static;

    /// Its name in C.
    const NAME: &'static str;

    /// What its tag says.
    const TAG: u64;

    /// The tag of an object.
    fn tag(object: &Self::Object) -> &Tag;

    /// Whether the object was made before a fork and this is the child.
    fn is_forked(object: &Self::Object) -> bool;

    /// Makes the object unusable after a panic inside it.
    fn poison(_object: &Arc<Self::Object>) {}

    /// Remembers why a call was refused.
    fn refused(_object: &Self::Object, _error: Error) {}
}

impl Handle for wskt_config {
    type Object = ConfigCell;

    const NAME: &'static str = "wskt_config";
    const TAG: u64 = Tag::CONFIG;

    fn tag(object: &ConfigCell) -> &Tag {
        &object.tag
    }

    fn is_forked(object: &ConfigCell) -> bool {
        object.is_forked()
    }
}

impl Handle for wskt_loop {
    type Object = Loop;

    const NAME: &'static str = "wskt_loop";
    const TAG: u64 = Tag::LOOP;

    fn tag(object: &Loop) -> &Tag {
        &object.tag
    }

    fn is_forked(object: &Loop) -> bool {
        object.is_forked()
    }
}

impl Handle for wskt_socket {
    type Object = Socket;

    const NAME: &'static str = "wskt_socket";
    const TAG: u64 = Tag::SOCKET;

    fn tag(object: &Socket) -> &Tag {
        &object.tag
    }

    fn is_forked(object: &Socket) -> bool {
        object.is_forked()
    }

    fn poison(object: &Arc<Socket>) {
        object.poison();
    }

    fn refused(object: &Socket, error: Error) {
        object.note_refusal(error);
    }
}

impl Handle for wskt_reconnector {
    type Object = Reconnector;

    const NAME: &'static str = "wskt_reconnector";
    const TAG: u64 = Tag::RECONNECTOR;

    fn tag(object: &Reconnector) -> &Tag {
        &object.tag
    }

    fn is_forked(object: &Reconnector) -> bool {
        object.is_forked()
    }
}

/// The handle of an object that C already holds.
pub(super) fn of<H: Handle>(object: &Arc<H::Object>) -> *mut H {
    Arc::as_ptr(object).cast_mut().cast()
}

/// Hands an object over to C.
pub(super) fn give<H: Handle>(object: Arc<H::Object>) -> *mut H {
    count_one_more();
    #[cfg(debug_assertions)]
    quarantine::born(Arc::as_ptr(&object).addr(), H::NAME);
    Arc::into_raw(object).cast_mut().cast()
}

// What is read of a handle before its type is known.
const _: () = {
    assert!(offset_of!(ConfigCell, tag) == 0);
    assert!(offset_of!(Loop, tag) == 0);
    assert!(offset_of!(Socket, tag) == 0);
    assert!(offset_of!(Reconnector, tag) == 0);
};

/// The object of a handle, once its tag has told that it is one.
///
/// # Safety
/// `handle` is NULL, or came from [`give`], for whatever type, and is not taken
/// back during `'a`.
unsafe fn look<'a, H: Handle>(handle: *const H) -> Result<&'a H::Object>
where
    H::Object: 'a,
{
    #[cfg(debug_assertions)]
    quarantine::check(handle.addr(), H::NAME)?;
    // SAFETY: objects of all types begin with a tag.
    let tag = unsafe { handle.cast::<Tag>().as_ref() }.ok_or(Error::Null)?;
    if !tag.is(H::TAG) {
        return Err(mistaken(tag, H::NAME));
    }
    // SAFETY: the tag is that of such an object.
    Ok(unsafe { &*handle.cast::<H::Object>() })
}

#[cold]
fn mistaken(tag: &Tag, wanted: &str) -> Error {
    log::with(Level::Error, || tag.complaint(wanted));
    Error::InvalidArgument
}

/// Takes back what [`give`] handed over; `None` for NULL.
///
/// # Safety
/// `handle` is NULL or came from [`give`] and was not taken back yet.
pub(super) unsafe fn take<H: Handle>(handle: *const H) -> Option<Arc<H::Object>> {
    // SAFETY: the caller's promise is the same.
    unsafe { look(handle) }.ok()?;
    count_one_less();
    // SAFETY: `give` made the pointer from such an Arc, whose count it left
    // to the handle.
    Some(unsafe { Arc::<H::Object>::from_raw(handle.cast()) })
}

/// The end of an object that was taken back: from here on its handle counts as
/// freed. Until then callbacks that run may use it.
pub(super) fn bury<H: Handle>(object: Arc<H::Object>) {
    H::tag(&object).free();
    #[cfg(debug_assertions)]
    quarantine::freed(Arc::as_ptr(&object).addr(), Box::new(Arc::downgrade(&object)));
    drop(object);
}

/// Looks at the object of a handle, for getters; `None` for NULL.
///
/// # Safety
/// `handle` is NULL or came from [`give`] and is not taken back during `'a`.
pub(super) unsafe fn peek<'a, H: Handle>(handle: *const H) -> Option<&'a H::Object>
where
    H::Object: 'a,
{
    // SAFETY: the caller's promise is the same.
    unsafe { look(handle) }.ok()
}

/// Takes a share in the object of a handle, so that it outlives the call even
/// if the handle is freed meanwhile: by a callback, or by another thread to
/// end a wait.
///
/// # Safety
/// `handle` is NULL or came from [`give`] and is not taken back yet.
#[inline(always)]
pub(super) unsafe fn share<H: Handle>(handle: *const H) -> Result<Arc<H::Object>> {
    // SAFETY: the caller's promise is the same.
    let object = unsafe { share_for_free(handle) }?;
    if H::is_forked(&object) { Err(Error::Forked) } else { Ok(object) }
}

/// As [`share`], also in the child of a fork: free is legal there.
///
/// # Safety
/// As for [`share`].
#[inline(always)]
pub(super) unsafe fn share_for_free<H: Handle>(handle: *const H) -> Result<Arc<H::Object>> {
    // SAFETY: the caller's promise is the same.
    unsafe { look(handle) }?;
    // SAFETY: `give` made the pointer from such an Arc; ManuallyDrop leaves
    // the handle's own count alone.
    let object = ManuallyDrop::new(unsafe { Arc::from_raw(handle.cast::<H::Object>()) });
    Ok(Arc::clone(&object))
}

/// The body of every entry point of a handle that returns a result.
///
/// # Safety
/// As for [`share`].
#[inline]
pub(super) unsafe fn with<H: Handle>(
    handle: *const H,
    body: impl FnOnce(&Arc<H::Object>) -> Result<()>,
) -> wskt_result {
    let mut shared = None;
    let result = boundary(|| {
        // SAFETY: the caller's promise is the same.
        let object = shared.insert(unsafe { share(handle) }?);
        let done = body(object);
        if let Err(error) = done {
            H::refused(object, error);
        }
        shared = None;
        done
    });
    if let Some(object) = shared {
        // The body has panicked; whatever follows from that stays inside too.
        let _ = caught(move || H::poison(&object));
    }
    result
}
