"""What is measured: the workloads, the clients, and the targets of wskt."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    """One row of work. `count` messages are timed, `counted` and twice as many
    are counted, so that what begins and ends a program drops out."""

    id: str
    title: str
    program: str  # the first argument of a client
    path: str
    size: int
    kind: str
    count: int
    counted: int
    scheme: str = "ws"
    connections: int = 1

    @property
    def repeats(self):
        """How often it is counted: large messages come as the kernel has them."""
        return 3 if self.path == "/flood" and self.size >= 64 * KIB else 1

    @property
    def comes_by_itself(self):
        """How much of it a read finds depends on how fast a client is."""
        return self.path == "/flood"

    def arguments(self, server, count):
        """The arguments of a client after its name."""
        query = ""
        if self.path in ("/flood", "/sink"):
            query = f"?n={count}&size={self.size}&kind={self.kind}"
        elif self.path == "/fan":
            query = f"?n={count}&g={server.new_group()}"
        url = f"{self.scheme}://127.0.0.1:{server.port(self.scheme)}{self.path}{query}"
        return [self.program, url, str(count), str(self.size), self.kind, str(self.connections)]


def flood(id, title, program, size, kind, count, counted, scheme="ws"):
    path = "/flood" if program == "receive" else "/sink"
    return Workload(id, title, program, path, size, kind, count, counted, scheme)


KIB = 1024
MIB = 1024 * KIB

WORKLOADS = [
    Workload("pingpong", "Round trips of 32 B", "pingpong", "/echo", 32, "binary", 5_000, 1_000),
    Workload("pipeline", "Echoes of 32 B, 64 under way", "pipeline", "/echo", 32, "binary", 200_000, 12_800),
    flood("receive-32", "Receive 32 B binary", "receive", 32, "binary", 2_000_000, 40_000),
    flood("receive-32-text", "Receive 32 B text", "receive", 32, "text", 2_000_000, 40_000),
    flood("receive-1k", "Receive 1 KiB", "receive", KIB, "binary", 500_000, 10_000),
    flood("receive-64k", "Receive 64 KiB", "receive", 64 * KIB, "binary", 20_000, 3_200),
    flood("receive-64k-text", "Receive 64 KiB of ASCII text", "receive", 64 * KIB, "text", 20_000, 800),
    flood("receive-64k-utf8", "Receive 64 KiB of non-ASCII text", "receive", 64 * KIB, "utf8", 10_000, 400),
    flood("receive-1m", "Receive 1 MiB", "receive", MIB, "binary", 2_000, 160),
    flood("send-32", "Send 32 B, one by one", "send", 32, "binary", 100_000, 4_000),
    flood("send-32-joined", "Send 32 B, joined", "send-joined", 32, "binary", 500_000, 40_000),
    flood("send-1k", "Send 1 KiB, one by one", "send", KIB, "binary", 100_000, 4_000),
    flood("send-64k", "Send 64 KiB", "send", 64 * KIB, "binary", 20_000, 200),
    flood("send-64k-text", "Send 64 KiB of ASCII text", "send", 64 * KIB, "text", 20_000, 200),
    flood("send-64k-utf8", "Send 64 KiB of non-ASCII text", "send", 64 * KIB, "utf8", 10_000, 100),
    flood("send-1m", "Send 1 MiB", "send", MIB, "binary", 1_000, 20),
    Workload("pingpong-wss", "Round trips of 32 B over wss", "pingpong", "/echo", 32, "binary", 5_000, 4_000, "wss"),
    flood("receive-64k-wss", "Receive 64 KiB over wss", "receive", 64 * KIB, "binary", 5_000, 200, "wss"),
    flood("send-64k-wss", "Send 64 KiB over wss", "send", 64 * KIB, "binary", 5_000, 200, "wss"),
    Workload("fan", "1,000 sockets, one message at a time", "fan", "/fan", 32, "binary", 4_000, 2_000, connections=1000),
    Workload("openclose", "Open and close a connection", "openclose", "/echo", 32, "binary", 3_000, 200),
    Workload("deflate", "Round trips of 1 KiB of JSON, compressed", "deflate", "/deflate", KIB, "text", 5_000, 500),
    Workload("idle", "8,000 idle connections", "idle", "/echo", 32, "binary", 8_000, 0),
    Workload("idle-wss", "1,000 idle wss connections", "idle", "/echo", 32, "binary", 1_000, 0, "wss"),
]

# workload, way: instructions and system calls per message at most. The time
# limits are ratios to the floor.
TARGETS = {
    ("pingpong", "wskt blocking"): (800, 2),
    ("pingpong", "wskt loop"): (900, 3),
    ("pipeline", "wskt loop"): (450, 0.1),
    ("receive-32", "wskt loop"): (150, None),
    ("receive-32-text", "wskt loop"): (300, None),
    ("receive-1k", "wskt loop"): (170, None),
    ("receive-64k", "wskt loop"): (900, 1.2),
    ("receive-1m", "wskt loop"): (3_000, 6),
    ("receive-64k-utf8", "wskt loop"): (57_000, None),
    ("send-32", "wskt blocking"): (450, 1),
    ("send-32", "wskt thread"): (None, 2),
    ("send-32-joined", "wskt loop"): (350, None),
    ("send-64k", "wskt blocking"): (8_000, 1),
    ("send-1m", "wskt blocking"): (110_000, 2.1),
    ("pingpong-wss", "wskt blocking"): (15_200, 3),
    ("pingpong-wss", "wskt loop"): (15_200, 3),
    ("receive-64k-wss", "wskt loop"): (210_000, 4),
    ("send-64k-wss", "wskt blocking"): (222_000, 1.05),
}
TIME_TARGETS = {
    "pingpong": 1.05,
    "pipeline": 1.5,
    "receive-32": 3,
    "receive-1k": 1.1,
    "receive-64k": 1.05,
    "receive-1m": 1.05,
    "send-64k": 1.15,
    "send-1m": 1.35,
    "send-64k-wss": 0.8,
}
# KiB per connection.
IDLE_TARGETS = {"idle": 2, "idle-wss": 28}

# The ways of wskt that a workload is run in.
WAYS = {
    "pingpong": ("blocking", "loop", "pulled", "thread"),
    "pipeline": ("blocking", "loop", "pulled", "thread"),
    "receive": ("blocking", "loop", "pulled", "wide", "wide loop"),
    "send": ("blocking", "thread", "copying"),
    "send-joined": ("blocking", "loop", "pulled"),
    "fan": ("loop", "pulled", "thread"),
    "openclose": ("blocking", "loop"),
    "deflate": ("blocking", "loop"),
    "idle": ("loop",),
}
# Blocking, with text that the caller vouches for: where text is sent.
UNCHECKED = "unchecked"


@dataclass(frozen=True)
class Client:
    name: str
    command: tuple
    environment: tuple = ()
    ways: str = ""
    slow: int = 1  # with large messages: that many times fewer are counted

    def counted(self, workload):
        return max(10, workload.counted // self.slow) if workload.size >= 64 * KIB else workload.counted


# The same ways with another setting.
SETTINGS = {
    "wide": ("blocking", (("WSKT_READ_BUFFER", str(32 * MIB)),)),
    "wide loop": ("loop", (("WSKT_READ_BUFFER", str(32 * MIB)),)),
}


def wskt(program):
    ways = {way: (way, ()) for way in ("blocking", UNCHECKED, "loop", "pulled", "thread")} | SETTINGS
    return [Client(f"wskt {name}", (program,), (("WSKT_WAY", way), *setting), name)
            for name, (way, setting) in ways.items()]


def takes_part(client, workload):
    if client.ways == UNCHECKED:
        return workload.program == "send" and workload.kind != "binary"
    return not client.ways or client.ways in WAYS[workload.program]
