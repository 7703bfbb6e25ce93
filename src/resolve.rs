//! The only blocking call of the library, `getaddrinfo`, on at most eight
//! helper threads; cancelled by being ignored.

use crate::{panics, sys};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const MAX_THREADS: usize = 8;
/// getaddrinfo and the modules of nsswitch need some.
const HELPER_STACK: usize = 512 << 10;

type Answer = io::Result<Vec<SocketAddr>>;

/// Tells whoever waits that the answer is there, on a helper thread.
type Done = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Slot {
    answer: Option<Answer>,
    done: Option<Done>,
}

/// A lookup under way. Dropping it abandons the lookup.
pub(crate) struct Lookup(Arc<Mutex<Slot>>);

impl Lookup {
    /// The answer; while there is none, `done` makes what is called with it,
    /// in the place of what the last look left.
    pub(crate) fn take_or(&self, done: impl FnOnce() -> Done) -> Option<Answer> {
        let mut slot = lock(&self.0);
        if slot.answer.is_none() {
            slot.done = Some(done());
        }
        slot.answer.take()
    }
}

struct Job {
    host: String,
    port: u16,
    slot: Arc<Mutex<Slot>>,
}

#[derive(Default)]
struct Pool {
    jobs: VecDeque<Job>,
    threads: usize,
    /// The fork generation the helpers belong to.
    generation: u32,
}

/// Locked with forks kept away: a child starts helpers of its own.
static POOL: Mutex<Option<Pool>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The address itself, where `host` is one.
pub(crate) fn numeric(host: &str, port: u16) -> Option<SocketAddr> {
    host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port))
}

/// Starts a lookup.
pub(crate) fn start(host: &str, port: u16) -> io::Result<Lookup> {
    let slot = Arc::new(Mutex::new(Slot::default()));
    let job = Job { host: host.to_owned(), port, slot: Arc::clone(&slot) };
    let _unforked = sys::unforked();
    let mut guard = lock(&POOL);
    let generation = sys::fork_generation();
    let pool = guard.get_or_insert_default();
    if pool.generation != generation {
        *pool = Pool { generation, ..Pool::default() };
    }
    pool.jobs.push_back(job);
    if pool.threads < MAX_THREADS {
        match sys::spawn("wskt-dns", HELPER_STACK, helper) {
            Ok(_) => pool.threads += 1,
            Err(error) if pool.threads == 0 => {
                pool.jobs.pop_back();
                return Err(error);
            }
            // The helpers that exist will come to it.
            Err(_) => {}
        }
    }
    Ok(Lookup(slot))
}

fn helper() {
    let _panics = panics::claim();
    while let Some(job) = next_job() {
        // Whoever waits for this answer has gone: skip the lookup.
        if Arc::strong_count(&job.slot) == 1 {
            continue;
        }
        let answer = (job.host.as_str(), job.port).to_socket_addrs().map(Iterator::collect);
        let mut slot = lock(&job.slot);
        slot.answer = Some(answer);
        let done = slot.done.take();
        drop(slot);
        if let Some(done) = done {
            done();
        }
    }
}

/// The next lookup; without one the helper ends, so that none outlives its
/// work by more than a moment.
fn next_job() -> Option<Job> {
    let _unforked = sys::unforked();
    let mut guard = lock(&POOL);
    let pool = guard.as_mut()?;
    let job = pool.jobs.pop_front();
    if job.is_none() {
        pool.threads -= 1;
    }
    job
}
