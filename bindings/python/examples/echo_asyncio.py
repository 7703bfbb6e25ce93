"""The same on asyncio, as in a browser's script."""

import asyncio
import sys

import wskt


async def main(url: str) -> None:
    ws = wskt.WebSocket(url)
    ws.onopen = lambda _: ws.send("hello")

    def on_message(event: wskt.MessageEvent) -> None:
        print(event.data)
        ws.close(1000, "thanks")

    ws.onmessage = on_message
    end = await ws.closed()
    print(f'closed: {end.code} "{end.reason}" ({end.cause})')


asyncio.run(main(sys.argv[1]))
