//! Handles that several threads use: freed once, and never while another
//! thread is inside a call with it, as the manual demands of a program.

use super::watch::Watch;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use wskt::ffi::*;

/// One handle, or NULL, and who is inside a call with it.
pub(super) struct Slot<T>(Mutex<State<T>>);

struct State<T> {
    handle: *mut T,
    users: Vec<ThreadId>,
}

// SAFETY: a handle of wskt may be used from any thread.
unsafe impl<T> Send for State<T> {}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Mutex::new(State { handle: std::ptr::null_mut(), users: Vec::new() }))
    }
}

impl<T> Slot<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a share for one call.
    pub(super) fn enter(&self) -> Share<'_, T> {
        let mut state = self.state();
        state.users.push(thread::current().id());
        Share { slot: self, handle: state.handle }
    }

    /// The same if nobody is inside: for what belongs to one thread at a time.
    pub(super) fn enter_alone(&self) -> Option<Share<'_, T>> {
        let idle = self.state().users.is_empty();
        let share = self.enter();
        let alone = idle && self.state().users.len() == 1;
        alone.then_some(share)
    }

    /// The handle, to be freed, unless another thread is inside a call.
    pub(super) fn take(&self) -> Option<*mut T> {
        let me = thread::current().id();
        let mut state = self.state();
        let free = !state.handle.is_null() && state.users.iter().all(|user| *user == me);
        free.then(|| std::mem::replace(&mut state.handle, std::ptr::null_mut()))
    }

    /// Puts a new handle here; `false` if there is one.
    pub(super) fn put(&self, handle: *mut T) -> bool {
        let mut state = self.state();
        // A call with NULL on the way here does not matter.
        let empty = state.handle.is_null();
        if empty {
            state.handle = handle;
        }
        empty
    }
}

/// A handle that nobody else frees while this lives.
pub(super) struct Share<'a, T> {
    slot: &'a Slot<T>,
    pub(super) handle: *mut T,
}

impl<T> Drop for Share<'_, T> {
    fn drop(&mut self) {
        let me = thread::current().id();
        let mut state = self.slot.state();
        if let Some(at) = state.users.iter().position(|user| *user == me) {
            state.users.swap_remove(at);
        }
    }
}

/// All handles of a run.
#[derive(Default)]
pub(crate) struct Slots {
    pub(super) configs: [Slot<wskt_config>; 2],
    pub(super) loops: [Slot<wskt_loop>; 2],
    pub(super) sockets: [Slot<wskt_socket>; 4],
    pub(super) events: [Slot<wskt_close_event>; 2],
    /// User data whose destructor is still due.
    user_data: Arc<AtomicUsize>,
    /// All user data of the run.
    watches: Mutex<Vec<Arc<Watch>>>,
}

impl Slots {
    /// User data for a socket, counted until it is destroyed.
    pub(super) fn watch(
        &self,
        of: Arc<super::watch::Order>,
        world: &Arc<super::World>,
    ) -> *mut Watch {
        let watch = Watch::new(of, Arc::downgrade(world), Arc::clone(&self.user_data));
        let watch = Arc::new(watch);
        let pointer = Arc::as_ptr(&watch).cast_mut();
        self.watches.lock().unwrap_or_else(PoisonError::into_inner).push(watch);
        pointer
    }

    /// How many destructors are due.
    pub(super) fn user_data(&self) -> usize {
        self.user_data.load(Ordering::SeqCst)
    }

    /// Ends whatever waits.
    pub(super) fn end_waits(&self) {
        for slot in &self.sockets {
            let share = slot.enter();
            // SAFETY: nobody frees the handle meanwhile. Refusals are fine:
            // there is nothing to end then.
            unsafe {
                wskt_socket_abort(share.handle);
                wskt_socket_interrupt(share.handle);
            }
        }
        for slot in &self.loops {
            let share = slot.enter();
            // SAFETY: as above.
            unsafe {
                wskt_loop_stop(share.handle);
                wskt_loop_wake(share.handle);
            }
        }
    }

    /// Frees what is left, once no other thread makes calls.
    pub(super) fn free_all(&self) {
        // Their own threads' callbacks may be inside calls.
        let patiently = std::time::Instant::now();
        let mut left = true;
        while left {
            assert!(patiently.elapsed() < super::STUCK, "a callback does not return");
            left = false;
            // SAFETY: each handle is taken out of its slot, so freed once.
            unsafe {
                for slot in &self.events {
                    slot.take().into_iter().for_each(|event| wskt_close_event_free(event));
                }
                for slot in &self.configs {
                    slot.take().into_iter().for_each(|config| wskt_config_free(config));
                }
                for slot in &self.loops {
                    if let Some(event_loop) = slot.take() {
                        assert_eq!(wskt_loop_free(event_loop), wskt_result::WSKT_OK);
                    }
                }
                for slot in &self.sockets {
                    slot.take().into_iter().for_each(|socket| wskt_socket_free(socket));
                }
            }
            left |= self.events.iter().any(|slot| !slot.state().handle.is_null());
            left |= self.configs.iter().any(|slot| !slot.state().handle.is_null());
            left |= self.loops.iter().any(|slot| !slot.state().handle.is_null());
            left |= self.sockets.iter().any(|slot| !slot.state().handle.is_null());
        }
    }
}
