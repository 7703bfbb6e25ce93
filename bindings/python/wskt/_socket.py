"""What a socket is whoever drives it: a handle that cannot be used after its
end, and the calls that neither wait nor dispatch."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterable
from typing import Any, Optional, Union

from . import _native as c
from .config import Config, name_bytes
from .errors import check, error
from .events import CloseEvent, Stats, close_event, stats

Protocols = Union[str, Iterable[str]]
Bytes = Union[bytes, bytearray, memoryview]

_INVALID_URL, _INVALID_PROTOCOL = -4, -7


class Handle:
    """A pointer, and how many calls on it are running: it is freed when it was
    asked for and the last one has returned, whatever thread that is on."""

    def __init__(self, pointer: int) -> None:
        self._pointer: Optional[int] = pointer
        self._lock = threading.Lock()
        self._calls = 0
        self._ending = False

    def __enter__(self) -> int:
        with self._lock:
            if self._ending or self._pointer is None:
                raise error(c.ERR_CLOSED, "it was freed")
            self._calls += 1
            return self._pointer

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._calls -= 1
        if self._ending:
            self._free()

    @property
    def is_freed(self) -> bool:
        return self._ending

    def free(self) -> None:
        """Ends the handle; a call that waits on another thread returns."""
        with self._lock:
            self._ending = True
            if self._pointer is not None and self._calls:
                self._wake(self._pointer)
        self._free()

    def _free(self) -> None:
        with self._lock:
            if self._calls:
                return
            pointer, self._pointer = self._pointer, None
        if pointer is not None:
            self._give_back(pointer)

    def _wake(self, pointer: int) -> None:
        c.LIB.wskt_socket_abort(pointer)

    def _give_back(self, pointer: int) -> None:
        c.LIB.wskt_socket_free(pointer)


def make(
    loop: Optional[int],
    url: str,
    protocols: Protocols,
    config: Optional[Config],
    message_chunks: bool,
) -> int:
    """A wskt_socket, which the caller frees."""
    if config is not None and not isinstance(config, Config):
        raise TypeError(f"config must be a wskt.Config, not {type(config).__name__}")
    if not isinstance(message_chunks, bool):
        raise TypeError(f"message_chunks must be bool, not {type(message_chunks).__name__}")
    address = name_bytes("url", url, _INVALID_URL)
    offered = [protocols] if isinstance(protocols, str) else list(protocols)
    names = [name_bytes("a subprotocol", p, _INVALID_PROTOCOL) for p in offered]
    made = ctypes.c_void_p()
    settings = config._handle if config is not None else None
    check(c.LIB.wskt_socket_new(loop, address, settings, ctypes.byref(made)))
    assert made.value is not None
    try:
        for name in names:
            check(c.LIB.wskt_socket_add_protocol(made, name))
        check(c.LIB.wskt_socket_set_message_chunks(made, message_chunks))
    except BaseException:
        c.LIB.wskt_socket_free(made)
        raise
    return made.value


class Socket:
    """The common part of `Connection` and `WebSocket`."""

    CONNECTING, OPEN, CLOSING, CLOSED = c.CONNECTING, c.OPEN, c.CLOSING, c.CLOSED

    def __init__(self, handle: Handle, pointer: int) -> None:
        self._pointer = pointer  # the key in tables; calls go through _handle
        self._handle = handle
        self._last: dict[str, Any] = {}
        self._close_event: Optional[CloseEvent] = None

    def _get(self, name: str) -> Any:
        """An attribute, also after the handle's end."""
        if name in self._last:
            return self._last[name]
        with self._handle as socket:
            return self._read(name, socket)

    @staticmethod
    def _read(name: str, socket: int) -> Any:
        if name in ("url", "protocol", "extensions"):
            return c.text_of(getattr(c.LIB, f"wskt_socket_{name}"), socket)
        if name == "response_headers":
            return _headers(socket)
        if name == "response_body":
            size = ctypes.c_size_t()
            body = c.LIB.wskt_socket_response_body(socket, ctypes.byref(size))
            return ctypes.string_at(body, size.value) if body else b""
        if name == "stats":
            return stats(socket)
        return getattr(c.LIB, f"wskt_socket_{name}")(socket)

    def _free(self) -> None:
        """Frees the handle; attributes keep what they were."""
        if not self._handle.is_freed:
            with self._handle as socket:
                names = ("url", "protocol", "extensions", "buffered_amount",
                         "response_status", "response_headers", "response_body", "stats")
                self._last = {name: self._read(name, socket) for name in names}
                self._last["ready_state"] = self.CLOSED
                end = c.LIB.wskt_socket_close_event(socket)
                if end and self._close_event is None:
                    self._close_event = close_event(end, self)
            self._handle.free()

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle is not None:
            handle.free()

    @property
    def url(self) -> str:
        """The URL as the URL standard writes it."""
        return str(self._get("url"))

    @property
    def protocol(self) -> str:
        """The subprotocol the server picked, or an empty text."""
        return str(self._get("protocol"))

    @property
    def extensions(self) -> str:
        """The extensions in use."""
        return str(self._get("extensions"))

    @property
    def readyState(self) -> int:  # noqa: N802
        """CONNECTING, OPEN, CLOSING or CLOSED."""
        return int(self._get("ready_state"))

    @property
    def bufferedAmount(self) -> int:  # noqa: N802
        """Bytes of messages that were accepted and have not left yet."""
        return int(self._get("buffered_amount"))

    @property
    def close_event(self) -> Optional[CloseEvent]:
        """The close event of a closed socket, for whoever comes late."""
        return self._close_event

    @property
    def response_status(self) -> int:
        """The HTTP status of the server's answer; 0 if none came."""
        return int(self._get("response_status"))

    @property
    def response_headers(self) -> list[tuple[str, str]]:
        """The headers of the server's answer, in their order."""
        return list(self._get("response_headers"))

    @property
    def response_body(self) -> bytes:
        """The body of an answer that refused the upgrade."""
        return bytes(self._get("response_body"))

    @property
    def stats(self) -> Stats:
        """Bytes, frames and messages so far, and how long opening took."""
        counters: Stats = self._get("stats")
        return counters

    def send(self, data: Union[str, Bytes]) -> None:
        """Sends str as a text message, and bytes-like data as a binary one."""
        if isinstance(data, str):
            payload, send = data.encode("utf-8", "surrogatepass"), c.LIB.wskt_socket_send_text
        else:
            payload, send = _bytes("data", data), c.LIB.wskt_socket_send_binary
        self._send(send, payload)

    def ping(self, data: Union[str, Bytes] = b"") -> None:
        """Sends a ping of at most 125 bytes. Its pong fires no event."""
        payload = data.encode() if isinstance(data, str) else _bytes("data", data)
        self._send(c.LIB.wskt_socket_ping, payload)

    def _send(self, send: Any, payload: bytes) -> None:
        while True:
            with self._handle as socket:
                result = send(socket, payload, len(payload))
            # Python has run the signal's handler by now.
            if result != c.ERR_INTERRUPTED:
                return check(result)

    def close(self, code: Optional[int] = None, reason: str = "") -> None:
        """Starts the closing handshake; the close event follows. `code` is
        1000 or in 3000 to 4999. On a closed socket it does nothing."""
        if code is not None:
            if isinstance(code, bool) or not isinstance(code, int):
                raise TypeError(f"code must be int, not {type(code).__name__}")
            if not 1 <= code <= 0xFFFF:
                raise error(c.ERR_INVALID_ACCESS)
        if not isinstance(reason, str):
            raise TypeError(f"reason must be str, not {type(reason).__name__}")
        said = reason.encode("utf-8", "surrogatepass")
        if self._handle.is_freed:
            return
        with self._handle as socket:
            check(c.LIB.wskt_socket_close(socket, code or 0, said, len(said)))

    def abort(self) -> None:
        """Ends the connection at once, without a closing handshake."""
        if not self._handle.is_freed:
            with self._handle as socket:
                check(c.LIB.wskt_socket_abort(socket))


def _bytes(what: str, data: Any) -> bytes:
    if isinstance(data, bytes):
        return data
    if isinstance(data, (bytearray, memoryview)):
        return bytes(data)
    raise TypeError(f"{what} must be str or bytes-like, not {type(data).__name__}")


def _headers(socket: int) -> list[tuple[str, str]]:
    name, value = ctypes.c_char_p(), ctypes.c_char_p()
    all_of_them = []
    for index in range(c.LIB.wskt_socket_response_header_count(socket)):
        check(c.LIB.wskt_socket_response_header_at(socket, index, name, value))
        pair = [(text.value or b"").decode("latin-1") for text in (name, value)]
        all_of_them.append((pair[0], pair[1]))
    return all_of_them
