//! What the current thread is doing: which driver it turns, whether user code
//! runs on it, and which sockets that code has sent on. One thread-local
//! value, without a destructor, so that a call looks it up once and an exit
//! handler may ask too.

use crate::protocol::MaskPool;
use crate::socket::Socket;
use crate::sync::thread_local;
use crate::sys;
use std::cell::{Cell, RefCell};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// See the module.
pub(crate) struct Context {
    /// Panics of this thread are the library's.
    ours: Cell<bool>,
    /// `GATHERED` is not empty.
    gathered: Cell<bool>,
    /// How many functions of the program run here, one inside the other.
    depth: Cell<u32>,
    /// The driver that is turned.
    driver: Cell<u64>,
    /// The loop that owns this thread.
    owner: Cell<u64>,
    /// The socket whose connection is being advanced; only compared.
    advanced: Cell<*const Socket>,
    /// The socket whose event this thread has pulled while more were at hand;
    /// only compared.
    pulled: Cell<*const Socket>,
    /// Keys for small frames: the first so many are fresh.
    fresh: Cell<usize>,
    keys: [Cell<[u8; 4]>; KEYS],
}

/// How many mask keys are drawn ahead for small frames.
const KEYS: usize = 32;

thread_local! {
    static CONTEXT: Context = const {
        Context {
            ours: Cell::new(false),
            gathered: Cell::new(false),
            depth: Cell::new(0),
            driver: Cell::new(0),
            owner: Cell::new(0),
            advanced: Cell::new(ptr::null()),
            pulled: Cell::new(ptr::null()),
            fresh: Cell::new(0),
            keys: [const { Cell::new([0; 4]) }; KEYS],
        }
    };
    /// Fresh mask keys: one pool a thread, so that a connection keeps none.
    static MASKS: RefCell<MaskPool> = const { RefCell::new(MaskPool::new()) };
    static GATHERED: RefCell<Vec<Arc<Socket>>> = const { RefCell::new(Vec::new()) };
}

/// A number no other driver has.
pub(crate) fn new_driver_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Says whose the panics of this thread are from now on; whose they were.
#[inline]
pub(crate) fn replace_ours(ours: bool) -> bool {
    CONTEXT.with(|context| context.ours.replace(ours))
}

/// Whether panics of this thread are the library's.
pub(crate) fn is_ours() -> bool {
    CONTEXT.with(|context| context.ours.get())
}

/// Runs with what this thread is doing, looked up once.
#[inline(always)]
pub(crate) fn here<R>(run: impl FnOnce(&Context) -> R) -> R {
    CONTEXT.with(run)
}

/// Whether user code runs on this thread right now.
#[inline]
pub fn in_callback() -> bool {
    CONTEXT.with(Context::in_callback)
}

/// Says that the loop `driver` owns this thread.
pub(crate) fn own_thread(driver: u64) {
    CONTEXT.with(|context| context.owner.set(driver));
}

/// Whether the loop `driver` owns this thread.
pub(crate) fn is_thread_of(driver: u64) -> bool {
    CONTEXT.with(|context| context.owner.get() == driver)
}

/// Whether this thread is turning `driver` right now.
#[inline]
pub(crate) fn turns(driver: u64) -> bool {
    CONTEXT.with(|context| context.turns(driver))
}

/// Whether a callback runs here that `driver` dispatched: what it sends on
/// that driver's sockets leaves when the batch ends.
#[inline]
pub(crate) fn gathers(driver: u64) -> bool {
    CONTEXT.with(|context| context.gathers(driver))
}

/// A fresh mask key for a small frame.
#[inline]
pub(crate) fn mask_key() -> [u8; 4] {
    CONTEXT.with(Context::mask_key)
}

#[cold]
fn draw_keys(context: &Context) {
    sys::in_children(forget_keys);
    let keys = with_masks(MaskPool::draw::<KEYS>);
    for (place, key) in context.keys.iter().zip(keys) {
        place.set(key);
    }
    context.fresh.set(KEYS);
}

/// In a forked child: its parent goes on with the keys of this thread, and with
/// the generator that they come from.
fn forget_keys() {
    CONTEXT.with(|context| context.fresh.set(0));
    // Lent at the moment only if a signal handler forks in the middle of a draw.
    let _ = MASKS.try_with(|pool| pool.try_borrow_mut().map(|mut pool| *pool = MaskPool::new()));
}

/// Runs with the thread's pool of mask keys.
pub(crate) fn with_masks<R>(mut run: impl FnMut(&mut MaskPool) -> R) -> R {
    sys::in_children(forget_keys);
    match MASKS.try_with(|pool| run(&mut pool.borrow_mut())) {
        Ok(done) => done,
        // An exit handler: what belongs to this thread is gone already.
        Err(_) => run(&mut MaskPool::new()),
    }
}

/// Runs a batch of callbacks that `driver` dispatches; what they gather leaves
/// at its end.
#[inline]
pub(crate) fn batch<R>(driver: u64, run: impl FnOnce(&Context) -> R) -> R {
    CONTEXT.with(|context| {
        let _ends = Batch { context, before: context.driver.replace(driver) };
        run(context)
    })
}

struct Batch<'a> {
    context: &'a Context,
    before: u64,
}

impl Drop for Batch<'_> {
    #[inline]
    fn drop(&mut self) {
        self.context.driver.set(self.before);
        if self.context.gathered.replace(false) {
            flush_gathered();
        }
    }
}

/// Sends what the callbacks so far have gathered.
#[cold]
fn flush_gathered() {
    while let Ok(Some(socket)) = GATHERED.try_with(|list| list.borrow_mut().pop()) {
        socket.flush_gathered();
    }
}

impl Context {
    /// See [`mask_key`].
    #[inline(always)]
    pub(crate) fn mask_key(&self) -> [u8; 4] {
        if self.fresh.get() == 0 {
            draw_keys(self);
        }
        let fresh = self.fresh.get().saturating_sub(1);
        self.fresh.set(fresh);
        self.keys.get(fresh).map(Cell::get).unwrap_or_default()
    }

    /// See [`in_callback`].
    #[inline(always)]
    pub(crate) fn in_callback(&self) -> bool {
        self.depth.get() > 0
    }

    /// See [`gathers`].
    #[inline(always)]
    pub(crate) fn gathers(&self, driver: u64) -> bool {
        self.in_callback() && self.turns(driver)
    }

    /// See [`turns`].
    #[inline(always)]
    pub(crate) fn turns(&self, driver: u64) -> bool {
        driver != 0 && self.driver.get() == driver
    }

    /// Whether this thread has pulled an event of `socket` while more were at
    /// hand.
    pub(crate) fn pulls(&self, socket: &Arc<Socket>) -> bool {
        ptr::eq(self.pulled.get(), Arc::as_ptr(socket))
    }

    /// Sends `socket`'s queue when the batch of callbacks ends; one whose
    /// connection is being advanced does so by itself.
    #[inline(always)]
    pub(crate) fn gather(&self, socket: &Arc<Socket>) {
        if !self.advances(socket) {
            self.list(socket);
        }
    }

    /// Whether this thread is advancing the connection of `socket`: what its
    /// callbacks do to it is noticed behind them.
    #[inline(always)]
    pub(crate) fn advances(&self, socket: &Arc<Socket>) -> bool {
        ptr::eq(self.advanced.get(), Arc::as_ptr(socket))
    }

    #[inline(never)]
    fn list(&self, socket: &Arc<Socket>) {
        self.gathered.set(true);
        let listed = GATHERED.try_with(|list| list.borrow_mut().push(Arc::clone(socket)));
        if listed.is_err() {
            // An exit handler: this thread's list is gone already.
            socket.flush_gathered();
        }
    }

    /// The connection of `socket` is being advanced until the result is
    /// dropped: what its callbacks send on it leaves when that ends.
    #[inline]
    pub(crate) fn advance(&self, socket: &Arc<Socket>) -> Advance<'_> {
        self.advanced.set(Arc::as_ptr(socket));
        Advance(self)
    }

    /// This thread pulls an event of `socket` while more are at hand.
    pub(crate) fn pull(&self, socket: &Arc<Socket>) {
        self.pulled.set(Arc::as_ptr(socket));
    }

    /// User code runs until the result is dropped.
    #[inline]
    pub(crate) fn enter_callback(&self) -> Callback<'_> {
        self.depth.set(self.depth.get() + 1);
        Callback(self)
    }
}

/// See [`Context::advance`].
pub(crate) struct Advance<'a>(&'a Context);

impl Drop for Advance<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.advanced.set(ptr::null());
    }
}

/// See [`Context::enter_callback`].
pub(crate) struct Callback<'a>(&'a Context);

impl Drop for Callback<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.depth.set(self.0.depth.get() - 1);
    }
}

/// Runs user code.
pub(crate) fn as_callback<R>(run: impl FnOnce() -> R) -> R {
    CONTEXT.with(|context| {
        let _inside = context.enter_callback();
        run()
    })
}
