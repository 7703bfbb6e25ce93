//! The log for C.

use super::boundary::boundary;
use super::result::wskt_result;
use crate::error::Error;
use crate::log::{self, Level, Sink};
use std::ffi::{c_char, c_void};

/// How much a line of the log matters.
///
/// Its function: wskt_log_set.
///
/// Since: 0.1.0
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum wskt_log_level {
    /// Nothing.
    WSKT_LOG_OFF = 0,
    /// A bug in wskt, or the system failing it.
    WSKT_LOG_ERROR = 1,
    /// Something odd that was put right.
    WSKT_LOG_WARN = 2,
    /// The life of connections.
    WSKT_LOG_INFO = 3,
    /// Their phases and decisions.
    WSKT_LOG_DEBUG = 4,
    /// Every message, ping and pong. Never their content.
    WSKT_LOG_TRACE = 5,
}

/// Called for each line of the log.
///
/// `message` is UTF-8 without a newline, `message_len` bytes; it is NOT
/// NUL-terminated, and lent until the function returns. The function is
/// called on the thread the line comes from, by several threads at once. It
/// must not call any function of wskt and must not throw or longjmp.
///
/// Since: 0.1.0
pub type wskt_log_fn = Option<
    unsafe extern "C-unwind" fn(
        level: wskt_log_level,
        message: *const c_char,
        message_len: usize,
        user_data: *mut c_void,
    ),
>;

/// Sets the function that receives the log of the whole process.
///
/// `level` is a wskt_log_level: lines of that level and of all before it are
/// passed on. WSKT_LOG_OFF, or NULL for `log`, is silence, as it is if never
/// set. wskt writes to nothing else, not to stderr either.
///
/// `user_data` is passed on to the function. THERE IS NO DESTRUCTOR: another
/// thread may still be in the function that was set before when this returns,
/// so keep the user data for as long as the process runs.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `level` is not a wskt_log_level.
/// - WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_log_set(
    level: i32,
    log: wskt_log_fn,
    user_data: *mut c_void,
) -> wskt_result {
    boundary(|| {
        let level = match level {
            0 => Level::Off,
            1 => Level::Error,
            2 => Level::Warn,
            3 => Level::Info,
            4 => Level::Debug,
            5 => Level::Trace,
            _ => return Err(Error::InvalidArgument),
        };
        let sink = log.map(|function| -> Box<dyn Sink> { Box::new(CSink { function, user_data }) });
        log::set(level, sink);
        Ok(())
    })
}

struct CSink {
    function: unsafe extern "C-unwind" fn(wskt_log_level, *const c_char, usize, *mut c_void),
    user_data: *mut c_void,
}

// SAFETY: the pointer is only handed back to the program's function, which by
// its manual is called on any thread.
unsafe impl Send for CSink {}
// SAFETY: as above, by several threads at once.
unsafe impl Sync for CSink {}

impl Sink for CSink {
    fn line(&self, level: Level, text: &str) {
        let level = match level {
            Level::Off => wskt_log_level::WSKT_LOG_OFF,
            Level::Error => wskt_log_level::WSKT_LOG_ERROR,
            Level::Warn => wskt_log_level::WSKT_LOG_WARN,
            Level::Info => wskt_log_level::WSKT_LOG_INFO,
            Level::Debug => wskt_log_level::WSKT_LOG_DEBUG,
            Level::Trace => wskt_log_level::WSKT_LOG_TRACE,
        };
        // SAFETY: the program set this function for such lines.
        unsafe { (self.function)(level, text.as_ptr().cast(), text.len(), self.user_data) }
    }
}
