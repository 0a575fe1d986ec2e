#!/usr/bin/python3
"""http_load PORT CONNECTIONS [gzip]: asks 127.0.0.1:PORT for / over kept-alive connections, as fast as one process can, until it is
ended; with `gzip` it takes compressed answers, which come in chunks."""

import asyncio
import re
import sys

GZIP = len(sys.argv) > 3 and sys.argv[3] == "gzip"
REQUEST = b"GET / HTTP/1.1\r\nHost: load\r\n" + (b"Accept-Encoding: gzip\r\n" if GZIP else b"") + b"\r\n"

LENGTH = re.compile(rb"content-length: *(\d+)", re.I)


async def ask(port):
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            while True:
                writer.write(REQUEST)
                head = await reader.readuntil(b"\r\n\r\n")
                if GZIP:
                    await reader.readuntil(b"\r\n0\r\n\r\n")
                else:
                    await reader.readexactly(int(LENGTH.search(head)[1]))
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.1)


async def main():
    await asyncio.gather(*(ask(int(sys.argv[1])) for _ in range(int(sys.argv[2]))))


asyncio.run(main())
