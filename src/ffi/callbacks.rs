//! The program's functions: their types, where a socket keeps them, and the
//! one place that calls them.

use super::event::{
    wskt_attempt_event, wskt_close_event, wskt_drain_event, wskt_error_event,
    wskt_message_chunk_event, wskt_message_event, wskt_open_event, wskt_ping_event,
    wskt_pong_event, wskt_unsent_event,
};
use super::event_fill::{self as fill, PulledEvent};
use super::handle::{self, wskt_socket};
use crate::conn::Messages;
use crate::drive::as_callback;
use crate::event::{Event, EventKind, MessageKind};
use crate::socket::{Host, Socket};
use std::any::Any;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Called when the connection is established. See wskt_socket_set_on_open.
///
/// For this and every callback below: it runs on the thread that drives the
/// socket, one at a time for a loop. `event` and all it points to are lent
/// until it returns; `socket` is `event->head.target`; `user_data` is what
/// wskt_socket_set_user_data was given last. Every function that neither
/// waits nor dispatches is legal inside, freeing the socket included.
///
/// A callback must not throw an exception and must not longjmp out. A C++
/// exception that leaves it ends the process.
///
/// Since: 0.1.0
pub type wskt_on_open_fn = Option<
    unsafe extern "C-unwind" fn(
        socket: *mut wskt_socket,
        event: *const wskt_open_event,
        user_data: *mut c_void,
    ),
>;

/// Called for each message. See wskt_socket_set_on_message.
///
/// Since: 0.1.0
pub type wskt_on_message_fn = Option<
    unsafe extern "C-unwind" fn(
        socket: *mut wskt_socket,
        event: *const wskt_message_event,
        user_data: *mut c_void,
    ),
>;

/// Called for each chunk of a message. See
/// wskt_socket_set_on_message_chunk.
///
/// Since: 0.1.0
pub type wskt_on_message_chunk_fn = Option<
    unsafe extern "C-unwind" fn(
        socket: *mut wskt_socket,
        event: *const wskt_message_chunk_event,
        user_data: *mut c_void,
    ),
>;

/// Called when the connection has failed, right before the close callback.
/// See wskt_socket_set_on_error.
///
/// Since: 0.1.0
pub type wskt_on_error_fn = Option<
    unsafe extern "C-unwind" fn(
        socket: *mut wskt_socket,
        event: *const wskt_error_event,
        user_data: *mut c_void,
    ),
>;

/// Called once, last, when the connection is closed. See
/// wskt_socket_set_on_close.
///
/// Since: 0.1.0
pub type wskt_on_close_fn = Option<
    unsafe extern "C-unwind" fn(
        socket: *mut wskt_socket,
        event: *const wskt_close_event,
        user_data: *mut c_void,
    ),
>;

/// Called when the send queue has fallen back to the low-water mark. See
/// wskt_socket_set_on_drain.
///
/// Since: 0.1.0
pub type wskt_on_drain_fn = Option<
    unsafe extern "C-unwind" fn(
        socket: *mut wskt_socket,
        event: *const wskt_drain_event,
        user_data: *mut c_void,
    ),
>;

/// Called when the peer has sent a ping. See wskt_socket_set_on_ping.
///
/// Since: 0.1.0
pub type wskt_on_ping_fn = Option<
    unsafe extern "C-unwind" fn(
        socket: *mut wskt_socket,
        event: *const wskt_ping_event,
        user_data: *mut c_void,
    ),
>;

/// Called when the peer has sent a pong. See wskt_socket_set_on_pong.
///
/// Since: 0.1.0
pub type wskt_on_pong_fn = Option<
    unsafe extern "C-unwind" fn(
        socket: *mut wskt_socket,
        event: *const wskt_pong_event,
        user_data: *mut c_void,
    ),
>;

/// Called for each socket that a reconnector makes. See
/// wskt_socket_set_on_attempt.
///
/// Since: 0.1.0
pub type wskt_on_attempt_fn = Option<
    unsafe extern "C-unwind" fn(
        socket: *mut wskt_socket,
        event: *const wskt_attempt_event,
        user_data: *mut c_void,
    ),
>;

/// Called for each message that was accepted and not sent. See
/// wskt_socket_set_on_unsent.
///
/// Since: 0.1.0
pub type wskt_on_unsent_fn = Option<
    unsafe extern "C-unwind" fn(
        socket: *mut wskt_socket,
        event: *const wskt_unsent_event,
        user_data: *mut c_void,
    ),
>;

/// Called once with the user data when wskt will not touch it again. See
/// wskt_socket_set_user_data.
///
/// It runs on the thread that let go of the socket last: the one that called
/// wskt_socket_free, or the one that drove the socket. It must not use the
/// socket, must not call a function that waits or dispatches, and must not
/// throw or longjmp.
///
/// Since: 0.1.0
pub type wskt_destroy_fn = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>;

/// The program's pointer and what destroys it; dropping this does so. The
/// pointer is only handed back to the program's own functions, whose manual says
/// on which threads they run.
struct UserData {
    /// Read without a lock, written under that of `destroy`.
    pointer: AtomicPtr<c_void>,
    destroy: Mutex<wskt_destroy_fn>,
}

impl UserData {
    fn new(pointer: *mut c_void) -> Self {
        Self { pointer: AtomicPtr::new(pointer), destroy: Mutex::new(None) }
    }

    /// Replaces both; the old pointer is destroyed before this returns.
    fn set(&self, pointer: *mut c_void, destroy: wskt_destroy_fn) {
        let mut current = self.destroy.lock().unwrap_or_else(PoisonError::into_inner);
        let pointer = self.pointer.swap(pointer, Ordering::AcqRel);
        let destroy = mem::replace(&mut *current, destroy);
        // The destructor is the program's: not under the lock.
        drop(current);
        Self::destroy(pointer, destroy);
    }

    fn destroy(pointer: *mut c_void, destroy: wskt_destroy_fn) {
        if let Some(destroy) = destroy {
            // SAFETY: the program set the pair together and promised that
            // the function takes the pointer, from any thread.
            as_callback(|| unsafe { destroy(pointer) });
        }
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        let destroy = self.destroy.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        Self::destroy(*self.pointer.get_mut(), destroy);
    }
}

/// Any of the handler types.
type Handler<E> = Option<unsafe extern "C-unwind" fn(*mut wskt_socket, *const E, *mut c_void)>;

/// One handler, set and read without a lock by any thread.
pub(super) struct Slot<E> {
    function: AtomicPtr<()>,
    event: PhantomData<fn(*const E)>,
}

impl<E> Slot<E> {
    const fn new() -> Self {
        Self { function: AtomicPtr::new(ptr::null_mut()), event: PhantomData }
    }

    pub(super) fn set(&self, handler: Handler<E>) {
        let function = handler.map_or(ptr::null_mut(), |function| function as *mut ());
        self.function.store(function, Ordering::Release);
    }

    pub(super) fn is_set(&self) -> bool {
        !self.function.load(Ordering::Acquire).is_null()
    }

    /// The same handler in a slot of its own.
    fn copy(&self) -> Self {
        let function = AtomicPtr::new(self.function.load(Ordering::Acquire));
        Self { function, event: PhantomData }
    }

    fn get(&self) -> Handler<E> {
        // SAFETY: `set` and `new` are the only writers. What they store is
        // such a function, or NULL, which is `None` of this type.
        unsafe { mem::transmute::<*mut (), Handler<E>>(self.function.load(Ordering::Acquire)) }
    }
}

/// The handlers of a socket.
pub(super) struct Handlers {
    pub(super) open: Slot<wskt_open_event>,
    pub(super) message: Slot<wskt_message_event>,
    pub(super) chunk: Slot<wskt_message_chunk_event>,
    pub(super) error: Slot<wskt_error_event>,
    pub(super) close: Slot<wskt_close_event>,
    pub(super) drain: Slot<wskt_drain_event>,
    pub(super) ping: Slot<wskt_ping_event>,
    pub(super) pong: Slot<wskt_pong_event>,
    pub(super) attempt: Slot<wskt_attempt_event>,
    pub(super) unsent: Slot<wskt_unsent_event>,
}

/// The final close event, filled when it is first asked for.
struct FinalEvent(wskt_close_event);

// SAFETY: it is never changed, and its pointers lead into the socket that
// owns it or to static text.
unsafe impl Send for FinalEvent {}
// SAFETY: as above.
unsafe impl Sync for FinalEvent {}

/// What this layer keeps beside a socket.
pub(super) struct CHost {
    handlers: Handlers,
    user_data: UserData,
    /// Not for every socket: an idle one takes the less memory.
    more: OnceLock<Box<More>>,
}

/// What most sockets that a loop drives never need.
struct More {
    pulled: PulledEvent,
    closed: OnceLock<FinalEvent>,
    /// The socket that this one is made after, whose user data it has.
    _pattern: Option<Arc<Socket>>,
}

impl More {
    fn new(pattern: Option<Arc<Socket>>) -> Box<Self> {
        let (pulled, closed) = (PulledEvent::new(), OnceLock::new());
        Box::new(Self { pulled, closed, _pattern: pattern })
    }
}

impl CHost {
    pub(super) fn new() -> Self {
        Self {
            handlers: Handlers {
                open: Slot::new(),
                message: Slot::new(),
                chunk: Slot::new(),
                error: Slot::new(),
                close: Slot::new(),
                drain: Slot::new(),
                ping: Slot::new(),
                pong: Slot::new(),
                attempt: Slot::new(),
                unsent: Slot::new(),
            },
            user_data: UserData::new(ptr::null_mut()),
            more: OnceLock::new(),
        }
    }

    /// The host of a socket made after `pattern`, whose host this is.
    fn copy(&self, pattern: &Arc<Socket>) -> Self {
        let have = &self.handlers;
        let handlers = Handlers {
            open: have.open.copy(),
            message: have.message.copy(),
            chunk: have.chunk.copy(),
            error: have.error.copy(),
            close: have.close.copy(),
            drain: have.drain.copy(),
            ping: have.ping.copy(),
            pong: have.pong.copy(),
            attempt: have.attempt.copy(),
            unsent: have.unsent.copy(),
        };
        let more = More::new(Some(Arc::clone(pattern)));
        Self { handlers, user_data: UserData::new(self.user_pointer()), more: more.into() }
    }

    #[inline]
    fn more(&self) -> &More {
        self.more.get_or_init(|| More::new(None))
    }

    /// The host of a socket that has a handle: they all have this one.
    #[inline]
    pub(super) fn of(socket: &Socket) -> &Self {
        let host = socket.host();
        debug_assert!(host.as_any().is::<Self>(), "a handle's socket was made here");
        // SAFETY: handles are made in this layer only, of sockets that were
        // made with such a host or after one that was.
        unsafe { &*ptr::from_ref(host).cast::<Self>() }
    }

    /// The handlers, to be set at any time and from any thread.
    pub(super) fn handlers(&self) -> &Handlers {
        &self.handlers
    }

    /// Replaces the user data; the old one is destroyed before this returns.
    pub(super) fn set_user_data(&self, pointer: *mut c_void, destroy: wskt_destroy_fn) {
        self.user_data.set(pointer, destroy);
    }

    pub(super) fn user_pointer(&self) -> *mut c_void {
        self.user_data.pointer.load(Ordering::Acquire)
    }

    /// Where the events of wskt_socket_recv are lent from.
    pub(super) fn pulled(&self) -> &PulledEvent {
        &self.more().pulled
    }

    /// The final close event of `socket`, whose host this is.
    pub(super) fn final_event(&self, socket: &Socket) -> Option<&wskt_close_event> {
        let content = socket.close_event()?;
        let target = ptr::from_ref(socket).cast_mut().cast();
        let made = || FinalEvent(fill::close(target, socket.close_timestamp(), content));
        Some(&self.more().closed.get_or_init(made).0)
    }

    /// Calls one handler, if it is set, with an event that exists.
    ///
    /// # Safety
    /// `event` stays readable until the handler returns.
    #[inline(always)]
    unsafe fn call_with<E>(&self, slot: &Slot<E>, target: *mut wskt_socket, event: *const E) {
        if let Some(handler) = slot.get() {
            // SAFETY: the program set this function for such events; the caller
            // promises the event, and the driver holds the socket. The user data
            // is read after the handler, so that it is no older.
            unsafe { handler(target, event, self.user_pointer()) }
        }
    }

    /// Calls one handler, if it is set, with the event that `event` makes.
    #[inline]
    fn call<E>(&self, slot: &Slot<E>, target: *mut wskt_socket, event: impl FnOnce() -> E) {
        if let Some(handler) = slot.get() {
            let event = event();
            // SAFETY: the program set this function for such events; the
            // event and what it lends live until it returns, and the driver
            // holds the socket. The user data is read after the handler, so
            // that it is no older.
            unsafe { handler(target, &raw const event, self.user_pointer()) }
        }
    }

    /// Calls the close handler, if it is set, with an event that exists.
    ///
    /// # Safety
    /// `event` stays readable until the handler returns.
    pub(super) unsafe fn call_close(
        &self,
        target: *mut wskt_socket,
        event: *const wskt_close_event,
    ) {
        // SAFETY: the caller promises the event.
        unsafe { self.call_with(&self.handlers.close, target, event) }
    }

    /// All but messages, kept out of their way.
    #[inline(never)]
    fn deliver_rare(&self, target: *mut wskt_socket, event: &Event<'_>) {
        let (handlers, time) = (&self.handlers, event.timestamp);
        match event.kind {
            EventKind::Open => self.call(&handlers.open, target, || fill::open(target, time)),
            // Not rare: `deliver` has it.
            EventKind::Message(..) => {}
            EventKind::Chunk(chunk) => {
                self.call(&handlers.chunk, target, || fill::chunk(target, time, chunk));
            }
            EventKind::Error(failure) => {
                self.call(&handlers.error, target, || fill::error(target, time, failure));
            }
            EventKind::Close(content) => {
                self.call(&handlers.close, target, || fill::close(target, time, content));
            }
            EventKind::Attempt(attempt) => {
                // The event before, which it points to, lives as long.
                let previous = attempt.previous();
                self.call(&handlers.attempt, target, || {
                    fill::attempt(target, time, attempt, previous.as_deref())
                });
            }
            EventKind::Unsent(kind, data) => {
                self.call(&handlers.unsent, target, || fill::unsent(target, time, kind, data));
            }
            EventKind::Drain => self.call(&handlers.drain, target, || fill::drain(target, time)),
            EventKind::Ping(data) => {
                self.call(&handlers.ping, target, || fill::ping(target, time, data));
            }
            EventKind::Pong(data) => {
                self.call(&handlers.pong, target, || fill::pong(target, time, data));
            }
        }
    }
}

impl Host for CHost {
    fn deliver(&self, socket: &Arc<Socket>, event: &Event<'_>) {
        if let EventKind::Message(kind, data) = event.kind {
            self.deliver_message(socket, event.timestamp, kind, data);
        } else {
            self.deliver_rare(handle::of::<wskt_socket>(socket), event);
        }
    }

    fn deliver_message(&self, socket: &Arc<Socket>, time: f64, kind: MessageKind, data: &[u8]) {
        let target = handle::of::<wskt_socket>(socket);
        let message = || fill::message(target, time, kind, data);
        self.call(&self.handlers.message, target, message);
    }

    fn deliver_messages<'i>(
        &self,
        socket: &Arc<Socket>,
        time: f64,
        (kind, data): (MessageKind, &'i [u8]),
        more: Messages<'_, 'i>,
    ) -> &'i [u8] {
        let target = handle::of::<wskt_socket>(socket);
        // One struct for all of them: they differ in little.
        let mut event = fill::message(target, time, kind, data);
        // In a place of its own, so that it stays in registers.
        let mut more = more;
        loop {
            // SAFETY: the event and what it lends live until it returns.
            unsafe { self.call_with(&self.handlers.message, target, &raw const event) }
            let Some((kind, data)) = more.next() else { return more.rest() };
            fill::next_message(&mut event, kind, data);
        }
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }

    fn again(&self, pattern: &Arc<Socket>) -> Box<dyn Host> {
        Box::new(self.copy(pattern))
    }
}
