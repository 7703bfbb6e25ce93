//! Pulled events: the next event of any socket as a value, no callback at all.

use super::context::{self, Context};
use super::embed::take as take_flag;
use super::event_loop::{Loop, Way};
use crate::conn::Receiver;
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
        take: &mut dyn FnMut(&Arc<Socket>, &Event<'_>),
    ) -> Result<()> {
        let mut claim = self.claim(Way::Pulled)?;
        let engine = claim.engine()?;
        engine.take_back();
        let mut rounds = 0;
        let until = timeout.map(|t| Time::now().after(t));
        let done = loop {
            if engine.should_poll() {
                // A busy connection must not keep the others waiting.
                let _ = self.gather(engine, Some(Duration::ZERO));
            }
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
        self.publish(engine);
        // A host that polls the descriptor must come back for the rest.
        self.announce_rest(engine.has_ready() || self.has_attention());
        claim.release()?;
        done
    }
}
