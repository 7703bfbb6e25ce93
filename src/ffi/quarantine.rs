//! Debug builds know every handle they gave out: one that was freed, or that
//! is of another type, is told from a good one without looking behind it. The
//! memory of the last handles freed is kept, so that no new one gets their
//! address. Release builds have nothing of this, and a child after fork()
//! does not look: its parent may have held the list.

use crate::error::{Error, Result};
use crate::log::{self, Level};
use crate::sys;
use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many freed handles are kept.
const KEPT: usize = 64;

/// One handle.
struct Known {
    kind: &'static str,
    freed: bool,
}

/// All handles, by address.
struct Handles {
    known: BTreeMap<usize, Known>,
    /// Freed ones, the oldest first.
    kept: VecDeque<(usize, Box<dyn Any + Send>)>,
}

fn handles() -> Option<MutexGuard<'static, Handles>> {
    static HANDLES: Mutex<Handles> =
        Mutex::new(Handles { known: BTreeMap::new(), kept: VecDeque::new() });
    let here = sys::fork_generation() == 0;
    here.then(|| HANDLES.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A handle was given out.
pub(super) fn born(address: usize, kind: &'static str) {
    if let Some(mut handles) = handles() {
        handles.known.insert(address, Known { kind, freed: false });
    }
}

/// A handle was taken back; `memory` keeps what was behind it from being used
/// again.
pub(super) fn freed(address: usize, memory: Box<dyn Any + Send>) {
    let Some(mut handles) = handles() else { return };
    if let Some(known) = handles.known.get_mut(&address) {
        known.freed = true;
    }
    handles.kept.push_back((address, memory));
    let oldest = if handles.kept.len() > KEPT { handles.kept.pop_front() } else { None };
    if let Some((address, _)) = &oldest {
        handles.known.remove(address);
    }
    drop(handles);
    drop(oldest);
}

/// Whether a handle may be used as `kind`. What the list does not know is
/// none of its business.
pub(super) fn check(address: usize, kind: &'static str) -> Result<()> {
    let verdict = handles().and_then(|handles| match handles.known.get(&address) {
        Some(known) if known.freed => Some(format!("a {} was used after it was freed", known.kind)),
        Some(known) if known.kind != kind => {
            Some(format!("a {} was passed as a {kind}", known.kind))
        }
        _ => None,
    });
    match verdict {
        None => Ok(()),
        Some(text) => {
            log::with(Level::Error, || text);
            Err(Error::InvalidArgument)
        }
    }
}
