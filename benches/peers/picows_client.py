"""picows, the fastest WebSocket client that Python has. Arguments as in
../clients/bench.h."""

import asyncio
import os
import resource
import ssl
import sys
import time

from picows import WSListener, WSMsgType, ws_connect

WINDOW = 64
UNSUPPORTED = 3

workload, url, count, size, kind = sys.argv[1:6]
count, size = int(count), int(size)
if workload not in ("pingpong", "pipeline", "receive", "send"):
    sys.exit(UNSUPPORTED)
TYPE = WSMsgType.BINARY if kind == "binary" else WSMsgType.TEXT
if kind == "utf8":
    payload = ("ä€жz".encode() * (size // 8 + 1))[:size]
elif kind == "text":
    payload = bytes(ord("a") + at % 26 for at in range(size))
else:
    payload = bytes((at * 7 + 13) % 256 for at in range(size))
FIRST, LAST = payload[0], payload[-1]


def cpu():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime


class Listener(WSListener):
    def on_ws_connected(self, transport):
        self.transport = transport
        self.sent = self.done = 0
        self.cpu, self.began = cpu(), time.perf_counter()
        if workload == "receive":
            transport.send(WSMsgType.BINARY, b"go")
            return
        for _ in range({"pipeline": WINDOW, "send": count}.get(workload, 1)):
            self.send()

    def send(self):
        self.transport.send(TYPE, payload)
        self.sent += 1

    def on_ws_frame(self, transport, frame):
        if frame.msg_type not in (WSMsgType.BINARY, WSMsgType.TEXT):
            return
        data = frame.get_payload_as_memoryview()
        if workload == "send":
            assert bytes(data) == b"%d %d 0" % (count, count * size), bytes(data)
            self.end()
            return
        assert len(data) == size and data[0] == FIRST and data[-1] == LAST
        # A program that takes text has to make it a str: that checks it, too.
        if TYPE == WSMsgType.TEXT:
            frame.get_payload_as_utf8_text()
        self.done += 1
        if self.done == count:
            self.end()
        elif workload != "receive" and self.sent < count:
            self.send()

    def end(self):
        seconds = time.perf_counter() - self.began
        print(f'{{"seconds":{seconds:.9f},"cpu":{cpu() - self.cpu:.6f},"rss_kib":0}}')
        self.transport.disconnect()


async def main():
    context = None
    if url.startswith("wss:"):
        context = ssl.create_default_context(cafile=os.environ["BENCH_CA"])
    transport, _ = await ws_connect(Listener, url, ssl_context=context, max_frame_size=64 << 20,
                                    enable_auto_ping=False)
    await transport.wait_disconnected()


asyncio.run(main())
