//! The caller's thread drives: `dispatch` from a host's own loop, `run` until
//! everything is closed.

use super::claim::Way;
use super::context;
use super::event_loop::Loop;
use crate::conn::Receiver;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::sync;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sys::Time;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

/// Rounds of one dispatch while callbacks make new work.
const ROUNDS: usize = 8;

impl Loop {
    /// Runs the callbacks of what is ready, without waiting.
    pub fn dispatch(self: &Arc<Self>) -> Result<()> {
        let mut claim = self.claim(Way::Callbacks)?;
        let engine = claim.engine()?;
        self.woken.store(false, Ordering::Release);
        for round in 0..ROUNDS {
            // One that has more to read than a turn allows must not keep the
            // others waiting for all rounds.
            if round == 0 || engine.has_ready() {
                self.gather(engine, Some(Duration::ZERO)).or_else(ignore_signal)?;
            } else {
                self.collect(engine);
            }
            self.callbacks(engine);
            if !self.has_attention() && !engine.has_ready() {
                break;
            }
        }
        self.publish(engine);
        if self.has_attention() || engine.has_ready() {
            // The kernel does not know of this work.
            self.announce();
        }
        claim.release()
    }

    /// Runs callbacks on this thread until `stop`, or until no socket of the
    /// loop is left.
    pub fn run(self: &Arc<Self>) -> Result<()> {
        let mut claim = self.claim(Way::Callbacks)?;
        let engine = claim.engine()?;
        let done = loop {
            if take(&self.stop) {
                break Ok(());
            }
            if take(&self.woken) {
                break Err(Error::Interrupted);
            }
            // What asks for attention may have ended already.
            self.collect(engine);
            if engine.live() == 0 {
                break Ok(());
            }
            match self.turn_collected(engine) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    break Err(Error::Interrupted);
                }
                Err(_) => break Err(Error::Io),
            }
        };
        self.publish(engine);
        claim.release()?;
        done
    }

    /// One turn with callbacks, waiting as long as nothing is ready. What asked
    /// for attention was just collected.
    #[inline(always)]
    pub(super) fn turn_collected(self: &Arc<Self>, engine: &mut Engine) -> io::Result<()> {
        self.gather_collected(engine, sync::longest_wait())?;
        self.callbacks(engine);
        Ok(())
    }

    /// Collects everything that is ready, waiting up to `wait` for it; without
    /// asking the kernel if newcomers are to have their turn first.
    pub(super) fn gather(&self, engine: &mut Engine, wait: Option<Duration>) -> io::Result<()> {
        self.collect(engine);
        self.gather_collected(engine, wait)
    }

    #[inline(always)]
    fn gather_collected(&self, engine: &mut Engine, wait: Option<Duration>) -> io::Result<()> {
        let wait = if wait.is_none() && !engine.has_deadlines() && !engine.has_ready() {
            self.publish(engine);
            None
        } else if wait != Some(Duration::ZERO) && engine.may_skip_poll() {
            // Only a look at the kernel is never left out.
            return Ok(());
        } else {
            self.limit(engine, wait)
        };
        engine.poll(wait)?;
        self.collect(engine);
        if engine.has_deadlines() {
            engine.expire(Time::now());
        }
        Ok(())
    }

    /// How long a wait may last that is to last no longer than `wait`.
    #[inline(never)]
    fn limit(&self, engine: &mut Engine, wait: Option<Duration>) -> Option<Duration> {
        let mut wait = wait;
        if engine.has_deadlines() {
            let now = Time::now();
            engine.expire(now);
            let deadline = engine.nearest().map(|at| at.until(now));
            wait = [wait, deadline].into_iter().flatten().min();
        }
        if engine.has_ready() {
            wait = Some(Duration::ZERO);
        }
        if wait != Some(Duration::ZERO) {
            self.publish(engine);
        }
        wait
    }

    fn callbacks(self: &Arc<Self>, engine: &mut Engine) {
        // One that was freed on another thread calls nobody any more.
        let freed = Some(self.freed());
        context::batch(self.id(), |here| engine.turn(here, &mut Receiver::handlers(here, freed)));
    }
}

/// Clears a flag and says whether it was set.
#[inline]
pub(super) fn take(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Acquire) && flag.swap(false, Ordering::AcqRel)
}

/// A look at the kernel that a signal cut short is repeated by the host.
fn ignore_signal(error: io::Error) -> Result<()> {
    if error.kind() == ErrorKind::Interrupted { Ok(()) } else { Err(Error::Io) }
}
