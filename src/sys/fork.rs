//! Notices `fork` without a cost per call, and keeps it away from the locks
//! that the process has once: a child finds them free.

use std::cell::Cell;
use std::fs::File;
use std::iter;
use std::marker::PhantomData;
use std::mem;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How long a fork and the holders of locks wait for each other. A host that
/// locks a mutex of its own in a fork, and calls us while it holds that, would
/// otherwise wait for ever.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long they sleep at first, and at most, before they look again: who is
/// inside may just be starting a thread.
const NAP: Duration = Duration::from_micros(10);
const LONGEST_NAP: Duration = Duration::from_millis(2);

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Held by whoever holds a lock of the process, and by a fork. It lets its own
/// thread in again, so that a fork in a signal handler is never kept waiting by
/// that. What holds it is [`here`]; 0 is nobody.
struct Gate(AtomicUsize);

static GATE: Gate = Gate(AtomicUsize::new(0));

thread_local! {
    /// How often this thread is inside the gate, or about to be.
    static INSIDE: Cell<u32> = const { Cell::new(0) };
    /// How often forks of this thread are.
    static FORKS: Cell<u32> = const { Cell::new(0) };
}

/// A number that no other thread has, and never 0.
fn here() -> usize {
    INSIDE.with(|inside| ptr::from_ref(inside).addr())
}

/// How long to sleep between one look at the gate and the next: longer and
/// longer, `PATIENCE` in all.
fn naps() -> impl Iterator<Item = Duration> {
    let longer = |nap: &Duration| Some((*nap * 2).min(LONGEST_NAP));
    let mut slept = Duration::ZERO;
    iter::successors(Some(NAP), longer).take_while(move |nap| {
        slept += *nap;
        slept <= PATIENCE
    })
}

impl Gate {
    /// Whether this thread is inside now.
    fn enter(&self) -> bool {
        let mut naps = naps();
        // In front of the exchange: a handler of a signal between the two
        // leaves the gate to whom it has interrupted.
        INSIDE.set(INSIDE.get() + 1);
        while let Err(holder) =
            self.0.compare_exchange(0, here(), Ordering::Acquire, Ordering::Relaxed)
        {
            if holder == here() {
                break;
            }
            let Some(nap) = naps.next() else {
                INSIDE.set(INSIDE.get() - 1);
                return false;
            };
            thread::sleep(nap);
        }
        true
    }

    fn leave(&self) {
        INSIDE.set(INSIDE.get() - 1);
        // A child that was forked from inside finds nobody there.
        if INSIDE.get() == 0 && self.0.load(Ordering::Relaxed) == here() {
            self.0.store(0, Ordering::Release);
        }
    }
}

/// The fork of this thread leaves the gate. Registered twice, the handlers are
/// called twice.
fn forked() {
    for _ in 0..FORKS.take() {
        GATE.leave();
    }
}

extern "C" fn before() {
    if GATE.enter() {
        FORKS.set(FORKS.get() + 1);
    }
}

extern "C" fn in_parent() {
    forked();
}

extern "C" fn in_child() {
    // Whoever else was inside is not here.
    GATE.0.store(0, Ordering::Relaxed);
    forked();
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

/// Grows with every fork between the process that loaded the library and this
/// one. A handle remembers the number of its birth.
#[inline]
pub(crate) fn generation() -> u32 {
    if !REGISTERED.load(Ordering::Acquire) {
        register();
    }
    GENERATION.load(Ordering::Relaxed)
}

/// The handlers are there.
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// Nobody waits for another thread that is at it, as that might not be in this
/// process: the handlers may be there twice.
#[cold]
fn register() {
    // SAFETY: the handlers touch atomics and what the thread has of its own, no
    // memory of any other thread's.
    unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    REGISTERED.store(true, Ordering::Release);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_at_the_gate_looks_seldom_and_goes_when_its_patience_is_over() {
        let all: Vec<Duration> = naps().collect();
        let asleep: Duration = all.iter().sum();
        assert!(all.len() <= 110, "{} looks", all.len());
        assert!(asleep <= PATIENCE && asleep + 2 * LONGEST_NAP > PATIENCE, "{asleep:?}");
        // A thread is started within half a millisecond, under strace in ten.
        let soon = naps().take(6).sum::<Duration>();
        assert!(soon < Duration::from_millis(1), "{soon:?}");
    }
}
