//! Diagnostics: one sink for the whole process, off until a program sets it.
//! No lock is held while the sink runs, and a line that nobody wants is never
//! formatted.

use crate::sys;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How much a line matters. A sink gets its own level and all above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Nothing; as the level of a sink, silence.
    Off = 0,
    /// A bug in this library, or a connection that failed.
    Error = 1,
    /// Something odd that was put right.
    Warn = 2,
    /// The life of connections.
    Info = 3,
    /// Their phases and decisions.
    Debug = 4,
    /// Every message and control frame.
    Trace = 5,
}

/// Where lines go.
pub trait Sink: Send + Sync {
    /// Takes one line, without a newline, on the thread that wrote it.
    fn line(&self, level: Level, text: &str);
}

/// The level of the sink, read before anything else.
static LEVEL: AtomicU8 = AtomicU8::new(Level::Off as u8);
static SINK: Mutex<Option<Arc<dyn Sink>>> = Mutex::new(None);

/// Sets the sink; none, or [`Level::Off`], is silence. A line that another
/// thread is writing may still reach the old sink.
pub fn set(level: Level, sink: Option<Box<dyn Sink>>) {
    let sink = if level == Level::Off { None } else { sink.map(Arc::from) };
    let level = if sink.is_some() { level } else { Level::Off };
    let unforked = sys::unforked();
    let mut current = SINK.lock().unwrap_or_else(PoisonError::into_inner);
    LEVEL.store(level as u8, Ordering::Relaxed);
    let old = std::mem::replace(&mut *current, sink);
    drop(current);
    drop(unforked);
    drop(old);
}

/// Whether a line of this level goes anywhere.
pub fn enabled(level: Level) -> bool {
    level != Level::Off && level as u8 <= LEVEL.load(Ordering::Relaxed)
}

/// Writes one line.
pub fn write(level: Level, text: &str) {
    if !enabled(level) {
        return;
    }
    let unforked = sys::unforked();
    let sink = SINK.lock().unwrap_or_else(PoisonError::into_inner).clone();
    drop(unforked);
    if let Some(sink) = sink {
        sink.line(level, text);
    }
}

/// Writes one line that is formatted only if it goes anywhere.
#[inline]
pub fn with(level: Level, text: impl FnOnce() -> String) {
    #[cold]
    fn rare(level: Level, text: impl FnOnce() -> String) {
        write(level, &text());
    }
    if enabled(level) {
        rare(level, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Lines(Arc<Mutex<Vec<String>>>);

    impl Sink for Lines {
        fn line(&self, level: Level, text: &str) {
            // Setting the sink from inside it would deadlock under a lock.
            if text == "off" {
                set(Level::Off, None);
            }
            let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            lines.push(format!("{level:?} {text}"));
        }
    }

    #[test]
    fn lines_reach_the_sink_of_their_level() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        assert!(!enabled(Level::Error));
        write(Level::Error, "before");
        set(Level::Info, Some(Box::new(Lines(Arc::clone(&seen)))));
        assert!(enabled(Level::Info) && !enabled(Level::Debug) && !enabled(Level::Off));
        write(Level::Error, "one");
        with(Level::Info, || "two".to_owned());
        with(Level::Debug, || unreachable!("formatted for nobody"));
        write(Level::Warn, "off");
        write(Level::Error, "after");
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(*seen, ["Error one", "Info two", "Warn off"]);
    }
}
