"""Blocking calls: for scripts, tests and threads. Nothing runs between them."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from typing import Any, Optional

from . import _native as c
from ._reconnector import LentHandle, ReconnectorBase, end_of
from ._socket import Handle, Protocols, Socket, make
from .config import Config, milliseconds
from .errors import ClosedError, ConnectError, TimeoutError, check, error
from .events import CloseEvent, Data, Event, MessageEvent, close_event, copy

# No wait in C is longer than this.
_LONGEST_MS = 2**31 - 1


def connect(
    url: str,
    protocols: Protocols = (),
    config: Optional[Config] = None,
    *,
    timeout: Optional[float] = None,
    message_chunks: bool = False,
) -> Connection:
    """Connects and waits until the connection is open.

    Raises `ConnectError` with the close event's message, or `TimeoutError`
    after `timeout` seconds; both have the event as `close_event`.

    With `message_chunks`, messages come in parts as they arrive, as
    `MessageChunkEvent`s of `recv_event`; `recv` has none then.
    """
    return Connection(url, protocols, config, timeout=timeout, message_chunks=message_chunks)


class Connection(Socket):
    """An open connection. As a context manager it closes politely at the end,
    and aborts if the block was left by an exception. It is iterable: messages
    until the close event."""

    def __init__(
        self,
        url: str,
        protocols: Protocols = (),
        config: Optional[Config] = None,
        *,
        timeout: Optional[float] = None,
        message_chunks: bool = False,
    ) -> None:
        pointer = make(None, url, protocols, config, message_chunks)
        super().__init__(Handle(pointer), pointer)
        try:
            until = _Until(timeout)
            result = c.ERR_INTERRUPTED
            while result == c.ERR_INTERRUPTED:
                with self._handle as socket:
                    result = c.LIB.wskt_socket_connect(socket, until.left_ms())
            if result != c.OK:
                self._free()
                failure = error(result, self._close_event.message if self._close_event else "")
                failure.close_event = self._close_event  # type: ignore[attr-defined]
                raise failure
        except BaseException:
            self._handle.free()
            raise

    def recv_event(self, timeout: Optional[float] = None) -> Event:
        """The next event of any kind: open, message, messagechunk, drain, unsent,
        error, close.

        Raises `TimeoutError` after `timeout` seconds and `ClosedError` when the
        close event was the last one."""
        until = _Until(timeout)
        pointer = c.EventPointer()
        while True:
            with self._handle as socket:
                result = c.LIB.wskt_socket_recv(socket, until.left_ms(), ctypes.byref(pointer))
                if result == c.OK:
                    event = copy(pointer, self)
                    if isinstance(event, CloseEvent):
                        self._close_event = event
                    return event
            # Python has run the signal's handler by now.
            if result != c.ERR_INTERRUPTED:
                check(result)

    def recv(self, timeout: Optional[float] = None) -> Data:
        """The next message. At the end it raises `ClosedError`; then
        `close_event` tells how it ended."""
        until = _Until(timeout)
        while True:
            event = self.recv_event(until.left())
            if isinstance(event, MessageEvent):
                return event.data
            if isinstance(event, CloseEvent):
                raise error(c.ERR_CLOSED, event.message)

    def __iter__(self) -> Iterator[Data]:
        while True:
            try:
                yield self.recv()
            except ClosedError:
                return

    def wait_closed(self, timeout: Optional[float] = None) -> CloseEvent:
        """Drops messages until the close event, and gives that."""
        until = _Until(timeout)
        while self._close_event is None:
            self.recv_event(until.left())
        return self._close_event

    def free(self) -> None:
        """Lets go of the connection, without a closing handshake if it is
        still open. Attributes keep their values; calls raise `ClosedError`."""
        self._free()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        try:
            if kind is None and not self._handle.is_freed:
                if self.readyState == self.OPEN:
                    self.close(1000)
                self.wait_closed()
        finally:
            self._free()


class _Lent(Connection):
    """A connection of a reconnector, which ends it."""

    def __init__(self, handle: LentHandle, pointer: int, owner: BlockingReconnector) -> None:
        Socket.__init__(self, handle, pointer)
        self._owner = owner  # which lives as long

    def free(self) -> None:
        """Ends its reconnector too, unless it is closed."""
        if self._close_event is None:
            self._owner.free()
        self._free()


class BlockingReconnector(ReconnectorBase):
    """A new connection for each try: `for ws in BlockingReconnector(url)` gives
    each one that opens, until no try makes sense any more. Between tries it
    waits for a random time of up to the first of `delays`, in seconds, twice as
    long each time up to the second; `max_tries` in a row, 0 for any number.

    What a connection had accepted and could not send comes back as
    `UnsentEvent`s of `recv_event`, before its error and close event. A
    connection is good until the next one is asked for; leaving it open and
    asking raises `StateError`.
    """

    _current: Optional[_Lent] = None

    def connect(self, timeout: Optional[float] = None) -> Connection:
        """Waits, through all delays and tries that takes, until a connection is
        open. Raises `ConnectError` if none opened and `ClosedError` after the
        last one, with its `close_event`, if no try follows; `TimeoutError`
        after `timeout` seconds, which ends nothing."""
        until = _Until(timeout)
        made = ctypes.c_void_p()
        if self._current is not None and self._current.close_event is not None:
            self._forget()
        result = c.ERR_INTERRUPTED
        while result == c.ERR_INTERRUPTED:
            with self._handle as reconnector:
                left = until.left_ms()
                result = c.LIB.wskt_reconnector_connect(reconnector, left, ctypes.byref(made))
        if result in (c.ERR_CONNECT_FAILED, c.ERR_CLOSED):
            with self._handle as reconnector:
                socket = c.LIB.wskt_reconnector_socket(reconnector)
                raw = c.LIB.wskt_socket_close_event(socket) if socket else None
                raise end_of(result, close_event(raw, None) if raw else None)
        check(result)
        assert made.value is not None
        self._current = _Lent(LentHandle(made.value, self._handle), made.value, self)
        return self._current

    def _forget(self) -> None:
        """What the next call makes invalid: attributes keep what they were."""
        assert self._current is not None
        self._current._free()
        self._current = None

    def __iter__(self) -> Iterator[Connection]:
        while True:
            try:
                socket = self.connect()
            except ConnectError:
                raise
            except ClosedError:
                return
            yield socket

    def free(self) -> None:
        """Lets go, without a closing handshake if a connection is open."""
        if self._current is not None and not self._handle.is_freed:
            self._forget()
        self._handle.free()

    def __enter__(self) -> BlockingReconnector:
        return self

    def __exit__(self, *_: object) -> None:
        self.free()


class _Until:
    """What is left of a timeout."""

    def __init__(self, timeout: Optional[float]) -> None:
        self._end: Optional[float] = None
        if timeout is not None:
            milliseconds("timeout", timeout)
            if timeout < 0:
                raise error(c.ERR_INVALID_ARGUMENT, f"timeout: {timeout} s")
            self._end = time.monotonic() + timeout

    def left(self) -> Optional[float]:
        return None if self._end is None else max(self._end - time.monotonic(), 0.0)

    def left_ms(self) -> int:
        left = self.left()
        return -1 if left is None else min(milliseconds("timeout", left), _LONGEST_MS)


__all__ = ["BlockingReconnector", "ConnectError", "Connection", "TimeoutError", "connect"]
