//! Event structs filled from the core's events, and the place of the one that
//! was pulled last.

use super::callbacks::CHost;
use super::event::{
    wskt_attempt_event, wskt_close_event, wskt_drain_event, wskt_error_event, wskt_event,
    wskt_event_type, wskt_message_chunk_event, wskt_message_event, wskt_open_event,
    wskt_ping_event, wskt_pong_event, wskt_unsent_event,
};
use super::handle::wskt_socket;
use crate::error::Failure;
use crate::event::{Chunk, CloseEvent, Event, EventKind, MessageKind};
use crate::reconnect::Attempt;
use crate::socket::Socket;
use std::cell::UnsafeCell;
use std::ffi::CStr;
use std::mem;
use std::ptr;

fn head<T>(
    r#type: wskt_event_type,
    type_name: &'static CStr,
    target: *mut wskt_socket,
    timestamp: f64,
) -> wskt_event {
    wskt_event {
        struct_size: mem::size_of::<T>(),
        r#type,
        bubbles: false,
        cancelable: false,
        is_trusted: true,
        type_name: type_name.as_ptr(),
        target,
        timestamp,
    }
}

pub(super) fn open(target: *mut wskt_socket, timestamp: f64) -> wskt_open_event {
    let r#type = wskt_event_type::WSKT_EVENT_OPEN;
    wskt_open_event { head: head::<wskt_open_event>(r#type, c"open", target, timestamp) }
}

pub(super) fn message(
    target: *mut wskt_socket,
    timestamp: f64,
    kind: MessageKind,
    data: &[u8],
) -> wskt_message_event {
    let r#type = wskt_event_type::WSKT_EVENT_MESSAGE;
    wskt_message_event {
        head: head::<wskt_message_event>(r#type, c"message", target, timestamp),
        kind: kind.into(),
        data: data.as_ptr().cast(),
        len: data.len(),
    }
}

/// Makes of one message the next of the same socket, which arrived together.
#[inline(always)]
pub(super) fn next_message(event: &mut wskt_message_event, kind: MessageKind, data: &[u8]) {
    event.kind = kind.into();
    event.data = data.as_ptr().cast();
    event.len = data.len();
}

pub(super) fn chunk(
    target: *mut wskt_socket,
    timestamp: f64,
    Chunk { kind, first, last, data }: Chunk<'_>,
) -> wskt_message_chunk_event {
    let r#type = wskt_event_type::WSKT_EVENT_MESSAGE_CHUNK;
    wskt_message_chunk_event {
        head: head::<wskt_message_chunk_event>(r#type, c"messagechunk", target, timestamp),
        kind: kind.into(),
        first,
        last,
        data: data.as_ptr().cast(),
        len: data.len(),
    }
}

pub(super) fn error(
    target: *mut wskt_socket,
    timestamp: f64,
    failure: &Failure,
) -> wskt_error_event {
    let r#type = wskt_event_type::WSKT_EVENT_ERROR;
    wskt_error_event {
        head: head::<wskt_error_event>(r#type, c"error", target, timestamp),
        cause: failure.cause.into(),
        os_error: failure.os_error,
        http_status: failure.http_status,
        message: failure.message.as_ptr().cast(),
        message_len: failure.message.len(),
    }
}

pub(super) fn close(
    target: *mut wskt_socket,
    timestamp: f64,
    event: &CloseEvent,
) -> wskt_close_event {
    let r#type = wskt_event_type::WSKT_EVENT_CLOSE;
    wskt_close_event {
        head: head::<wskt_close_event>(r#type, c"close", target, timestamp),
        was_clean: event.was_clean,
        code: event.code,
        reason: event.reason.as_ptr().cast(),
        reason_len: event.reason.len(),
        peer_code: event.peer_code,
        cause: event.cause.into(),
        message: event.message.as_ptr().cast(),
        message_len: event.message.len(),
    }
}

pub(super) fn drain(target: *mut wskt_socket, timestamp: f64) -> wskt_drain_event {
    let r#type = wskt_event_type::WSKT_EVENT_DRAIN;
    wskt_drain_event { head: head::<wskt_drain_event>(r#type, c"drain", target, timestamp) }
}

pub(super) fn ping(target: *mut wskt_socket, timestamp: f64, data: &[u8]) -> wskt_ping_event {
    let r#type = wskt_event_type::WSKT_EVENT_PING;
    let head = head::<wskt_ping_event>(r#type, c"ping", target, timestamp);
    wskt_ping_event { head, data: data.as_ptr().cast(), len: data.len() }
}

pub(super) fn pong(target: *mut wskt_socket, timestamp: f64, data: &[u8]) -> wskt_pong_event {
    let r#type = wskt_event_type::WSKT_EVENT_PONG;
    let head = head::<wskt_pong_event>(r#type, c"pong", target, timestamp);
    wskt_pong_event { head, data: data.as_ptr().cast(), len: data.len() }
}

pub(super) fn attempt(
    target: *mut wskt_socket,
    timestamp: f64,
    attempt: &Attempt,
    previous: Option<&Socket>,
) -> wskt_attempt_event {
    let r#type = wskt_event_type::WSKT_EVENT_ATTEMPT;
    let close = previous.and_then(|socket| CHost::of(socket).final_event(socket));
    wskt_attempt_event {
        head: head::<wskt_attempt_event>(r#type, c"attempt", target, timestamp),
        number: attempt.number,
        delay_ms: attempt.delay.as_secs_f64() * 1e3,
        previous: close.map_or(ptr::null(), ptr::from_ref),
    }
}

pub(super) fn unsent(
    target: *mut wskt_socket,
    timestamp: f64,
    kind: MessageKind,
    data: &[u8],
) -> wskt_unsent_event {
    let r#type = wskt_event_type::WSKT_EVENT_UNSENT;
    let head = head::<wskt_unsent_event>(r#type, c"unsent", target, timestamp);
    wskt_unsent_event { head, kind: kind.into(), data: data.as_ptr().cast(), len: data.len() }
}

/// Any event, as a place to keep one.
#[repr(C)]
union AnyEvent {
    empty: (),
    open: wskt_open_event,
    message: wskt_message_event,
    error: wskt_error_event,
    close: wskt_close_event,
    drain: wskt_drain_event,
    ping: wskt_ping_event,
    pong: wskt_pong_event,
    chunk: wskt_message_chunk_event,
    attempt: wskt_attempt_event,
    unsent: wskt_unsent_event,
}

impl AnyEvent {
    #[inline(never)]
    fn new(target: *mut wskt_socket, event: &Event<'_>) -> Self {
        let time = event.timestamp;
        match event.kind {
            EventKind::Open => Self { open: open(target, time) },
            EventKind::Message(kind, data) => Self { message: message(target, time, kind, data) },
            EventKind::Chunk(part) => Self { chunk: chunk(target, time, part) },
            EventKind::Error(failure) => Self { error: error(target, time, failure) },
            EventKind::Close(content) => Self { close: close(target, time, content) },
            EventKind::Attempt(news) => {
                let previous = news.previous();
                Self { attempt: attempt(target, time, news, previous.as_deref()) }
            }
            EventKind::Unsent(kind, data) => Self { unsent: unsent(target, time, kind, data) },
            EventKind::Drain => Self { drain: drain(target, time) },
            EventKind::Ping(data) => Self { ping: ping(target, time, data) },
            EventKind::Pong(data) => Self { pong: pong(target, time, data) },
        }
    }
}

/// Holds the event that was pulled last, which C reads until the next pull.
pub(super) struct PulledEvent(UnsafeCell<AnyEvent>);

// SAFETY: the pointers inside are data for C; Rust never follows them.
unsafe impl Send for PulledEvent {}
// SAFETY: the only access is `put`, whose callers are one thread at a time.
unsafe impl Sync for PulledEvent {}

impl PulledEvent {
    pub(super) const fn new() -> Self {
        Self(UnsafeCell::new(AnyEvent { empty: () }))
    }

    /// Keeps an event in place of the one before and returns its address.
    ///
    /// # Safety
    /// Only the thread that drives the object this belongs to may call it,
    /// that is: the closure the core calls back from a pull. The core lets
    /// one thread at a time pull, and C gives up the event before with the
    /// call.
    #[inline(always)]
    pub(super) unsafe fn put(
        &self,
        target: *mut wskt_socket,
        event: &Event<'_>,
    ) -> *const wskt_event {
        let place = self.0.get();
        if let EventKind::Message(kind, data) = event.kind {
            let message = message(target, event.timestamp, kind, data);
            // SAFETY: nobody else writes by the caller's promise, and nobody
            // reads, because the lent event ends with the call that is running.
            unsafe { place.cast::<wskt_message_event>().write(message) };
        } else {
            // SAFETY: as above.
            unsafe { place.write(AnyEvent::new(target, event)) };
        }
        place.cast_const().cast()
    }
}
