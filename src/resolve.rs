//! The only blocking call of the library, `getaddrinfo`, on at most eight
//! helper threads; cancelled by being ignored.

use crate::{panics, sys};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

const MAX_THREADS: usize = 8;
/// How long an idle helper stays before it ends.
const LINGER: Duration = Duration::from_secs(5);

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
    idle: usize,
    /// The fork generation the helpers belong to.
    generation: u32,
}

static POOL: Mutex<Option<Pool>> = Mutex::new(None);
static WORK: Condvar = Condvar::new();

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
    if pool.idle < pool.jobs.len() && pool.threads < MAX_THREADS {
        let spawned = std::thread::Builder::new()
            .name("wskt-dns".to_owned())
            .stack_size(256 << 10)
            .spawn(helper);
        match spawned {
            Ok(_) => pool.threads += 1,
            Err(error) if pool.threads == 0 => {
                pool.jobs.pop_back();
                return Err(error);
            }
            // The helpers that exist will come to it.
            Err(_) => {}
        }
    }
    drop(guard);
    WORK.notify_one();
    Ok(Lookup(slot))
}

fn helper() {
    let _panics = panics::claim();
    sys::block_signals();
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

fn next_job() -> Option<Job> {
    let mut guard = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let pool = guard.as_mut()?;
        if let Some(job) = pool.jobs.pop_front() {
            return Some(job);
        }
        pool.idle += 1;
        let (back, waited) =
            WORK.wait_timeout(guard, LINGER).unwrap_or_else(PoisonError::into_inner);
        guard = back;
        let pool = guard.as_mut()?;
        pool.idle -= 1;
        if waited.timed_out() && pool.jobs.is_empty() {
            pool.threads -= 1;
            return None;
        }
    }
}
