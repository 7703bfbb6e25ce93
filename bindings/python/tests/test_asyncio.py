"""wskt.WebSocket: the browser's object on asyncio."""

import asyncio
import gc
import threading
import unittest

import wskt
from support import CONFIG, LIMIT, MESSAGES, Test, run, script, signal, url


def log_of(ws):
    """A list that fills with what handlers hear."""
    log = []
    for kind in ("open", "message", "error", "close"):
        ws.addEventListener(kind, lambda event: log.append(event))
    return log


class Echo(Test):
    def test_handlers(self):
        async def main(port):
            ws = wskt.WebSocket(url(port), config=CONFIG)
            log, todo, threads = log_of(ws), list(MESSAGES), set()
            with self.assertRaises(wskt.StateError):
                ws.send("too early")
            self.assertEqual((ws.readyState, ws.url), (ws.CONNECTING, url(port)))

            def step(event):
                threads.add(threading.get_ident())
                if event.type == "message":
                    self.assertEqual(event.data, todo.pop(0))
                if todo:
                    ws.send(todo[0])
                else:
                    ws.close(3999, "tschüß")

            ws.onopen = ws.onmessage = step
            end = await ws.closed()
            self.assert_end(end, 3999, "tschüß", True, "local")
            self.assertEqual(
                [e.type for e in log], ["open"] + ["message"] * len(MESSAGES) + ["close"]
            )
            self.assertIs(log[-1], end)
            self.assertTrue(all(event.target is ws for event in log))
            self.assertEqual(threads, {threading.get_ident()})
            self.assertEqual((ws.readyState, ws.close_event), (ws.CLOSED, end))
            ws.close()

        run(main("ws"))
        run(main("wss"))

    def test_waiting(self):
        async def main():
            async with wskt.WebSocket(url("ws"), config=CONFIG) as ws:
                for message in MESSAGES:
                    ws.send(message)
                self.assertEqual([await ws.recv() for _ in MESSAGES], MESSAGES)
                ws.send("last")
                async for message in ws:
                    self.assertEqual(message, "last")
                    ws.close(1000)
            self.assert_end(ws.close_event, 1000, "", True, "local")
            with self.assertRaises(wskt.ClosedError):
                await ws.recv()
            with self.assertRaises(wskt.ClosedError):
                ws.send("too late")

        run(main())

    def test_many_at_once(self):
        async def one(port, number):
            async with wskt.WebSocket(url(port), config=CONFIG) as ws:
                ws.send(f"{number}")
                return await ws.recv()

        async def main():
            ports = ["ws", "wss"] * 10
            return await asyncio.gather(*(one(p, n) for n, p in enumerate(ports)))

        self.assertEqual(run(main()), [str(n) for n in range(20)])

    def test_who_does_not_read_makes_the_peer_wait(self):
        async def main():
            async with wskt.WebSocket(url("ws", "/flood?n=2000&size=1000&kind=text")) as ws:
                while not ws._paused:
                    await asyncio.sleep(0)
                self.assertLess(len(ws._messages), 100)
                return [len(message) async for message in ws]

        self.assertEqual(run(main()), [1000] * 2000)


class Endings(Test):
    def events_of(self, address, config=CONFIG):
        async def main():
            ws = wskt.WebSocket(address, config=config)
            log = log_of(ws)
            await ws.closed()
            with self.assertRaises(wskt.ClosedError):
                ws.send("")
            return log

        return run(main())

    def test_the_peer_closes(self):
        log = self.events_of(script("text a;close 4001 auf Wiedersehen;half-close"))
        self.assertEqual([e.type for e in log], ["open", "message", "close"])
        self.assert_end(log[-1], 4001, "auf Wiedersehen", True, "peer")
        self.assert_end(self.events_of(script("close;half-close"))[-1], 1005, "", True, "peer")

    def test_it_ends_badly(self):
        for address, code, cause in (
            (script("accept;rst"), 1006, "lost"),
            (url("refused"), 1006, "connect"),
            (url("wss_untrusted"), 1015, "tls"),
            (script("http 403 Forbidden"), 1006, "http"),
        ):
            log = [e for e in self.events_of(address) if e.type != "open"]
            self.assertEqual([e.type for e in log], ["error", "close"], address)
            self.assertEqual(log[0].cause, cause)
            self.assert_end(log[1], code, "", False, cause)

    def test_what_a_refusal_said(self):
        async def main():
            ws = wskt.WebSocket(script("http 403 Forbidden body=nobody header=X-Why:so"))
            with self.assertRaises(wskt.ConnectError) as caught:
                await ws.opened()
            self.assertEqual(caught.exception.close_event.cause, "http")
            self.assertEqual((ws.response_status, ws.response_body), (403, b"nobody"))
            self.assertIn(("X-Why", "so"), ws.response_headers)

        run(main())

    def test_a_timeout_passes(self):
        quick = wskt.Config(open_timeout=0.05)
        self.assert_end(self.events_of(url("blackhole"), quick)[-1], 1006, "", False, "timeout")
        del quick

    def test_abort_and_free(self):
        async def main():
            async with wskt.WebSocket(url("ws")) as ws:
                ws.abort()
                self.assert_end(await ws.closed(), 1006, "", False, "abort")
            ws = wskt.WebSocket(url("ws"))
            await ws.opened()
            waiting = asyncio.ensure_future(ws.closed())
            await asyncio.sleep(0)
            ws.free()
            with self.assertRaises(asyncio.CancelledError):
                await waiting
            with self.assertRaises(wskt.ClosedError):
                ws.send("dead")
            with self.assertRaises(wskt.ClosedError):
                await ws.recv()
            self.assertEqual(ws.readyState, ws.CLOSED)

        run(main())

    def test_the_loop_ends_first(self):
        async def main():
            await wskt.WebSocket(url("ws")).opened()

        run(main())
        gc.collect()


class Interface(Test):
    def test_bad_input(self):
        with self.assertRaises(RuntimeError):
            wskt.WebSocket(url("ws"))  # no loop runs

        async def main():
            for arguments, kind in (
                ((5,), TypeError),
                ((url("ws"), 5), TypeError),
                ((url("ws"), (), {}), TypeError),
                (("nonsense",), ValueError),
                ((url("ws"), ["a", "a"]), ValueError),
            ):
                self.assertRaises(kind, wskt.WebSocket, *arguments)
            ws = wskt.WebSocket(url("ws"))
            self.assertRaises(TypeError, ws.addEventListener, "open", "no function")
            self.assertRaises(TypeError, ws.dispatchEvent, "close")
            ws.close()
            self.assert_end(await ws.closed(), 1006, "", False, "local")

        run(main())

    def test_listeners(self):
        async def main():
            log = []
            async with wskt.WebSocket(url("ws")) as ws:
                ws.addEventListener("close", log.append)
                ws.addEventListener("close", log.append)
                ws.addEventListener("close", lambda _: log.append("once"), once=True)
                gone = lambda _: log.append("gone")  # noqa: E731
                ws.addEventListener("close", gone)
                ws.removeEventListener("close", gone)
                own = wskt.CloseEvent(wasClean=True, code=4000, reason="mine")
                ws.dispatchEvent(own)
                self.assertEqual(log, [own, "once"])
                self.assertEqual(ws.readyState, ws.OPEN)
                log.clear()
            self.assertEqual(log, [ws.close_event])

        run(main())

    def test_a_handler_that_raises(self):
        async def main():
            told = []
            asyncio.get_running_loop().set_exception_handler(lambda _, c: told.append(c))
            ws = wskt.WebSocket(script("text a;wait go-on;close;half-close"))
            ws.onopen = lambda _: 1 / 0
            ws.onmessage = lambda _: signal("go-on")
            await ws.closed()
            self.assertIsInstance(told[0]["exception"], ZeroDivisionError)

        run(main())


if __name__ == "__main__":
    unittest.main()
