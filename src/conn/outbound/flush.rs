//! The queue on its way to the kernel, in the clear or through TLS, and what a
//! flush leaves behind.

use super::{CloseFrame, Outbound, Progress, place_pong};
use crate::conn::link::{Flushed, Link};
use crate::protocol::MAX_CONTROL;
use crate::sys::{self, Time};
use std::io::{self, ErrorKind};

/// A Close frame is not longer, header and mask key included.
const LONGEST_CLOSE: usize = 6 + MAX_CONTROL;

impl Outbound {
    /// Offers everything to the kernel. `hide` keeps what it takes in the
    /// buffered amount until the running callback ends.
    #[inline(always)]
    pub(crate) fn flush(&mut self, hide: bool) -> Progress {
        if self.broken {
            return Progress::Broken;
        }
        match &self.link {
            None => Progress::Done,
            Some(link) if link.is_tls() => self.flush_tls(hide),
            Some(_) => self.flush_plain(hide),
        }
    }

    #[inline]
    fn flush_plain(&mut self, hide: bool) -> Progress {
        self.flush_plain_from(None, hide)
    }

    /// The same with what the kernel has said to the queue already, if anything.
    #[inline(never)]
    pub(super) fn flush_plain_from(
        &mut self,
        mut said: Option<io::Result<usize>>,
        hide: bool,
    ) -> Progress {
        let Some(link) = &mut self.link else { return Progress::Done };
        let mut took = false;
        let progress = loop {
            let bytes = self.outbox.pending();
            if bytes.is_empty() {
                break Progress::Done;
            }
            // A Close frame behind the upgrade waits for nothing anyway: many
            // a connection never sends more.
            if link.is_patient() && (self.close == CloseFrame::None || bytes.len() > LONGEST_CLOSE)
            {
                link.hurry();
            }
            match said.take().unwrap_or_else(|| sys::send(link.tcp(), bytes)) {
                Ok(0) => break Progress::Broken,
                Ok(n) => {
                    took = true;
                    let all = n == bytes.len();
                    let payload = self.outbox.advance(n);
                    self.withheld += if hide { payload } else { 0 };
                    if !all {
                        // A short write: the kernel is full.
                        break Progress::Blocked;
                    }
                    if self.pong.is_none() {
                        break Progress::Done;
                    }
                    place_pong(&mut self.pong, &mut self.pong_end, &mut self.outbox);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break Progress::Blocked,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break Progress::Broken,
            }
        };
        if let Some(kept) = &mut self.kept {
            kept.given(self.outbox.taken());
        }
        self.settle(progress, took, hide);
        progress
    }

    #[inline(never)]
    pub(super) fn flush_tls(&mut self, hide: bool) -> Progress {
        let Some(link) = &mut self.link else { return Progress::Done };
        let mut took = false;
        let ciphertext = link.ciphertext();
        let progress = loop {
            if self.outbox.is_empty() {
                if !link.has_ciphertext() {
                    break Progress::Done;
                }
                match link.flush() {
                    Ok(Flushed::All) => break Progress::Done,
                    Ok(Flushed::Full) => break Progress::Blocked,
                    Err(_) => break Progress::Broken,
                }
            }
            let mut piece = self.outbox.pending();
            if let Some(kept) = &mut self.kept {
                // Which records hold which message is known only if none holds
                // two, and one is with the kernel before the next is made.
                match if link.has_ciphertext() { link.flush() } else { Ok(Flushed::All) } {
                    Ok(Flushed::All) => kept.given(self.outbox.taken()),
                    Ok(Flushed::Full) => break Progress::Blocked,
                    Err(_) => break Progress::Broken,
                }
                let end = kept.first_end().map_or(u64::MAX, |end| end - self.outbox.taken());
                piece = piece.get(..usize::try_from(end).unwrap_or(usize::MAX)).unwrap_or(piece);
            }
            match link.write(piece) {
                Ok(0) => break Progress::Broken,
                Ok(n) => {
                    took = true;
                    self.in_cipher += self.outbox.advance(n);
                    if !link.has_ciphertext() {
                        self.withheld += if hide { self.in_cipher } else { 0 };
                        self.in_cipher = 0;
                    }
                    place_pong(&mut self.pong, &mut self.pong_end, &mut self.outbox);
                }
                Err(error) => break refusal(&error),
            }
        };
        took |= link.ciphertext() < ciphertext;
        if let Some(kept) = self.kept.as_mut().filter(|_| !link.has_ciphertext()) {
            kept.given(self.outbox.taken());
        }
        self.settle(progress, took, hide);
        progress
    }

    /// What follows when TLS took nothing in a flush.
    #[cold]
    pub(super) fn refused_by_tls(&mut self, error: &io::Error) -> Progress {
        let progress = refusal(error);
        self.settle(progress, false, false);
        progress
    }

    #[inline(always)]
    fn settle(&mut self, progress: Progress, took: bool, hide: bool) {
        if progress != Progress::Done {
            return self.settle_rest(progress, took);
        }
        self.stalled = None;
        self.pongs = 0;
        self.withheld += if hide { self.in_cipher } else { 0 };
        self.in_cipher = 0;
        if let CloseFrame::Queued(_) = self.close {
            self.close = CloseFrame::Sent(Time::now());
        }
    }

    #[cold]
    fn settle_rest(&mut self, progress: Progress, took: bool) {
        match progress {
            Progress::Done => {}
            Progress::Blocked => {
                if took || self.stalled.is_none() {
                    self.stalled = Some(Time::now());
                }
                if let CloseFrame::Queued(end) = self.close
                    && end <= self.outbox.taken()
                    && !self.link.as_ref().is_some_and(Link::has_ciphertext)
                {
                    self.close = CloseFrame::Sent(Time::now());
                }
            }
            Progress::Broken => {
                self.broken = true;
                self.stalled = None;
            }
        }
    }
}

/// What an error of TLS means for the queue.
fn refusal(error: &io::Error) -> Progress {
    if error.kind() == ErrorKind::WouldBlock { Progress::Blocked } else { Progress::Broken }
}
