//! Pulled events: the next event of any socket as a value, no callback at all.

use super::claim::{Claim, Way};
use super::context::{self, Context};
use super::embed::take as take_flag;
use super::event_loop::Loop;
use crate::conn::{Followed, Receiver};
use crate::engine::Turn;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::socket::Socket;
use crate::sync::atomic::Ordering;
use crate::sys::Time;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

/// Rounds after the time is up while connections are ready.
const ROUNDS: u32 = 8;

impl Loop {
    /// The next event; `take` is called once with it. What it lends stays in
    /// place until the next call.
    #[inline(always)]
    pub fn next_event(
        self: &Arc<Self>,
        timeout: Option<Duration>,
        mut take: impl FnMut(&Arc<Socket>, &Event<'_>),
    ) -> Result<()> {
        context::here(|here| {
            if here.in_callback() {
                return Err(Error::Reentrant);
            }
            let mut claim = self.claim_from_thread(Way::Pulled)?;
            let engine = claim.engine()?;
            engine.take_back();
            // Now and then a look at the kernel: a busy connection must not
            // keep the others waiting.
            let look = engine.should_poll();
            let followed = if look { Followed::Not } else { engine.follow(here, &mut take) };
            match followed {
                // Everything else is as the pull before left it.
                Followed::Left => claim.release(),
                Followed::Last => self.end_pull(claim, Ok(())),
                Followed::Not => self.pull(claim, timeout, look, &mut take),
            }
        })
    }

    #[inline(never)]
    fn pull(
        self: &Arc<Self>,
        mut claim: Claim<'_>,
        timeout: Option<Duration>,
        look: bool,
        take: &mut dyn FnMut(&Arc<Socket>, &Event<'_>),
    ) -> Result<()> {
        let engine = claim.engine()?;
        if look {
            let _ = self.gather(engine, Some(Duration::ZERO));
        }
        let mut rounds = 0;
        let until = timeout.map(|t| Time::now().after(t));
        let done = loop {
            if engine.has_ready() {
                let pull = |here: &Context| engine.turn(here, &mut Receiver::Pull(take));
                if context::batch(self.id(), pull) == Turn::Stopped {
                    break Ok(());
                }
            }
            if self.is_freed() {
                break Err(Error::LoopGone);
            }
            if take_flag(&self.woken) {
                break Err(Error::Interrupted);
            }
            let left = until.map(|at| at.until(Time::now()));
            let looked = left == Some(Duration::ZERO);
            rounds += u32::from(looked);
            match self.gather(engine, left) {
                // Under a flood that brings no event, a look ends all the same.
                Ok(())
                    if looked
                        && (!engine.has_ready() || rounds > ROUNDS)
                        && !self.woken.load(Ordering::Acquire) =>
                {
                    break Err(Error::Timeout);
                }
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    break Err(Error::Interrupted);
                }
                Err(_) => break Err(Error::Io),
            }
        };
        self.end_pull(claim, done)
    }

    fn end_pull(&self, mut claim: Claim<'_>, done: Result<()>) -> Result<()> {
        let engine = claim.engine()?;
        self.publish(engine);
        // A host that polls the descriptor must come back for the rest.
        self.announce_rest(engine.has_ready() || self.has_attention());
        claim.release()?;
        done
    }
}
