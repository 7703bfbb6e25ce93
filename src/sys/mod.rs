//! The platform: every system call that std and socket2 do not wrap, behind
//! safe functions. The only `unsafe` outside `ffi/`; nothing here knows
//! WebSocket.
#![allow(
    unsafe_code,
    reason = "this module is the platform layer: system calls behind safe functions"
)]

mod adopt;
mod fork;
mod place;
mod room;
pub(crate) mod simd;
mod time;
mod wake;

pub(crate) use adopt::adopt;
pub(crate) use fork::{generation as fork_generation, in_children, let_go, unforked};
pub(crate) use place::Place;
pub(crate) use room::room;
pub(crate) use time::{Clock, Time};
#[cfg(target_os = "linux")]
pub(crate) use wake::Timer;
pub(crate) use wake::WakeFd;

use socket2::Socket;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Whether a read waits for bytes (as long as the socket's receive timeout
/// says) or only looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Wait,
    Look,
}

impl Mode {
    fn flags(self) -> libc::c_int {
        match self {
            Self::Wait => 0,
            Self::Look => libc::MSG_DONTWAIT,
        }
    }
}

/// Receives into `buf`; 0 is the end of the stream.
#[inline(always)]
pub(crate) fn recv(socket: &Socket, buf: &mut [u8], mode: Mode) -> io::Result<usize> {
    // SAFETY: the pointer and length are those of a live, writable slice, and
    // the descriptor is open as long as `socket` is borrowed.
    let n =
        unsafe { libc::recv(socket.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len(), mode.flags()) };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Receives up to `max` bytes behind the contents of `vec`, into capacity
/// that is reserved already, and what the kernel has after them into `spill`;
/// 0 is the end of the stream.
pub(crate) fn recv_behind(
    socket: &Socket,
    vec: &mut Vec<u8>,
    max: usize,
    spill: &mut [u8],
    mode: Mode,
) -> io::Result<usize> {
    let spare = vec.spare_capacity_mut();
    let room = spare.len().min(max);
    let mut parts = [
        libc::iovec { iov_base: spare.as_mut_ptr().cast(), iov_len: room },
        libc::iovec { iov_base: spill.as_mut_ptr().cast(), iov_len: spill.len() },
    ];
    // SAFETY: all zero bytes are a header without address and without parts.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = parts.as_mut_ptr();
    header.msg_iovlen = parts.len() as _;
    // SAFETY: the kernel writes at most `room` bytes into spare capacity that
    // belongs to `vec`, then into the live slice `spill`, within its length.
    let n = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, mode.flags()) };
    let n = usize::try_from(n).map_err(|_| io::Error::last_os_error())?;
    let len = vec.len() + n.min(room);
    // SAFETY: the first `n`, at most `room`, spare bytes were just written.
    unsafe { vec.set_len(len) };
    Ok(n)
}

/// Sends without waiting and without SIGPIPE.
#[inline(always)]
pub(crate) fn send(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the pointer and length are those of a live slice, which is only
    // read, and the descriptor is open as long as `socket` is borrowed.
    let n = unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Makes reads wait that do not say otherwise; one system call.
pub(crate) fn set_blocking(socket: &Socket) -> io::Result<()> {
    let mut off: libc::c_int = 0;
    // SAFETY: the argument is a live number, which is only read, and the
    // descriptor is open as long as `socket` is borrowed.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::FIONBIO, &raw mut off) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A descriptor to wait for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) fd: RawFd,
    pub(crate) read: bool,
    pub(crate) write: bool,
    /// Filled by [`wait`]: anything happened, an error included.
    pub(crate) fired: bool,
    /// Filled by [`wait`]: it is readable.
    pub(crate) readable: bool,
    /// Filled by [`wait`]: it is writable.
    pub(crate) writable: bool,
    /// Filled by [`wait`]: the peer has ended the stream, or it has failed.
    pub(crate) closed: bool,
}

/// The peer has ended its stream.
#[cfg(target_os = "linux")]
const ENDED: libc::c_short = libc::POLLRDHUP;
#[cfg(not(target_os = "linux"))]
const ENDED: libc::c_short = 0;

impl Wanted {
    pub(crate) fn new(fd: RawFd, read: bool, write: bool) -> Self {
        let (fired, readable, writable, closed) = (false, false, false, false);
        Self { fd, read, write, fired, readable, writable, closed }
    }
}

/// Waits until one of `wanted` is ready or the time has passed; `None` waits
/// without limit. A signal gives `ErrorKind::Interrupted`.
pub(crate) fn wait(wanted: &mut [Wanted], timeout: Option<Duration>) -> io::Result<usize> {
    let mut few = [libc::pollfd { fd: -1, events: 0, revents: 0 }; 4];
    let mut many = Vec::new();
    let fds = match few.get_mut(..wanted.len()) {
        Some(fds) => fds,
        None => {
            many.resize(wanted.len(), libc::pollfd { fd: -1, events: 0, revents: 0 });
            &mut many
        }
    };
    for (fd, w) in fds.iter_mut().zip(&*wanted) {
        fd.fd = w.fd;
        fd.events =
            if w.read { libc::POLLIN | ENDED } else { 0 } | if w.write { libc::POLLOUT } else { 0 };
    }
    let ms =
        timeout.map_or(-1, |t| i32::try_from(t.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX));
    // SAFETY: the array is live and its length is passed with it.
    let n = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, ms) };
    if n < 0 {
        return Err(io::Error::last_os_error());
    }
    for (w, fd) in wanted.iter_mut().zip(&*fds) {
        w.fired = fd.revents != 0;
        w.closed = fd.revents & (libc::POLLHUP | libc::POLLERR | ENDED) != 0;
        w.readable = w.closed || fd.revents & libc::POLLIN != 0;
        w.writable = fd.revents & libc::POLLOUT != 0;
    }
    Ok(usize::try_from(n).unwrap_or(0))
}

/// Has `run` called when the process ends by `exit` or by returning from main,
/// before what was registered earlier. Without memory for that it is not.
pub(crate) fn at_exit(run: extern "C" fn()) {
    // SAFETY: the library stays mapped, and the function takes no argument.
    unsafe { libc::atexit(run) };
}

/// Starts a thread that never runs the host's signal handlers: every signal is
/// blocked in it from its first moment, as it inherits the mask.
pub(crate) fn spawn(
    name: &str,
    stack_size: usize,
    run: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigfillset fills one set, pthread_sigmask reads it and fills
    // the other.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr());
    }
    let started = thread::Builder::new().name(name.to_owned()).stack_size(stack_size).spawn(run);
    // SAFETY: the set was filled above; it is only read.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut());
    }
    started
}
