//! The TLS connector of a configuration, built once. That reads the system's
//! roots, a tenth of a second on a helper thread.

use crate::helpers::{self, Awaited, Promise, Work};
use crate::sync::{Mutex, lock};
use crate::sys;
use native_tls::{TlsConnector, TlsConnectorBuilder};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

/// A connector, or why there is none.
pub(crate) type Built = Result<Arc<TlsConnector>, String>;

/// A connector that is built when it is first wanted, for all configurations
/// with the same settings of TLS.
#[derive(Default)]
pub(super) struct Connector {
    ready: OnceLock<Arc<TlsConnector>>,
    /// Who waits for it while it is built. Locked with forks kept away.
    building: Mutex<Option<Building>>,
    /// The certificate that a server showed last, for all sockets that it
    /// shows it to. Locked with forks kept away.
    shown: Mutex<Option<Arc<[u8]>>>,
}

struct Building {
    /// The fork generation of the helper that is at it.
    generation: u32,
    waiting: Vec<Promise<Built>>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl Connector {
    /// The connector, now or once a helper has built it. `settings` is asked
    /// by the first who wants it.
    pub(super) fn want(
        self: &Arc<Self>,
        settings: impl Fn() -> TlsConnectorBuilder,
    ) -> Awaited<Built> {
        let (promise, awaited) = helpers::promise();
        if self.join(promise) {
            return awaited;
        }
        let (this, builder) = (Arc::clone(self), settings());
        let begun = helpers::run(Work::Load, move || {
            // The configurations may have gone, and their sockets with them.
            if Arc::strong_count(&this) > 1 {
                this.finish(&build(&builder));
            }
        });
        if begun.is_err() {
            // No thread is to be had: late is better than never.
            let _ = self.build(&settings());
        }
        awaited
    }

    /// A server's certificate, as other sockets have it if it showed them the
    /// same.
    pub(super) fn share(&self, der: Vec<u8>) -> Arc<[u8]> {
        let _unforked = sys::unforked();
        let mut shown = lock(&self.shown);
        match &*shown {
            Some(have) if **have == *der => Arc::clone(have),
            _ => Arc::clone(shown.insert(der.into())),
        }
    }

    /// Builds it on this thread.
    pub(super) fn build(&self, settings: &TlsConnectorBuilder) -> Result<(), String> {
        let built = build(settings);
        self.finish(&built);
        built.map(drop)
    }

    /// Lines up for the connector; false if nobody is at it.
    fn join(&self, promise: Promise<Built>) -> bool {
        if let Some(ready) = self.ready.get() {
            promise.keep(Ok(Arc::clone(ready)));
            return true;
        }
        let _unforked = sys::unforked();
        let mut building = lock(&self.building);
        if let Some(ready) = self.ready.get() {
            promise.keep(Ok(Arc::clone(ready)));
            return true;
        }
        let generation = sys::fork_generation();
        if let Some(building) = building.as_mut().filter(|b| b.generation == generation) {
            building.waiting.retain(Promise::is_wanted);
            building.waiting.push(promise);
            return true;
        }
        *building = Some(Building { generation, waiting: vec![promise] });
        false
    }

    /// Gives everybody what was built; after a failure the next who wants it
    /// begins anew.
    fn finish(&self, built: &Built) {
        let waiting = {
            let _unforked = sys::unforked();
            let mut building = lock(&self.building);
            if let Ok(connector) = built {
                let _ = self.ready.set(Arc::clone(connector));
            }
            building.take().map_or_else(Vec::new, |building| building.waiting)
        };
        for promise in waiting {
            promise.keep(built.clone());
        }
    }
}

fn build(builder: &TlsConnectorBuilder) -> Built {
    let built = catch_unwind(AssertUnwindSafe(|| builder.build()));
    match built {
        Ok(Ok(connector)) => Ok(Arc::new(connector)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("a bug inside wskt was caught".to_owned()),
    }
}
