"""Echo servers of PyPI's websockets and aiohttp, each way of compressing on a
port of its own. Prints `NAME PORT` lines, then `ready`; ends with standard
input."""
import asyncio
import sys

import aiohttp.web
from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory


def tell(name, port):
    print(name, port, flush=True)


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def websockets(name, **parameters):
    extensions = [ServerPerMessageDeflateFactory(**parameters)]
    server = await serve(echo, "127.0.0.1", 0, compression=None, extensions=extensions,
                         max_size=None)
    tell(name, server.sockets[0].getsockname()[1])


async def websockets_off(name):
    server = await serve(echo, "127.0.0.1", 0, compression=None, max_size=None)
    tell(name, server.sockets[0].getsockname()[1])


async def aio(name, compress):
    async def handle(request):
        socket = aiohttp.web.WebSocketResponse(compress=compress, max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:
            if message.type == aiohttp.WSMsgType.TEXT:
                await socket.send_str(message.data)
            elif message.type == aiohttp.WSMsgType.BINARY:
                await socket.send_bytes(message.data)
        return socket

    application = aiohttp.web.Application()
    application.router.add_get("/", handle)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    tell(name, runner.addresses[0][1])


async def main():
    await websockets_off("websockets-off")
    await websockets("websockets", server_max_window_bits=None)
    await websockets("websockets-fresh", server_no_context_takeover=True,
                     client_no_context_takeover=True)
    await websockets("websockets-small", server_max_window_bits=9, client_max_window_bits=10)
    await aio("aiohttp-off", False)
    await aio("aiohttp", True)
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
