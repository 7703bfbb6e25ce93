//! The only blocking call of the library, `getaddrinfo`, on at most eight
//! helper threads; cancelled by being ignored.

use crate::{panics, sys};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};

const MAX_THREADS: usize = 8;
/// getaddrinfo and the modules of nsswitch need some.
const HELPER_STACK: usize = 512 << 10;

type Answer = io::Result<Vec<SocketAddr>>;

/// A lookup under way. Dropping it abandons the lookup.
pub(crate) struct Lookup(Arc<Mutex<Option<Answer>>>);

impl Lookup {
    /// The answer, once there is one.
    pub(crate) fn take(&self) -> Option<Answer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

struct Job {
    host: String,
    port: u16,
    slot: Arc<Mutex<Option<Answer>>>,
    done: Box<dyn FnOnce() + Send>,
}

#[derive(Default)]
struct Pool {
    jobs: VecDeque<Job>,
    threads: usize,
    /// The fork generation the helpers belong to.
    generation: u32,
}

static POOL: Mutex<Option<Pool>> = Mutex::new(None);

/// The address itself, where `host` is one.
pub(crate) fn numeric(host: &str, port: u16) -> Option<SocketAddr> {
    host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port))
}

/// Starts a lookup; `done` is called on a helper thread when the answer is
/// there.
pub(crate) fn start(host: &str, port: u16, done: Box<dyn FnOnce() + Send>) -> io::Result<Lookup> {
    let slot = Arc::new(Mutex::new(None));
    let job = Job { host: host.to_owned(), port, slot: Arc::clone(&slot), done };
    let mut guard = POOL.lock().unwrap_or_else(PoisonError::into_inner);
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
        *job.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        (job.done)();
    }
}

/// The next lookup; without one the helper ends, so that none outlives its
/// work by more than a moment.
fn next_job() -> Option<Job> {
    let mut guard = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let pool = guard.as_mut()?;
    let job = pool.jobs.pop_front();
    if job.is_none() {
        pool.threads -= 1;
    }
    job
}
