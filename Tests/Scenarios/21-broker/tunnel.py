# SPDX-License-Identifier: Apache-2.0
"""Mutual TLS by SVIDs for a client whose own TLS takes servers for hosts alone, as grpcio's does: a port of this machine, behind which
each connection goes on to the server by the TLS of Python, once the server has shown the SPIFFE ID that is expected."""

import asyncio
import ssl
import threading
from typing import Optional


class Tunnel:
    def __init__(self, target: str, expected: str, roots: str, own: Optional[str]) -> None:
        """`target` is unix:PATH or ipv4:HOST:PORT; `own` a file of chain and key, nothing for a client without a certificate."""
        self._target, self._expected = target, expected
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.check_hostname = False
        self._tls.load_verify_locations(cadata=roots)
        self._tls.set_alpn_protocols(["h2"])
        if own is not None:
            self._tls.load_cert_chain(own)
        self._port: Optional[int] = None
        ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True).start()
        ready.wait()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    async def _serve(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        ready.set()
        await server.serve_forever()

    async def _carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        out = None
        try:
            far, out = await self._connect()
            names = out.get_extra_info("ssl_object").getpeercert()["subjectAltName"]
            if names != (("URI", self._expected),):
                raise ConnectionError(f"the server is {names}")
            await asyncio.gather(_pump(near, out), _pump(far, back))
        except OSError as error:
            print(f"tunnel: {error}", flush=True)
        finally:
            for writer in filter(None, (out, back)):
                writer.close()

    async def _connect(self):
        kind, _, place = self._target.partition(":")
        if kind == "unix":
            return await asyncio.open_unix_connection(place, ssl=self._tls, server_hostname="")
        host, _, port = place.rpartition(":")
        return await asyncio.open_connection(host, int(port), ssl=self._tls)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
