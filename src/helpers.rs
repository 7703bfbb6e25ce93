//! What may wait in a call that cannot be told to stop, on a few helper threads;
//! cancelled by being ignored.

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, lock};
use crate::{panics, sys};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// Most lookups at a time.
const MAX_LOOKUPS: usize = 8;
/// Most loads at a time.
const MAX_LOADS: usize = 4;
/// getaddrinfo, the modules of nsswitch and OpenSSL need some.
const STACK: usize = 512 << 10;
/// How long the end of the process waits for helpers inside a library that may
/// be taken down under them.
const PATIENCE: Duration = Duration::from_secs(2);

// -- answers ------------------------------------------------------------------------

/// Tells whoever waits that the answer is there, on a helper thread.
pub(crate) type Done = Box<dyn FnOnce() + Send>;

struct Slot<T> {
    answer: Option<T>,
    done: Option<Done>,
}

/// An answer that is to come. Dropping it abandons the work.
pub(crate) struct Awaited<T>(Arc<Mutex<Slot<T>>>);

/// The side of it that gives the answer.
pub(crate) struct Promise<T>(Weak<Mutex<Slot<T>>>);

pub(crate) fn promise<T>() -> (Promise<T>, Awaited<T>) {
    let slot = Arc::new(Mutex::new(Slot { answer: None, done: None }));
    (Promise(Arc::downgrade(&slot)), Awaited(slot))
}

impl<T> Awaited<T> {
    /// The answer; while there is none, `done` makes what is called with it,
    /// in the place of what the last look left.
    pub(crate) fn take_or(&self, done: impl FnOnce() -> Done) -> Option<T> {
        let mut slot = lock(&self.0);
        if slot.answer.is_none() {
            slot.done = Some(done());
        }
        slot.answer.take()
    }
}

impl<T> Promise<T> {
    /// Whether anybody still waits.
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.strong_count() > 0
    }

    pub(crate) fn keep(self, answer: T) {
        let Some(slot) = self.0.upgrade() else { return };
        let mut slot = lock(&slot);
        slot.answer = Some(answer);
        let done = slot.done.take();
        drop(slot);
        if let Some(done) = done {
            done();
        }
    }
}

// -- threads ------------------------------------------------------------------------

/// Each kind of work has its own line: one that stands still holds up no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// As long as a name server likes.
    Lookup,
    /// As long as files take to read, inside the TLS library: the end of the
    /// process waits for it.
    Load,
}

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Line {
    waiting: VecDeque<Job>,
    running: usize,
}

impl Line {
    /// How many threads have something to do.
    fn busy(&self, most: usize) -> usize {
        (self.waiting.len() + self.running).min(most)
    }

    fn begin(&mut self, most: usize) -> Option<Job> {
        if self.running == most {
            // One of those takes it.
            return None;
        }
        let job = self.waiting.pop_front()?;
        self.running += 1;
        Some(job)
    }
}

#[derive(Default)]
struct Pool {
    lookups: Line,
    loads: Line,
    threads: usize,
    /// The fork generation the helpers belong to.
    generation: u32,
}

impl Pool {
    fn line(&mut self, work: Work) -> &mut Line {
        match work {
            Work::Lookup => &mut self.lookups,
            Work::Load => &mut self.loads,
        }
    }
}

/// Locked with forks kept away: a child starts helpers of its own.
static POOL: Mutex<Option<Pool>> = Mutex::new(None);

/// Has a helper do it. `Err`: there is none, and no thread to be had.
pub(crate) fn run(work: Work, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
    // Set inside the lock; a forked child has the handler too.
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    let _unforked = sys::unforked();
    let mut guard = lock(&POOL);
    if work == Work::Load && !REGISTERED.swap(true, Ordering::Relaxed) {
        // In front of the exit handlers of a TLS library that the program
        // began to use before.
        sys::at_exit(await_loads);
    }
    let generation = sys::fork_generation();
    let pool = guard.get_or_insert_default();
    if pool.generation != generation {
        *pool = Pool { generation, ..Pool::default() };
    }
    pool.line(work).waiting.push_back(Box::new(job));
    if pool.threads < pool.lookups.busy(MAX_LOOKUPS) + pool.loads.busy(MAX_LOADS) {
        match sys::spawn("wskt-helper", STACK, helper) {
            Ok(_) => pool.threads += 1,
            Err(error) if pool.threads == 0 => {
                pool.line(work).waiting.pop_back();
                return Err(error);
            }
            // The helpers that exist will come to it.
            Err(_) => {}
        }
    }
    Ok(())
}

fn helper() {
    let _panics = panics::claim();
    let mut done = None;
    while let Some((work, job)) = next_job(done) {
        done = Some(work);
        job();
    }
}

/// The next job; without one the helper ends, so that none outlives its work by
/// more than a moment.
fn next_job(done: Option<Work>) -> Option<(Work, Job)> {
    let _unforked = sys::unforked();
    let mut guard = lock(&POOL);
    let pool = guard.as_mut()?;
    if let Some(work) = done {
        pool.line(work).running -= 1;
    }
    let load = pool.loads.begin(MAX_LOADS).map(|job| (Work::Load, job));
    let next = load.or_else(|| {
        let lookup = pool.lookups.begin(MAX_LOOKUPS);
        lookup.map(|job| (Work::Lookup, job))
    });
    if next.is_none() {
        pool.threads -= 1;
    }
    next
}

/// Runs while the process ends.
extern "C" fn await_loads() {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && any_load() {
        thread::sleep(Duration::from_millis(1));
    }
}

fn any_load() -> bool {
    let _unforked = sys::unforked();
    let generation = sys::fork_generation();
    lock(&POOL)
        .as_ref()
        .is_some_and(|pool| pool.generation == generation && pool.loads.busy(MAX_LOADS) > 0)
}
