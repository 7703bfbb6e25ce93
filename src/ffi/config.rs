//! Configurations for C: making, freeing, and what their setters share. The
//! setters are in the `config_` files beside this one.

use super::boundary::{Out, boundary, getter, install_panic_hook};
use super::handle::{self, wskt_config};
use super::result::wskt_result;
use crate::config::{Config, Refusal, Set};
use crate::error::Result;
use crate::sys;
use crate::tag::Tag;
use crate::text::Text;
use std::ffi::c_char;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

/// A configuration that setters change. Sockets hold the `Arc` they were
/// given; a setter puts a changed copy in its place.
#[repr(C)]
pub(super) struct ConfigCell {
    pub(super) tag: Tag,
    config: Mutex<Arc<Config>>,
    /// What the last refused setter said; lent to C until the next one.
    refusal: Mutex<Text>,
    generation: u32,
}

impl ConfigCell {
    pub(super) fn is_forked(&self) -> bool {
        self.generation != sys::fork_generation()
    }

    /// What it holds now.
    pub(super) fn current(&self) -> Arc<Config> {
        Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, option: &str, change: impl FnOnce(&mut Config) -> Set) -> Result<()> {
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Config::clone(&config);
        let changed = change(&mut next).and_then(|()| next.check());
        changed.map_err(|Refusal { error, what }| {
            *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) =
                format!("{option}: {what}").into();
            error
        })?;
        *config = Arc::new(next);
        Ok(())
    }
}

/// The body of every setter; `option` is its name without `wskt_config_set_`
/// or `wskt_config_add_`.
///
/// # Safety
/// `config` is NULL or a live handle.
pub(super) unsafe fn set(
    config: *mut wskt_config,
    option: &str,
    change: impl FnOnce(&mut Config) -> Set,
) -> wskt_result {
    // SAFETY: the caller's promise is the same.
    unsafe { handle::with(config, |config| config.change(option, change)) }
}

/// Makes a configuration with the defaults.
///
/// `out_config` receives it; the caller frees it with wskt_config_free.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL: `out_config` is NULL.
/// - WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_new(out_config: *mut *mut wskt_config) -> wskt_result {
    boundary(|| {
        // SAFETY: the caller promises a writable place or NULL.
        let out = unsafe { Out::new(out_config) }?;
        install_panic_hook();
        out.set(handle::give(Arc::new(ConfigCell {
            tag: Tag::new(Tag::CONFIG),
            config: Mutex::new(Config::shared_default()),
            refusal: Mutex::default(),
            generation: sys::fork_generation(),
        })));
        Ok(())
    })
}

/// Frees a configuration. Sockets made with it are not affected. NULL is
/// fine.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_free(config: *mut wskt_config) {
    boundary(|| {
        // SAFETY: the caller gives up the handle with this call.
        if let Some(object) = unsafe { handle::take(config) } {
            handle::bury::<wskt_config>(object);
        }
        Ok(())
    });
}

/// Sets browser mode, for hosts that hand sockets on to scripts. False if
/// never set.
///
/// It changes five things and nothing else:
/// - A Close frame of the peer with a code that RFC 6455 does not allow is
///   accepted and reported as it is, except for 1005, 1006 and 1015.
/// - A TLS failure gives close code 1006 instead of 1015.
/// - A connection that is lost without a Close frame gives a close event only,
///   no error event before it.
/// - The cause and message of a failure while opening are hidden.
/// - The HTTP response of a refused upgrade is hidden.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// WHATWG WebSockets, fail the WebSocket connection. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_browser_mode(
    config: *mut wskt_config,
    on: bool,
) -> wskt_result {
    let change = |config: &mut Config| {
        config.browser_mode = on;
        Ok(())
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, "browser_mode", change) }
}

/// Sets whether the peer's pings and pongs are events. False if never set.
///
/// With true they are told in every way of driving, pulled ones too. With
/// false, only a socket with a handler for either has them
/// (wskt_socket_set_on_ping, wskt_socket_set_on_pong). Pings are answered in
/// any case, before the event; none is told once close was called.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_ping_events(
    config: *mut wskt_config,
    on: bool,
) -> wskt_result {
    let change = |config: &mut Config| {
        config.ping_events = on;
        Ok(())
    };
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, "ping_events", change) }
}

/// One line about the last value that this configuration refused: the option,
/// then what was wrong with the value, in English and without a full stop;
/// empty if none was.
///
/// The option is called as its setter is:
/// "open_timeout: -1 ms is not in 1 to 2147483647 ms" is about
/// wskt_config_set_open_timeout. A call that succeeds does not clear it.
///
/// The text is NUL-terminated and lent until the configuration refuses
/// another value or is freed. NULL gives NULL.
///
/// Any thread; legal in a callback.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_error_text(config: *const wskt_config) -> *const c_char {
    getter(ptr::null(), || {
        // SAFETY: the caller promises a live handle or NULL.
        let config = unsafe { handle::peek(config) }?;
        let text = config.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        Some(text.as_ptr().cast())
    })
}
