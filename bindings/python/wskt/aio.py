"""WebSocket on asyncio: the library's loop is one descriptor in asyncio's, and
events are pulled from it. No thread, no callback from C."""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import weakref
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Callable, Optional

from . import _native as c
from ._reconnector import LentHandle, ReconnectorBase, end_of
from ._socket import Handle, Protocols, Socket, make
from .config import Config
from .errors import ClosedError, ConnectError, Error, check, error
from .events import CloseEvent, Data, Event, MessageEvent, copy

Handler = Callable[[Any], object]

# Events pulled before asyncio's other work gets its turn.
_BATCH = 64
# Messages that wait for recv; then the peer has to wait.
_QUEUE = 32


class _Hub:
    """One wskt_loop in one asyncio loop, for as long as a socket lives."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        handle = ctypes.c_void_p()
        check(c.LIB.wskt_loop_new(ctypes.byref(handle)))
        self.loop = loop
        self.handle: Optional[int] = handle.value
        self.sockets: dict[int, WebSocket] = {}
        self.reconnectors: dict[int, Reconnector] = {}
        loop.add_reader(c.LIB.wskt_loop_fd(self.handle), self._pull)

    def _pull(self) -> None:
        pointer = c.EventPointer()
        for _ in range(_BATCH):
            result = c.LIB.wskt_loop_next_event(self.handle, 0, ctypes.byref(pointer))
            if result in (c.ERR_TIMEOUT, c.ERR_INTERRUPTED):
                return
            check(result)
            target = pointer.contents.target
            socket = self.sockets.get(target)
            if socket is None and pointer.contents.type == c.EVENT_ATTEMPT:
                reconnector = self.reconnectors.get(c.LIB.wskt_socket_user_data(target))
                if reconnector is not None:
                    socket = self.sockets[target] = reconnector._adopt(target)
            if socket is not None:
                socket._take(copy(pointer, socket))
            if self.handle is None:
                return

    def forget(self, pointer: int) -> None:
        """Ends with its last socket."""
        self.sockets.pop(pointer, None)
        if not self.sockets and not self.reconnectors and self.handle is not None:
            if not self.loop.is_closed():
                self.loop.remove_reader(c.LIB.wskt_loop_fd(self.handle))
            _hubs.pop(id(self.loop), None)
            self._free()

    def _free(self) -> None:
        handle, self.handle = self.handle, None
        if handle is not None:
            c.LIB.wskt_loop_free(handle)

    def __del__(self) -> None:
        if getattr(self, "handle", None) is not None:
            self._free()


# What names a reconnector in its sockets' user data.
_keys = itertools.count(1)
# By the id of asyncio's loop, which lives as long as its hub.
_hubs: weakref.WeakValueDictionary[int, _Hub] = weakref.WeakValueDictionary()


def _hub() -> _Hub:
    """That of the running loop."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(id(loop))
    if hub is None:
        hub = _hubs[id(loop)] = _Hub(loop)
    return hub


class WebSocket(Socket):
    """The browser's WebSocket, in a running asyncio loop.

    Made, it is connecting; its events come from the loop later. Take them by
    handlers (`onopen`, `onmessage`, `onerror`, `onclose`, `ondrain`,
    `onping`, `onpong`, `onmessagechunk`, or `addEventListener`) or by waiting: `await opened()`, `await recv()`,
    `async for`, `await closed()`. Messages go to handlers if there is one,
    else they wait for `recv`, a few of them; beyond, the peer has to wait.

    With `message_chunks`, messages come in parts as they arrive, as
    `MessageChunkEvent`s for `onmessagechunk`; `recv` has none then.
    """

    def __init__(
        self,
        url: str,
        protocols: Protocols = (),
        config: Optional[Config] = None,
        *,
        message_chunks: bool = False,
    ) -> None:
        hub = _hub()
        try:
            pointer = make(hub.handle, url, protocols, config, message_chunks)
            self._begin(hub, Handle(pointer), pointer)
            hub.sockets[pointer] = self
            with self._handle as socket:
                check(c.LIB.wskt_socket_open(socket))
        except BaseException:
            handle = getattr(self, "_handle", None)
            if handle is not None:
                handle.free()
            hub.forget(getattr(self, "_pointer", 0))
            raise

    def _begin(self, hub: _Hub, handle: Handle, pointer: int) -> None:
        super().__init__(handle, pointer)
        self._hub = hub
        self._listeners: dict[str, list[tuple[Handler, bool]]] = {}
        self._messages: deque[Data] = deque()
        self._paused = False
        self._opened: asyncio.Future[None] = hub.loop.create_future()
        self._closed: asyncio.Future[CloseEvent] = hub.loop.create_future()
        self._arrived = asyncio.Event()
        self.onopen: Optional[Handler] = None
        self.onmessage: Optional[Handler] = None
        self.onmessagechunk: Optional[Handler] = None
        self.onerror: Optional[Handler] = None
        self.onclose: Optional[Handler] = None
        self.ondrain: Optional[Handler] = None
        self.onping: Optional[Handler] = None
        self.onpong: Optional[Handler] = None
        self.onattempt: Optional[Handler] = None
        self.onunsent: Optional[Handler] = None

    def addEventListener(  # noqa: N802
        self, type: str, listener: Handler, *, once: bool = False  # noqa: A002
    ) -> None:
        """Calls `listener` with every event of a type; twice is as once."""
        if not callable(listener):
            raise TypeError(f"listener must be callable, not {listener!r}")
        have = self._listeners.setdefault(type, [])
        if all(other != listener for other, _ in have):
            have.append((listener, once))

    def removeEventListener(self, type: str, listener: Handler) -> None:  # noqa: A002, N802
        """Undoes addEventListener."""
        have = self._listeners.get(type, [])
        self._listeners[type] = [pair for pair in have if pair[0] != listener]

    def dispatchEvent(self, event: Event) -> None:  # noqa: N802
        """Calls the handlers of an event of the program's own, such as a
        CloseEvent in a test. No state changes."""
        if not isinstance(event, Event):
            raise TypeError(f"event must be a wskt.Event, not {type(event).__name__}")
        self._call_handlers(event)

    async def opened(self) -> None:
        """Waits until the connection is open, or raises `ConnectError`."""
        await asyncio.shield(self._opened)

    async def closed(self) -> CloseEvent:
        """Waits for the close event."""
        return await asyncio.shield(self._closed)

    async def recv(self) -> Data:
        """The next message. At the end it raises `ClosedError`."""
        while not self._messages:
            if self._closed.done():
                end = self._close_event
                raise error(c.ERR_CLOSED, end.message if end else "it was freed")
            self._arrived.clear()
            await self._arrived.wait()
        message = self._messages.popleft()
        if self._paused and not self._messages:
            self._pause(False)
        return message

    async def __aiter__(self) -> AsyncIterator[Data]:
        while True:
            try:
                message = await self.recv()
            except ClosedError:
                return
            yield message

    async def __aenter__(self) -> WebSocket:
        await self.opened()
        return self

    async def __aexit__(self, kind: Any, *_: object) -> None:
        if kind is not None:
            self.free()
            return
        if self.readyState == self.OPEN:
            self.close(1000)
        # Nobody reads any more: what still comes must not stop the end.
        self._pause(False)
        await self.closed()

    def free(self) -> None:
        """Lets go at once, without a closing handshake and without events;
        who waits for it is cancelled. After the close event it does nothing."""
        self._free()
        self._hub.forget(self._pointer)
        for future in (self._opened, self._closed):
            if not future.done():
                future.cancel()
        self._arrived.set()

    def _take(self, event: Event) -> None:
        if isinstance(event, MessageEvent) and self._queues():
            self._messages.append(event.data)
            if len(self._messages) >= _QUEUE:
                self._pause(True)
        elif isinstance(event, CloseEvent):
            self._end(event)
        else:
            if event.type == "open" and not self._opened.done():
                self._opened.set_result(None)
            self._call_handlers(event)
        self._arrived.set()

    def _queues(self) -> bool:
        return self.onmessage is None and not self._listeners.get("message")

    def _end(self, event: CloseEvent) -> None:
        self._close_event = event
        if not self._opened.done():
            failure = error(c.ERR_CONNECT_FAILED, event.message)
            failure.close_event = event  # type: ignore[attr-defined]
            self._opened.set_exception(failure)
            self._opened.exception()  # fetched: nobody has to wait for it
        self._free()
        self._hub.forget(self._pointer)
        self._closed.set_result(event)
        self._call_handlers(event)

    def _call_handlers(self, event: Event) -> None:
        handlers = [(getattr(self, f"on{event.type}", None), False)]
        for handler, once in handlers + list(self._listeners.get(event.type, [])):
            if handler is None:
                continue
            if once:
                self.removeEventListener(event.type, handler)
            try:
                handler(event)
            except Exception as failure:
                self._hub.loop.call_exception_handler(
                    {"message": f"wskt: a handler of {event.type!r} failed", "exception": failure}
                )

    def _pause(self, on: bool) -> None:
        self._paused = on
        if not self._handle.is_freed and self.readyState == self.OPEN:
            with self._handle as socket:
                (c.LIB.wskt_socket_pause if on else c.LIB.wskt_socket_resume)(socket)


class _Lent(WebSocket):
    """A socket of a reconnector."""

    def __init__(self, owner: Reconnector, pointer: int) -> None:
        self._owner = owner
        self._begin(owner._hub, LentHandle(pointer, owner._handle), pointer)
        self.onattempt, self.onunsent = owner.onattempt, owner.onunsent

    def free(self) -> None:
        """Ends its reconnector too, unless it is closed."""
        if self._close_event is None:
            self._owner.free()

    def _call_handlers(self, event: Event) -> None:
        if event.type == "open":
            self._owner._ready.put_nowait(self)
        super()._call_handlers(event)
        if isinstance(event, CloseEvent):
            self._owner._ended(self, event)


class Reconnector(ReconnectorBase):
    """A new `WebSocket` for each try, in a running asyncio loop: `async for ws
    in Reconnector(url)` gives each one that opens, until no try makes sense any
    more. Between tries it waits for a random time of up to the first of
    `delays`, in seconds, twice as long each time up to the second; `max_tries`
    in a row, 0 for any number.

    `onattempt` hears of each socket before it connects (`event.target`), and
    may give it handlers. `onunsent` gets the messages that a socket had
    accepted and could not send, before its error and close event.
    """

    def __init__(
        self,
        url: str,
        protocols: Protocols = (),
        config: Optional[Config] = None,
        *,
        delays: tuple[float, float] = (1.0, 60.0),
        max_tries: int = 10,
        message_chunks: bool = False,
        onattempt: Optional[Handler] = None,
        onunsent: Optional[Handler] = None,
    ) -> None:
        self._hub, self._key = _hub(), next(_keys)
        self._loop = self._hub.handle
        self.onattempt, self.onunsent = onattempt, onunsent
        self._ready: asyncio.Queue[Optional[WebSocket]] = asyncio.Queue()
        self._end: Optional[Error] = None
        try:
            super().__init__(
                url,
                protocols,
                config,
                delays=delays,
                max_tries=max_tries,
                message_chunks=message_chunks,
            )
            self._hub.reconnectors[self._key] = self
            with self._handle as reconnector:
                check(c.LIB.wskt_reconnector_start(reconnector))
        except BaseException:
            self.free()
            raise

    async def connect(self) -> WebSocket:
        """The next socket that opens. Raises `ConnectError` if none opened and
        `ClosedError` after the last one, with its `close_event`, if no try
        follows."""
        if self._end is None or not self._ready.empty():
            socket = await self._ready.get()
            if socket is not None:
                return socket
        self._ready.put_nowait(None)  # for whoever else waits
        raise self._end or error(c.ERR_CLOSED, "it was freed")

    async def __aiter__(self) -> AsyncIterator[WebSocket]:
        while True:
            try:
                socket = await self.connect()
            except ConnectError:
                raise
            except ClosedError:
                return
            yield socket

    def free(self) -> None:
        """Lets go at once, without a closing handshake and without events."""
        self._hub.reconnectors.pop(self._key, None)
        for socket in list(self._hub.sockets.values()):
            if isinstance(socket, _Lent) and socket._owner is self:
                WebSocket.free(socket)
        handle = getattr(self, "_handle", None)
        if handle is not None:
            handle.free()
        self._hub.forget(0)
        self._ready.put_nowait(None)

    def _adopt(self, pointer: int) -> WebSocket:
        return _Lent(self, pointer)

    def _ended(self, socket: WebSocket, event: CloseEvent) -> None:
        """A socket is closed, its handlers were called."""
        if self._end is None and self.is_over:
            opened = socket._opened.exception() is None
            self._end = end_of(c.ERR_CLOSED if opened else c.ERR_CONNECT_FAILED, event)
            self.free()
