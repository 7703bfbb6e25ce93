"""What a reconnector is whoever drives its sockets."""

from __future__ import annotations

import ctypes
from typing import Optional

from . import _native as c
from ._socket import Handle, Protocols, make
from .config import Config, milliseconds
from .errors import Error, check, error
from .events import CloseEvent


class ReconnectorHandle(Handle):
    """A pointer to a wskt_reconnector."""

    def _wake(self, pointer: int) -> None:
        c.LIB.wskt_reconnector_stop(pointer)

    def _give_back(self, pointer: int) -> None:
        c.LIB.wskt_reconnector_free(pointer)


class LentHandle(Handle):
    """A socket of a reconnector, which lives as long as every call on it."""

    def __init__(self, pointer: int, owner: ReconnectorHandle) -> None:
        super().__init__(pointer)
        self._owner = owner

    def __enter__(self) -> int:
        self._owner.__enter__()
        try:
            return super().__enter__()
        except BaseException:
            self._owner.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._owner.__exit__()

    @property
    def is_freed(self) -> bool:
        return self._ending or self._owner.is_freed

    def _give_back(self, pointer: int) -> None:
        if not self._owner.is_freed:
            with self._owner:
                c.LIB.wskt_socket_abort(pointer)


class ReconnectorBase:
    """The common part of `Reconnector` and `BlockingReconnector`."""

    # The loop its sockets are on, and their user data.
    _loop: Optional[int] = None
    _key = 0

    def __init__(
        self,
        url: str,
        protocols: Protocols = (),
        config: Optional[Config] = None,
        *,
        delays: tuple[float, float] = (1.0, 60.0),
        max_tries: int = 10,
        message_chunks: bool = False,
    ) -> None:
        first, longest = (milliseconds("a delay", delay) for delay in delays)
        if isinstance(max_tries, bool) or not isinstance(max_tries, int):
            raise TypeError(f"max_tries must be int, not {type(max_tries).__name__}")
        if not 0 <= max_tries < 2**32:
            raise error(c.ERR_INVALID_ARGUMENT, f"max_tries: {max_tries}")
        pattern = make(self._loop, url, protocols, config, message_chunks)
        made = ctypes.c_void_p()
        try:
            check(c.LIB.wskt_socket_set_user_data(pattern, self._key, None))
            check(c.LIB.wskt_reconnector_new(pattern, ctypes.byref(made)))
        except BaseException:
            c.LIB.wskt_socket_free(pattern)
            raise
        assert made.value is not None
        self._handle = ReconnectorHandle(made.value)
        try:
            check(c.LIB.wskt_reconnector_set_delays(made, first, longest))
            check(c.LIB.wskt_reconnector_set_max_tries(made, max_tries))
        except BaseException:
            self._handle.free()
            raise

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle is not None:
            handle.free()

    @property
    def is_over(self) -> bool:
        """Whether no try will follow: in a close handler, whether this socket
        was the last."""
        if self._handle.is_freed:
            return True
        with self._handle as reconnector:
            return bool(c.LIB.wskt_reconnector_is_over(reconnector))

    def stop(self) -> None:
        """Ends trying; a socket that is open stays as it is."""
        if not self._handle.is_freed:
            with self._handle as reconnector:
                check(c.LIB.wskt_reconnector_stop(reconnector))


def end_of(result: int, event: Optional[CloseEvent]) -> Error:
    """The exception when there will be no further try."""
    failure = error(result, event.message if event else "")
    failure.close_event = event  # type: ignore[attr-defined]
    return failure
