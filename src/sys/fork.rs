//! Notices `fork` without a cost per call, and keeps it away from the locks
//! that the process has once: a child finds them free.

use std::cell::{Cell, UnsafeCell};
use std::fs::File;
use std::marker::PhantomData;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a fork and the holders of locks wait for each other. A host that
/// locks a mutex of its own in a fork, and calls us while it holds that, would
/// otherwise wait for ever.
const PATIENCE: Duration = Duration::from_millis(200);

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Held by whoever holds a lock of the process, and by a fork. Recursive, so
/// that a fork in a signal handler is never kept waiting by its own thread.
struct Gate(UnsafeCell<MaybeUninit<libc::pthread_mutex_t>>);

// SAFETY: the cell is only handed to the functions of pthread_mutex_t, which
// are made for many threads.
unsafe impl Sync for Gate {}

static GATE: Gate = Gate(UnsafeCell::new(MaybeUninit::uninit()));

impl Gate {
    fn mutex(&self) -> *mut libc::pthread_mutex_t {
        self.0.get().cast()
    }

    /// Whether this thread is inside now.
    fn enter(&self) -> bool {
        let begun = Instant::now();
        // SAFETY: `generation` made it.
        while unsafe { libc::pthread_mutex_trylock(self.mutex()) } != 0 {
            if begun.elapsed() > PATIENCE {
                return false;
            }
            thread::yield_now();
        }
        true
    }

    fn leave(&self) {
        // SAFETY: this thread is inside. In a child that was forked from there
        // it is new, and this an error without consequence.
        unsafe { libc::pthread_mutex_unlock(self.mutex()) };
    }

    /// Makes it anew, with nobody inside.
    fn init(&self) {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: the attributes are filled before they are used; the mutex is
        // used by nobody: it is new, or all other threads are gone.
        unsafe {
            libc::pthread_mutexattr_init(attributes.as_mut_ptr());
            libc::pthread_mutexattr_settype(attributes.as_mut_ptr(), libc::PTHREAD_MUTEX_RECURSIVE);
            libc::pthread_mutex_init(self.mutex(), attributes.as_ptr());
            libc::pthread_mutexattr_destroy(attributes.as_mut_ptr());
        }
    }
}

thread_local! {
    /// The fork of this thread is inside the gate.
    static FORKS: Cell<bool> = const { Cell::new(false) };
}

extern "C" fn before() {
    FORKS.set(GATE.enter());
}

extern "C" fn in_parent() {
    if FORKS.take() {
        GATE.leave();
    }
}

extern "C" fn in_child() {
    // The thread has another number here, so that it could not unlock it.
    GATE.init();
    GENERATION.fetch_add(1, Ordering::Relaxed);
    let forget = FORGET.load(Ordering::Acquire);
    if !forget.is_null() {
        // SAFETY: `in_children` is the only writer, and stores such functions.
        unsafe { mem::transmute::<*mut (), fn()>(forget)() };
    }
}

/// What a forked child does first; NULL is nothing. No lock: the thread that
/// holds it would not be in the child.
static FORGET: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// From now on `forget` runs in every forked child, on its one thread, which
/// has a copy of all that the forking thread had of its own.
pub(crate) fn in_children(forget: fn()) {
    FORGET.store(forget as *mut (), Ordering::Release);
}

/// How many forks lie between the process that loaded the library and this
/// one. A handle remembers the number of its birth.
pub(crate) fn generation() -> u32 {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        GATE.init();
        // SAFETY: the handlers touch the mutex, atomics and what the thread has
        // of its own, no memory of any other thread's.
        unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    });
    GENERATION.load(Ordering::Relaxed)
}

/// Lets go of a connection whose descriptor a thread of the parent owns, which
/// will never close it here. The number stays taken, by nothing, so that an
/// owner who is here after all closes that.
pub(crate) fn let_go(fd: RawFd) {
    let Ok(nothing) = File::open("/dev/null") else { return };
    // SAFETY: both are open descriptors; no pointer is passed.
    unsafe {
        if libc::dup2(nothing.as_raw_fd(), fd) == fd {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

/// No fork of another thread begins before this is dropped. To be had before
/// a lock that the process has once, and for as short.
pub(crate) struct Unforked {
    inside: bool,
    /// The thread that entered leaves.
    here: PhantomData<*const ()>,
}

pub(crate) fn unforked() -> Unforked {
    generation();
    Unforked { inside: GATE.enter(), here: PhantomData }
}

impl Drop for Unforked {
    fn drop(&mut self) {
        if self.inside {
            GATE.leave();
        }
    }
}
