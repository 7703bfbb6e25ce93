//! What a socket tells about itself; everything here answers in every state.

use super::{Agreed, ReadyState::*, Response, Socket};
use crate::error::{Error, Result};
use crate::event::CloseEvent;
use crate::protocol::{DeflateParams, Deflater, EXTENSIONS};
use crate::sync::Mutex;
use crate::text::Text;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

/// The `readyState` attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ReadyState {
    /// The connection is not established.
    Connecting = 0,
    /// Messages can be sent and received.
    Open = 1,
    /// The closing handshake runs, or close was called.
    Closing = 2,
    /// The connection is closed or never came about.
    Closed = 3,
}

fn empty() -> &'static Text {
    static EMPTY: OnceLock<Text> = OnceLock::new();
    EMPTY.get_or_init(Text::default)
}

impl Socket {
    /// The ready state.
    pub fn ready_state(&self) -> ReadyState {
        match self.state.load(Ordering::Acquire) {
            0 => Connecting,
            1 => Open,
            2 => Closing,
            _ => Closed,
        }
    }

    /// Changes the ready state; only with `out` locked.
    pub(super) fn set_ready_state(&self, state: ReadyState) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// Payload bytes accepted and not given to the kernel.
    pub fn buffered_amount(&self) -> usize {
        self.buffered.load(Ordering::Acquire)
    }

    pub(super) fn show_buffered(&self, amount: usize) {
        self.buffered.store(amount, Ordering::Release);
    }

    /// The serialized URL.
    pub fn url(&self) -> &Text {
        &self.target.url
    }

    /// The subprotocol the server picked; empty if none.
    pub fn protocol(&self) -> &Text {
        self.agreed.get().map_or_else(|| empty(), |agreed| &agreed.protocol)
    }

    /// The extensions in use; empty if none.
    pub fn extensions(&self) -> &Text {
        self.agreed.get().map_or_else(|| empty(), |agreed| &agreed.extensions)
    }

    /// The server's answer to the upgrade.
    pub fn response(&self) -> Option<&Response> {
        self.response.get()
    }

    /// The reason phrase of that answer and a NUL; only that if there is none.
    pub fn response_reason_with_nul(&self) -> &str {
        self.response.get().map_or("\0", Response::reason_with_nul)
    }

    pub(crate) fn set_response(&self, response: Response) {
        let _ = self.response.set(response);
    }

    /// The server's certificate in DER, once TLS is established.
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        self.peer_certificate.get().map(Arc::as_ref)
    }

    pub(crate) fn set_peer_certificate(&self, der: Vec<u8>) {
        let _ = self.peer_certificate.set(self.config.tls.share(der));
    }

    /// Shows what the server picked: the subprotocol, and the extensions as its
    /// answer has them, as browsers do. Makes ready to compress.
    pub(crate) fn set_agreed(
        &self,
        response: &Response,
        protocol: Option<String>,
        params: Option<&DeflateParams>,
    ) {
        if protocol.is_none() && params.is_none() {
            return;
        }
        let mut agreed =
            Agreed { protocol: protocol.unwrap_or_default().into(), ..Agreed::default() };
        if let Some(params) = params {
            let values: Vec<&str> = response.all(EXTENSIONS).collect();
            agreed.extensions = values.join(", ").into();
            if let Some(deflater) = Deflater::new(params, self.config.deflate.level) {
                let _ = self.deflater.set(Box::new(Mutex::new(deflater)));
            }
        }
        let _ = self.agreed.set(Box::new(agreed));
    }

    /// The close event once the socket is closed.
    pub fn close_event(&self) -> Option<&CloseEvent> {
        self.closed.get().map(|closed| &closed.0)
    }

    /// The timestamp of the close event.
    pub fn close_timestamp(&self) -> f64 {
        self.closed.get().map_or(0.0, |closed| closed.1)
    }

    /// Remembers the close event for good.
    pub(super) fn set_closed(&self, event: CloseEvent, timestamp: f64) {
        let _ = self.closed.set(Box::new((event, timestamp)));
    }

    /// A sentence about the call this socket refused last; empty if none.
    pub fn error_text(&self) -> &'static str {
        let code = self.refusal.load(Ordering::Relaxed) & !FRESH;
        let generic = code.checked_sub(1).and_then(|i| REFUSALS.get(usize::from(i)));
        let special = WHYS.iter().find(|why| code == SPECIAL + **why as u8);
        special.map_or_else(|| generic.map_or("", |error| error.text()), |why| why.text())
    }

    /// Remembers why the last call was refused, for [`Self::error_text`].
    pub fn note_refusal(&self, error: Error) {
        let code = self.refusal.load(Ordering::Relaxed);
        let special = WHYS.iter().any(|why| code == FRESH | (SPECIAL + *why as u8));
        let new = if special {
            // The core has said it better a moment ago.
            code & !FRESH
        } else {
            REFUSALS
                .iter()
                .position(|have| *have == error)
                .map_or(code, |at| u8::try_from(at + 1).unwrap_or(0))
        };
        self.refusal.store(new, Ordering::Relaxed);
    }

    /// Refuses a call with a sentence of its own.
    pub(crate) fn refuse<T>(&self, why: Why) -> Result<T> {
        self.refusal.store(FRESH | (SPECIAL + why as u8), Ordering::Relaxed);
        Err(why.error())
    }

    /// Drops what only opening needs.
    pub(crate) fn forget_opening(&self) {
        self.wishes.forget();
    }
}

/// The refusals `error_text` can tell about.
const REFUSALS: [Error; 20] = [
    Error::InvalidArgument,
    Error::InvalidState,
    Error::InvalidProtocol,
    Error::DuplicateProtocol,
    Error::InvalidUtf8,
    Error::InvalidAccess,
    Error::Syntax,
    Error::TooLarge,
    Error::BufferFull,
    Error::Closed,
    Error::Timeout,
    Error::Interrupted,
    Error::Reentrant,
    Error::WrongThread,
    Error::LoopGone,
    Error::NoMemory,
    Error::Io,
    Error::Panic,
    Error::ConnectFailed,
    Error::InUse,
];

/// A special sentence that the C layer has not counted yet.
const FRESH: u8 = 0x80;
/// Where the codes of [`Why`] begin.
const SPECIAL: u8 = 0x40;

/// Refusals whose result alone does not say what was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Why {
    StillConnecting,
    OpenedBefore,
    OnLoop,
    HasLoop,
    ConnectFirst,
    TooLateForProtocol,
    ReasonWithoutCode,
    StreamOpen,
    NoStream,
    TooLateToAdopt,
    AdoptedBefore,
    NoConnection,
    NoPattern,
}

const WHYS: [Why; 13] = [
    Why::StillConnecting,
    Why::OpenedBefore,
    Why::OnLoop,
    Why::HasLoop,
    Why::ConnectFirst,
    Why::TooLateForProtocol,
    Why::ReasonWithoutCode,
    Why::StreamOpen,
    Why::NoStream,
    Why::TooLateToAdopt,
    Why::AdoptedBefore,
    Why::NoConnection,
    Why::NoPattern,
];

impl Why {
    fn error(self) -> Error {
        match self {
            Self::ReasonWithoutCode | Self::NoConnection => Error::InvalidArgument,
            Self::StillConnecting
            | Self::OpenedBefore
            | Self::OnLoop
            | Self::HasLoop
            | Self::ConnectFirst
            | Self::StreamOpen
            | Self::NoStream
            | Self::TooLateForProtocol
            | Self::TooLateToAdopt
            | Self::NoPattern
            | Self::AdoptedBefore => Error::InvalidState,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::StillConnecting => "nothing can be sent while the socket is connecting",
            Self::OpenedBefore => "the socket was opened, connected or closed before",
            Self::OnLoop => "the socket is on a loop: blocking calls cannot drive it",
            Self::HasLoop => "the socket has a loop: wskt_loop_wake ends its wait",
            Self::ConnectFirst => "wskt_socket_connect comes first",
            Self::TooLateForProtocol => "subprotocols are added before the socket is opened",
            Self::StreamOpen => "a message is sent in chunks: wskt_socket_send_end comes first",
            Self::NoStream => "no message is sent in chunks: wskt_socket_send_begin comes first",
            Self::TooLateToAdopt => "a descriptor is adopted before the socket is opened",
            Self::AdoptedBefore => "the socket has adopted a descriptor before",
            Self::NoPattern => {
                "sockets are made after one that was never opened, without a descriptor"
            }
            Self::NoConnection => "the descriptor is not a connected stream socket",
            Self::ReasonWithoutCode => "a close reason needs a close code",
        }
    }
}
