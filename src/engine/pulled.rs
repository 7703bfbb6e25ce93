//! What a pull takes of a connection that was stopped behind an event.

use super::{Engine, Slot};
use crate::conn::{Conn, Crank, Followed, Receiver, Step};
use crate::drive::context::Context;
use crate::event::Event;
use crate::socket::Socket;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

impl Engine {
    /// The turn that is over where a stopped connection has read enough: if it is
    /// the only one, the next begins at once.
    pub(super) fn renew(&mut self, at: usize) {
        let spent = |slot: &Slot| slot.conn.as_ref().is_some_and(Conn::is_spent);
        if self.slots.get(at).is_some_and(spent)
            && self.may_go_on()
            && let Some(conn) = self.slots.get_mut(at).and_then(|slot| slot.conn.as_mut())
        {
            conn.renew();
        }
    }

    /// The short way of [`Engine::turn`] behind one that was stopped: the next
    /// message of the same connection.
    #[inline(always)]
    pub(crate) fn follow(
        &mut self,
        here: &Context,
        take: &mut impl FnMut(&Arc<Socket>, &Event<'_>),
    ) -> Followed {
        if !self.left {
            return Followed::Not;
        }
        let Some(at) = self.ready.front() else { return Followed::Not };
        let Some(conn) = self.slots.get_mut(at).and_then(|slot| slot.conn.as_mut()) else {
            return Followed::Not;
        };
        let (buffers, stopped_at) = (&mut self.buffers, self.stopped_at);
        let follow = || conn.follow(buffers, stopped_at, take);
        let followed = catch_unwind(AssertUnwindSafe(follow)).unwrap_or_else(|_| {
            conn.fail_internally();
            buffers.discard();
            Followed::Not
        });
        match followed {
            Followed::Left => here.pull(conn.socket()),
            Followed::Last => self.follow_last(here),
            Followed::Not => {}
        }
        followed
    }

    /// Nothing that may be told at once is behind what was told.
    #[inline(never)]
    fn follow_last(&mut self, here: &Context) {
        self.left = false;
        let Some(at) = self.ready.pop_front() else { return };
        let Some(slot) = self.slots.get_mut(at) else { return };
        slot.queued = false;
        let Some(conn) = &mut slot.conn else { return };
        let mut nobody = |_: &Arc<Socket>, _: &Event<'_>| {};
        let mut receiver = Receiver::Pull(&mut nobody);
        let mut crank = Crank::of_loop(&mut self.buffers, here, &mut receiver);
        let come_back = || conn.come_back(&mut crank, Step::Stopped);
        let step = catch_unwind(AssertUnwindSafe(come_back)).unwrap_or_else(|_| {
            conn.fail_internally();
            self.buffers.discard();
            Step::More
        });
        self.put_away(at, step);
    }
}
