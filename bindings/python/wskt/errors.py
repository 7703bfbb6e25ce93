"""A result of the library as an exception: one of Error's classes, each of
which is also the exception that Python itself raises in such a case."""

from __future__ import annotations

import builtins

from ._native import LIB


class Error(Exception):
    """A call that wskt refused.

    `result` is the number of the wskt_result, `name` its name, and the text
    is wskt_result_text, with what the library knows besides behind a colon.
    """

    def __init__(self, result: int, detail: str = "") -> None:
        self.result = result
        self.name: str = LIB.wskt_result_name(result).decode()
        self.text: str = LIB.wskt_result_text(result).decode()
        self.detail = detail
        super().__init__(f"{self.text}: {detail}" if detail else self.text)


class ArgumentError(Error, ValueError):
    """A value was refused: URL, subprotocol, header, option, close code, …"""


class StateError(Error, RuntimeError):
    """The call is not legal now, on this thread, or in this process."""


class ClosedError(Error, ConnectionError):
    """The connection is closing or closed."""


class ConnectError(ClosedError):
    """The connection did not come about; the close event tells why."""


class TimeoutError(Error, builtins.TimeoutError):  # noqa: A001
    """Nothing came within the time given."""


class BufferFullError(Error, BlockingIOError):
    """The send queue is full; the drain event tells when to go on."""


class InterruptedError(Error, builtins.InterruptedError):  # noqa: A001
    """A signal ended the wait."""


class SystemError(Error, OSError):  # noqa: A001
    """The operating system refused."""


class OutOfMemoryError(Error, MemoryError):
    """Memory ran out."""


_KINDS: dict[str, type[Error]] = {
    "WSKT_ERR_INVALID_STATE": StateError,
    "WSKT_ERR_REENTRANT": StateError,
    "WSKT_ERR_WRONG_THREAD": StateError,
    "WSKT_ERR_LOOP_GONE": StateError,
    "WSKT_ERR_FORKED": StateError,
    "WSKT_ERR_PANIC": StateError,
    "WSKT_ERR_IN_USE": StateError,
    "WSKT_ERR_CLOSED": ClosedError,
    "WSKT_ERR_CONNECT_FAILED": ConnectError,
    "WSKT_ERR_TIMEOUT": TimeoutError,
    "WSKT_ERR_BUFFER_FULL": BufferFullError,
    "WSKT_ERR_INTERRUPTED": InterruptedError,
    "WSKT_ERR_IO": SystemError,
    "WSKT_ERR_NO_MEMORY": OutOfMemoryError,
    "unknown": Error,
}


def error(result: int, detail: str = "") -> Error:
    """The exception of a result."""
    name = LIB.wskt_result_name(result).decode()
    return _KINDS.get(name, ArgumentError)(result, detail)


def check(result: int, detail: str = "") -> None:
    """Raises unless the result is WSKT_OK."""
    if result != 0:
        raise error(result, detail)
