//! Descriptors that wake a waiting thread: by another thread, or by time.

use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::FromRawFd;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// Wakes one thread that waits in `wait`.
#[derive(Debug)]
pub(crate) struct WakeFd {
    read: OwnedFd,
    /// A wake has come since it was cleared last, or comes.
    used: AtomicBool,
    #[cfg(not(target_os = "linux"))]
    write: OwnedFd,
}

#[cfg(target_os = "linux")]
impl WakeFd {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes no pointer; its result is checked below.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and owned by nobody else.
        let read = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { read, used: AtomicBool::new(false) })
    }

    /// Makes the descriptor readable.
    pub(crate) fn wake(&self) {
        self.used.store(true, Ordering::Release);
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight live bytes are written to an open descriptor.
        unsafe { libc::write(self.read.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Takes back every wake so far.
    pub(crate) fn clear(&self) {
        let mut count = [0u8; 8];
        // SAFETY: eight live bytes are read from an open descriptor.
        unsafe { libc::read(self.read.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

#[cfg(not(target_os = "linux"))]
impl WakeFd {
    pub(crate) fn new() -> io::Result<Self> {
        let (read, write) = std::os::unix::net::UnixStream::pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        let used = AtomicBool::new(false);
        Ok(Self { read: read.into(), used, write: write.into() })
    }

    /// Makes the descriptor readable.
    pub(crate) fn wake(&self) {
        self.used.store(true, Ordering::Release);
        // SAFETY: one live byte is written to an open descriptor.
        unsafe { libc::write(self.write.as_raw_fd(), [1u8].as_ptr().cast(), 1) };
    }

    /// Takes back every wake so far.
    pub(crate) fn clear(&self) {
        let mut bytes = [0u8; 64];
        // SAFETY: live bytes are read from an open descriptor.
        while unsafe { libc::read(self.read.as_raw_fd(), bytes.as_mut_ptr().cast(), 64) } > 0 {}
    }
}

impl WakeFd {
    /// The same, if there was any. One that comes at this moment may be left.
    pub(crate) fn clear_used(&self) {
        if self.used.swap(false, Ordering::AcqRel) {
            self.clear();
        }
    }
}

impl AsRawFd for WakeFd {
    fn as_raw_fd(&self) -> RawFd {
        self.read.as_raw_fd()
    }
}

/// A timer that makes a poller's descriptor readable when a deadline passes.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub(crate) struct Timer {
    fd: OwnedFd,
    armed: Option<super::Time>,
}

#[cfg(target_os = "linux")]
impl Timer {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: timerfd_create takes no pointer; its result is checked below.
        let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and owned by nobody else.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) }, armed: None })
    }

    /// Arms the timer for `at`, or disarms it; no system call if nothing
    /// changes. A timer that has fired must be armed again to go quiet.
    pub(crate) fn arm(&mut self, at: Option<super::Time>) {
        if self.armed == at {
            return;
        }
        self.armed = at;
        let ns = at.map_or(0, |t| {
            // A time in the past means now; zero would disarm.
            u64::try_from(t.until(super::Time::now()).as_nanos()).unwrap_or(u64::MAX).max(1)
        });
        let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let value = libc::timespec {
            tv_sec: libc::time_t::try_from(ns / 1_000_000_000).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::try_from(ns % 1_000_000_000).unwrap_or(0),
        };
        let spec = libc::itimerspec { it_interval: zero, it_value: value };
        // SAFETY: the struct is live and only read.
        unsafe {
            libc::timerfd_settime(self.fd.as_raw_fd(), 0, &raw const spec, std::ptr::null_mut());
        }
    }
}

#[cfg(target_os = "linux")]
impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
