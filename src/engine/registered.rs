//! What the poller watches for a connection, and whose an event is that it
//! tells.

use crate::conn::Descriptor;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

/// The bits of a token that are the slot; the others are its tenant's serial.
const SLOTS: usize = (1 << 28) - 1;

/// Descriptors in the poller: there is one, but for a race of dials.
#[derive(Debug, Default)]
pub(super) struct Registered {
    first: Option<Descriptor>,
    #[expect(clippy::box_collection, reason = "nearly always none, in each of many sockets")]
    others: Option<Box<Vec<Descriptor>>>,
}

impl Registered {
    pub(super) fn new(all: &[Descriptor]) -> Self {
        let others = all.get(1..).filter(|others| !others.is_empty());
        let others = others.map(|others| Box::new(others.to_vec()));
        Self { first: all.first().copied(), others }
    }

    fn iter(&self) -> impl Iterator<Item = &Descriptor> {
        self.first.iter().chain(self.others.iter().flat_map(|others| others.iter()))
    }

    pub(super) fn are(&self, wanted: &[Descriptor]) -> bool {
        self.iter().eq(wanted)
    }

    /// The same descriptor, as it is watched so far.
    fn known(&self, d: &Descriptor) -> Option<&Descriptor> {
        self.iter().find(|have| have.key == d.key && have.fd == d.fd)
    }

    /// What the poller is asked to watch for `d`.
    pub(super) fn watched(&self, d: Descriptor) -> Descriptor {
        // The kernel tells of room in a TCP socket only when there was none before:
        // on Linux what was asked for once costs nothing, and a change of mind a
        // system call. But in the beginning it tells of the room there is.
        let tcp = cfg!(target_os = "linux") && d.key != 0;
        let write = d.write || tcp && self.known(&d).is_some_and(|have| have.write);
        // A pause is kept by not reading; the registration stays.
        Descriptor { read: tcp || d.read || !d.write, write, ..d }
    }
}

/// Slot and tenant, as the poller knows them.
#[inline(always)]
pub(super) fn token(at: usize, serial: u64) -> Token {
    Token(at | (serial as usize) << SLOTS.count_ones())
}

/// The slot that a token is for. Its tenant may be another by now: a descriptor
/// that a forked child still has tells on after it was closed here.
#[inline(always)]
pub(super) fn slot_of(token: Token) -> usize {
    token.0 & SLOTS
}

/// Changes the poller's interest from `old` to `new`.
pub(super) fn register(registry: &Registry, token: Token, old: &Registered, new: &[Descriptor]) {
    for d in new {
        let interest = match (d.read, d.write) {
            (true, true) => Interest::READABLE | Interest::WRITABLE,
            (false, true) => Interest::WRITABLE,
            _ => Interest::READABLE,
        };
        let mut source = SourceFd(&d.fd);
        // A descriptor that cannot be watched shows in the deadline.
        let _ = match old.known(d) {
            Some(have) if have == d => Ok(()),
            Some(_) => registry.reregister(&mut source, token, interest),
            None => registry.register(&mut source, token, interest),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    #[test]
    fn an_event_of_an_earlier_tenant_is_known() -> std::io::Result<()> {
        let (ours, mut theirs) = UnixStream::pair()?;
        let mut poll = Poll::new()?;
        let fd = ours.as_raw_fd();
        let none = Registered::default();
        let wanted = none.watched(Descriptor { key: 0, fd, read: true, write: false });
        register(poll.registry(), token(5, 41), &none, &[wanted]);
        // A copy as a forked child has it.
        let _copy = ours.try_clone()?;
        drop(ours);
        theirs.write_all(b"late")?;
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(Duration::from_secs(20)))?;
        let told = events.iter().next().map(mio::event::Event::token);
        if cfg!(target_os = "linux") {
            assert_eq!(told.map(slot_of), Some(5));
        }
        assert!(told.is_none_or(|told| told == token(5, 41) && told != token(5, 42)));
        Ok(())
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn room_is_watched_once_it_was_wanted() {
        let fresh = |read, write| Descriptor { key: 1, fd: 9, read, write };
        let both = |d: Descriptor| (d.read, d.write);
        let none = Registered::default();
        assert_eq!(both(none.watched(fresh(true, false))), (true, false));
        assert_eq!(both(none.watched(fresh(false, true))), (true, true));
        let known = Registered::new(&[fresh(true, true)]);
        assert_eq!(both(known.watched(fresh(true, false))), (true, true));
        let another = Descriptor { key: 2, ..fresh(true, false) };
        assert_eq!(both(known.watched(another)), (true, false));
    }

    #[test]
    fn slots_and_tenants_do_not_mix() {
        for at in [0, 1, 1_000_000, SLOTS] {
            for serial in [1, 2, u64::from(u32::MAX), u64::MAX] {
                assert_eq!(slot_of(token(at, serial)), at);
            }
            assert_ne!(token(at, 1), token(at, 2));
        }
    }
}
