"""Messages in chunks, and reconnectors: blocking and on asyncio."""

import asyncio
import gc
import unittest

import wskt
from support import CONFIG, LIMIT, Test, report, run, script, url

MANY = "frame fin=0 text=Gr%C3%BC;ping x;frame opcode=cont text=%C3%9Fe;binn 400000;text;"
QUICK = {"delays": (0.001, 60), "max_tries": 2}
GOING_AWAY = "text a;close 1001;expect-close;half-close"
FULL = "rcvbuf 65536;stop-reading"


def joined(chunks):
    """Whole messages of chunks that begin and end where they should."""
    messages, inside = [], False
    for chunk in chunks:
        assert chunk.first is not inside, chunk
        messages += [chunk.data] if chunk.first else []
        if not chunk.first:
            messages[-1] += chunk.data
        inside = not chunk.last
    assert not inside
    return messages


class Chunks(Test):
    def check(self, chunks):
        big = bytes(i % 251 for i in range(400000))
        self.assertEqual(joined(chunks), ["Grüße", big, ""])
        self.assertTrue(all(len(c.data) <= 128 << 10 for c in chunks))
        self.assertGreater(len(chunks), 5)
        self.assertEqual({c.type for c in chunks}, {"messagechunk"})

    def test_blocking(self):
        for port in ("ws", "wss"):
            address = script(MANY + "close 1000;expect-close;half-close", port)
            ws = wskt.connect(address, (), CONFIG, timeout=LIMIT, message_chunks=True)
            events = []
            while ws.close_event is None:
                events.append(ws.recv_event(LIMIT))
            self.check([e for e in events if isinstance(e, wskt.MessageChunkEvent)])
            self.assertFalse([e for e in events if isinstance(e, wskt.MessageEvent)])
            self.assertTrue(all(e.target is ws for e in events))
            ws.free()

    def test_asyncio(self):
        async def main():
            chunks = []
            ws = wskt.WebSocket(
                script(MANY + "close 1000;expect-close;half-close"), message_chunks=True
            )
            ws.onmessagechunk = chunks.append
            await ws.closed()
            self.check(chunks)

        run(main())

    def test_types(self):
        with self.assertRaises(TypeError):
            wskt.connect(url("ws"), message_chunks=1)


class Blocking(Test):
    def test_each_connection(self):
        with wskt.BlockingReconnector(script(GOING_AWAY), **QUICK) as reconnector:
            ends = []
            for ws in reconnector:
                self.assertEqual(list(ws), ["a"])
                ends.append((ws.close_event.code, reconnector.is_over, ws))
            self.assertEqual([end[:2] for end in ends], [(1001, False)] * 2 + [(1001, True)])
            # What is over keeps its attributes.
            self.assertEqual([end[2].readyState for end in ends], [3] * 3)
            with self.assertRaises(wskt.ClosedError) as caught:
                reconnector.connect()
            self.assertNotIsInstance(caught.exception, wskt.ConnectError)
            self.assertEqual(caught.exception.close_event.code, 1001)

    def test_the_program_ends_it(self):
        with wskt.BlockingReconnector(url("wss"), (), CONFIG, **QUICK) as reconnector:
            for ws in reconnector:
                ws.send("hello")
                self.assertEqual(ws.recv(LIMIT), "hello")
                with self.assertRaises(wskt.StateError):
                    reconnector.connect()
                ws.close(1000)
                self.assert_end(ws.wait_closed(LIMIT), 1000, "", True, "local")
            self.assertTrue(reconnector.is_over)
        with self.assertRaises(wskt.ClosedError):
            ws.send("too late")
        reconnector.stop()
        with self.assertRaises(wskt.ClosedError):
            reconnector.connect()

    def test_a_connection_keeps_its_reconnector(self):
        ws = wskt.BlockingReconnector(url("ws"), **QUICK).connect(LIMIT)
        gc.collect()
        ws.send("hello")
        self.assertEqual(ws.recv(LIMIT), "hello")
        del ws
        gc.collect()

    def test_a_connection_that_is_freed_ends_it(self):
        reconnector = wskt.BlockingReconnector(url("ws"), **QUICK)
        ws = reconnector.connect(LIMIT)
        ws.free()
        self.assertEqual((ws.readyState, reconnector.is_over), (ws.CLOSED, True))
        with self.assertRaises(wskt.ClosedError):
            reconnector.connect()

    def test_no_connection(self):
        reconnector = wskt.BlockingReconnector(url("refused"), **QUICK)
        with self.assertRaises(wskt.ConnectError) as caught:
            list(reconnector)
        self.assertEqual(caught.exception.close_event.cause, "connect")
        reconnector.free()
        with wskt.BlockingReconnector(url("refused"), delays=(60, 60)) as reconnector:
            with self.assertRaises(wskt.TimeoutError):
                reconnector.connect(0.01)
            reconnector.stop()
            with self.assertRaises(wskt.ClosedError):
                reconnector.connect()

    def test_values(self):
        for delays in ((0, 1), (2, 1), (1, 1e9)):
            with self.assertRaises(wskt.ArgumentError):
                wskt.BlockingReconnector(url("ws"), delays=delays)
        with self.assertRaises(wskt.ArgumentError):
            wskt.BlockingReconnector(url("ws"), max_tries=-1)
        with self.assertRaises(wskt.ArgumentError):
            wskt.BlockingReconnector("ftp://x")
        for wrong in ({"delays": ("1", 2)}, {"max_tries": 1.5}, {"message_chunks": 1}):
            with self.assertRaises(TypeError):
                wskt.BlockingReconnector(url("ws"), **wrong)


class Asyncio(Test):
    def test_each_socket(self):
        async def main():
            attempts, sockets = [], []
            reconnector = wskt.Reconnector(script(GOING_AWAY), onattempt=attempts.append, **QUICK)
            async for ws in reconnector:
                sockets.append(ws)
                self.assertEqual([message async for message in ws], ["a"])
                self.assertEqual((await ws.closed()).code, 1001)
            self.assertEqual([a.number for a in attempts], [1, 2, 3])
            self.assertEqual([a.target for a in attempts], sockets)
            self.assertEqual([a.previous and a.previous.code for a in attempts], [None, 1001, 1001])
            self.assertEqual(attempts[0].delay, 0)
            self.assertTrue(all(0 <= a.delay <= 0.002 for a in attempts))
            self.assertTrue(reconnector.is_over)
            for _ in range(2):
                with self.assertRaises(wskt.ClosedError):
                    await reconnector.connect()

        run(main())

    def test_no_connection(self):
        async def main():
            ends = []

            def listen(event):
                event.target.onclose = ends.append

            with self.assertRaises(wskt.ConnectError) as caught:
                async for _ in wskt.Reconnector(url("refused"), onattempt=listen, **QUICK):
                    self.fail("it opened")
            self.assertEqual([end.cause for end in ends], ["connect"] * 3)
            self.assertEqual(caught.exception.close_event, ends[-1])

        run(main())

    def test_stop_and_free(self):
        async def main():
            reconnector = wskt.Reconnector(url("wss"), (), CONFIG, **QUICK)
            ws = await reconnector.connect()
            reconnector.stop()
            ws.send("still open")
            self.assertEqual(await ws.recv(), "still open")
            ws.close(1000)
            self.assert_end(await ws.closed(), 1000, "", True, "local")
            with self.assertRaises(wskt.ClosedError):
                await reconnector.connect()
            two = wskt.Reconnector(url("ws"))
            ws = await two.connect()
            two.free()
            with self.assertRaises(wskt.ClosedError):
                ws.send("too late")
            with self.assertRaises(asyncio.CancelledError):
                await ws.closed()
            with self.assertRaises(wskt.ClosedError):
                await two.connect()
            three = wskt.Reconnector(url("ws"))
            with self.assertRaises(ZeroDivisionError):
                async with await three.connect():
                    raise ZeroDivisionError
            self.assertTrue(three.is_over)
            with self.assertRaises(wskt.ClosedError):
                await three.connect()

        run(main())

    def test_what_was_not_sent_comes_back(self):
        async def main():
            back, config = [], wskt.Config(water_marks=(1 << 20, 1 << 26))
            address = script(FULL)
            reconnector = wskt.Reconnector(
                address, (), config, onunsent=lambda e: back.append(int(e.data[:3])), **QUICK
            )
            ws = await reconnector.connect()
            for number in range(300):
                ws.send(f"{number:03}" + "x" * 40000)
            await asyncio.sleep(0)
            ws.abort()
            await ws.closed()
            self.assertEqual(back, list(range(back[0], 300)))
            self.assertIn('"frames"', report(address))

        run(main())


if __name__ == "__main__":
    unittest.main()
