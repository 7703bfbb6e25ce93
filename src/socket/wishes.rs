//! What a program asks of a socket before it opens it, and nobody needs
//! afterwards. Most programs ask nothing.

use crate::sync::{Mutex, lock};

/// See the module.
pub(super) struct Wishes(Mutex<Option<Box<Wished>>>);

#[derive(Default)]
struct Wished {
    /// The subprotocols offered, best first.
    protocols: Vec<String>,
    /// The connection the program made itself, until it is used.
    adopted: Option<socket2::Socket>,
}

impl Wishes {
    pub(super) fn none() -> Self {
        Self(Mutex::new(None))
    }

    /// Runs with the subprotocols; nothing else may be asked of them meanwhile.
    pub(super) fn with_protocols<R>(&self, run: impl FnOnce(&[String]) -> R) -> R {
        run(lock(&self.0).as_ref().map_or(&[], |wished| wished.protocols.as_slice()))
    }

    pub(super) fn set_protocols(&self, protocols: Vec<String>) {
        if !protocols.is_empty() {
            lock(&self.0).get_or_insert_default().protocols = protocols;
        }
    }

    /// Adds a subprotocol; false if it is there already.
    pub(super) fn add_protocol(&self, name: &str) -> bool {
        let mut wished = lock(&self.0);
        let protocols = &mut wished.get_or_insert_default().protocols;
        let new = !protocols.iter().any(|have| have == name);
        if new {
            protocols.push(name.to_owned());
        }
        new
    }

    /// Keeps the connection, unless there is one.
    pub(super) fn set_adopted(&self, connection: socket2::Socket) {
        lock(&self.0).get_or_insert_default().adopted.get_or_insert(connection);
    }

    pub(super) fn has_adopted(&self) -> bool {
        lock(&self.0).as_ref().is_some_and(|wished| wished.adopted.is_some())
    }

    pub(super) fn take_adopted(&self) -> Option<socket2::Socket> {
        lock(&self.0).as_mut()?.adopted.take()
    }

    pub(super) fn forget(&self) {
        // Not under the lock: a connection that was never used is closed.
        let gone = lock(&self.0).take();
        drop(gone);
    }
}
