"""Events as values. What the browser has is called as there; the rest is what
the library knows besides."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, Optional, Union

from . import _native as c
from .errors import check

Data = Union[str, bytes]


@dataclass(frozen=True)
class Event:
    """`target` is the socket it happened to, `timeStamp` milliseconds of the
    system's monotonic clock."""

    type: str
    target: Any = None
    timeStamp: float = 0.0


@dataclass(frozen=True)
class MessageEvent(Event):
    """A whole message: `data` is str for text and bytes for binary."""

    data: Data = ""


@dataclass(frozen=True)
class MessageChunkEvent(Event):
    """A part of a message, as it arrives, with `message_chunks=True`: `data` is
    str for text, cut between characters, and bytes for binary; `first` and
    `last` tell where the message begins and ends."""

    data: Data = ""
    first: bool = True
    last: bool = True


@dataclass(frozen=True)
class UnsentEvent(Event):
    """A message that a reconnector's socket had accepted and will not send: the
    peer cannot have it. Send it on the next socket if it is still wanted."""

    data: Data = ""


@dataclass(frozen=True)
class PingEvent(Event):
    """The peer sent a ping, which is answered already. Comes only with
    `Config(ping_events=True)`; so does a PongEvent."""

    data: bytes = b""


@dataclass(frozen=True)
class PongEvent(Event):
    """The peer sent a pong."""

    data: bytes = b""


@dataclass(frozen=True)
class ErrorEvent(Event):
    """The connection failed; the close event follows at once.

    `cause` is a word such as "dns", "tls" or "timeout", `message` one line for
    a person, `os_error` an errno or 0, `http_status` the refusal or 0."""

    cause: str = "unknown"
    message: str = ""
    os_error: int = 0
    http_status: int = 0


@dataclass(frozen=True)
class CloseEvent(Event):
    """The connection is closed. `wasClean`, `code` and `reason` are the
    browser's; `peer_code` is the code the peer really sent, or 0; `cause` and
    `message` are as in an error event."""

    type: str = "close"
    wasClean: bool = False
    code: int = 0
    reason: str = ""
    peer_code: int = 0
    cause: str = "unknown"
    message: str = ""


@dataclass(frozen=True)
class AttemptEvent(Event):
    """A reconnector has made this socket, which is its `number`th and connects
    after `delay` seconds. `previous` is the close event of the one before."""

    type: str = "attempt"
    number: int = 1
    delay: float = 0.0
    previous: Optional[CloseEvent] = None


def _cause(number: int) -> str:
    name: bytes = c.LIB.wskt_cause_name(number)
    return name.decode()


def close_event(pointer: Any, target: Any) -> CloseEvent:
    """A copy of a wskt_close_event."""
    raw = pointer.contents
    return CloseEvent(
        target=target,
        timeStamp=raw.head.timestamp,
        wasClean=raw.was_clean,
        code=raw.code,
        reason=c.text_at(raw.reason, raw.reason_len),
        peer_code=raw.peer_code,
        cause=_cause(raw.cause),
        message=c.text_at(raw.message, raw.message_len),
    )


def _payload(message: Any) -> Data:
    data: bytes = ctypes.string_at(message.data, message.len)
    return data.decode() if message.kind == c.MESSAGE_TEXT else data


def copy(pointer: Any, target: Any) -> Event:
    """A copy of the event that a pull has lent."""
    head = pointer.contents
    if head.type in (c.EVENT_MESSAGE, c.EVENT_UNSENT):
        message = ctypes.cast(pointer, ctypes.POINTER(c.MessageEvent)).contents
        if head.type == c.EVENT_MESSAGE:
            return MessageEvent("message", target, head.timestamp, _payload(message))
        return UnsentEvent("unsent", target, head.timestamp, _payload(message))
    if head.type == c.EVENT_MESSAGE_CHUNK:
        chunk = ctypes.cast(pointer, ctypes.POINTER(c.MessageChunkEvent)).contents
        return MessageChunkEvent(
            "messagechunk", target, head.timestamp, _payload(chunk), chunk.first, chunk.last
        )
    if head.type == c.EVENT_ATTEMPT:
        attempt = ctypes.cast(pointer, ctypes.POINTER(c.AttemptEvent)).contents
        # Its target was another socket, whose object has it.
        previous = close_event(attempt.previous, None) if attempt.previous else None
        return AttemptEvent(
            "attempt", target, head.timestamp, attempt.number, attempt.delay_ms / 1000, previous
        )
    if head.type == c.EVENT_CLOSE:
        return close_event(ctypes.cast(pointer, ctypes.POINTER(c.CloseEvent)), target)
    if head.type == c.EVENT_ERROR:
        error = ctypes.cast(pointer, ctypes.POINTER(c.ErrorEvent)).contents
        text = c.text_at(error.message, error.message_len)
        return ErrorEvent(
            "error", target, head.timestamp, _cause(error.cause), text,
            error.os_error, error.http_status,
        )
    if head.type in (c.EVENT_PING, c.EVENT_PONG):
        ping = ctypes.cast(pointer, ctypes.POINTER(c.PingEvent)).contents
        payload = ctypes.string_at(ping.data, ping.len)
        if head.type == c.EVENT_PING:
            return PingEvent("ping", target, head.timestamp, payload)
        return PongEvent("pong", target, head.timestamp, payload)
    return Event(head.type_name.decode(), target, head.timestamp)


@dataclass(frozen=True)
class Stats:
    """What a socket has sent and received since it is open, and how long, in
    seconds, the phases of opening took and the last ping that was answered; 0.0 is
    what did not take place.

    `payload_…` is messages as the program has them, `wire_payload_…` the same
    compressed; `bytes_…` is frames with their headers."""

    bytes_sent: int
    bytes_received: int
    frames_sent: int
    frames_received: int
    messages_sent: int
    messages_received: int
    payload_sent: int
    payload_received: int
    wire_payload_sent: int
    wire_payload_received: int
    dns_time: float
    connect_time: float
    tls_time: float
    upgrade_time: float
    proxy_time: float
    round_trip_time: float


def stats(socket: int) -> Stats:
    """A socket's counters."""
    raw = c.Stats(struct_size=ctypes.sizeof(c.Stats))
    check(c.LIB.wskt_socket_stats(socket, ctypes.byref(raw)))
    names = [name for name, *_ in c.Stats._fields_[1:]]
    return Stats(
        *(getattr(raw, n) / 1e6 if n.endswith("_us") else getattr(raw, n) for n in names)
    )
