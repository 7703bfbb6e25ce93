"""The browser's WebSocket for Python, on libwskt.

`WebSocket` is the browser's object in an asyncio loop, `connect` its blocking
brother. Close events tell exactly how a connection ended.
"""

from ._native import LIB as _LIB
from .aio import Reconnector, WebSocket
from .blocking import BlockingReconnector, Connection, connect
from .config import Config
from .errors import (
    ArgumentError,
    BufferFullError,
    ClosedError,
    ConnectError,
    Error,
    InterruptedError,
    OutOfMemoryError,
    StateError,
    SystemError,
    TimeoutError,
)
from .events import (
    AttemptEvent,
    CloseEvent,
    ErrorEvent,
    Event,
    MessageChunkEvent,
    MessageEvent,
    PingEvent,
    PongEvent,
    Stats,
    UnsentEvent,
)

__version__ = "0.1.0"
library_version: str = _LIB.wskt_version_string().decode()

__all__ = [
    "ArgumentError",
    "AttemptEvent",
    "BlockingReconnector",
    "BufferFullError",
    "CloseEvent",
    "ClosedError",
    "Config",
    "ConnectError",
    "Connection",
    "Error",
    "ErrorEvent",
    "Event",
    "InterruptedError",
    "MessageChunkEvent",
    "MessageEvent",
    "OutOfMemoryError",
    "PingEvent",
    "PongEvent",
    "Reconnector",
    "StateError",
    "Stats",
    "SystemError",
    "TimeoutError",
    "UnsentEvent",
    "WebSocket",
    "connect",
    "library_version",
]
