"""HTTP/1.1 over asyncio: one request to the server, and the server that Courier is."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import h11

from chip_conformance.broken import Broken

PATIENCE: Final = 10.0
"""Seconds to wait for anything that has to come, unless another patience is given."""
_CHUNK: Final = 65536


class Request(NamedTuple):
    """What somebody asks for. Names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Answer(NamedTuple):
    """What is answered. Names of headers are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}

    def __str__(self) -> str:
        text = self.error or self.body.decode(errors="replace")[:60].strip()
        return f"{self.status} {text}".strip()

    @property
    def json(self) -> Any:
        """The body as JSON; None where it is not."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def error(self) -> str:
        """What `{"error":"…"}` says, else ""."""
        body = self.json
        return str(body.get("error", "")) if isinstance(body, dict) else ""


def json_answer(status: int, value: object) -> Answer:
    """`value` as JSON."""
    return Answer(status, json.dumps(value).encode(), {"content-type": "application/json"})


async def ask(url: str, request: Request, patience: float = PATIENCE) -> Answer:
    """The answer to one request on a connection of its own. `url` is the server's, its path is put
    before the request's. Raises OSError, TimeoutError, or Broken where it is no HTTP."""
    place = urlsplit(url)
    secure = place.scheme in {"https", "wss"}
    host, port = place.hostname or "localhost", place.port or (443 if secure else 80)
    headers = {"host": place.netloc, **request.headers, "content-length": str(len(request.body))}
    path = place.path.rstrip("/") + request.path
    async with asyncio.timeout(patience):
        reader, writer = await asyncio.open_connection(
            host, port, ssl=ssl.create_default_context() if secure else None
        )
        try:
            client = h11.Connection(h11.CLIENT)
            said = (
                h11.Request(method=request.method, target=path, headers=[*headers.items()]),
                h11.Data(data=request.body),
                h11.EndOfMessage(),
            )
            writer.write(b"".join(client.send(part) or b"" for part in said))
            return await _answer(client, reader)
        except h11.RemoteProtocolError as error:
            raise Broken(f"the answer is no HTTP: {error}") from None
        finally:
            writer.close()


async def _answer(client: h11.Connection, reader: asyncio.StreamReader) -> Answer:
    status, headers, body = 0, {}, b""
    while True:
        event = client.next_event()
        match event:
            case h11.NEED_DATA:
                client.receive_data(await reader.read(_CHUNK))
            case h11.InformationalResponse() if event.status_code == 101:
                return Answer(101, b"", _names(event))
            case h11.Response():
                status, headers = event.status_code, _names(event)
            case h11.Data():
                body += event.data
            case h11.EndOfMessage() | h11.ConnectionClosed():
                return Answer(status, body, headers)


def _names(event: Any) -> dict[str, str]:
    return {name.decode(): value.decode("latin-1") for name, value in event.headers}


Handler = Callable[[Request], Awaitable[Answer | None]]


@contextlib.asynccontextmanager
async def serving(host: str, port: int, handler: Handler) -> AsyncIterator[None]:
    """Answer requests by what `handler` returns, for as long as this lasts; None hangs up. Raises
    OSError."""
    talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, h11.RemoteProtocolError):
            await _talk(h11.Connection(h11.SERVER), reader, writer, handler)
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(talk(reader, writer))
        talks[task] = writer
        task.add_done_callback(talks.pop)

    server = await asyncio.start_server(accept, host, port)
    try:
        yield
    finally:
        server.close()
        for writer in talks.values():
            writer.close()
        await asyncio.gather(*talks)


async def _talk(
    server: h11.Connection,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    handler: Handler,
) -> None:
    """Answer the requests on one connection, one after the other."""
    while (request := await _request(server, reader)) is not None:
        answer = await handler(request)
        if answer is None:
            return
        headers = {**answer.headers, "content-length": str(len(answer.body))}
        said = (
            h11.Response(status_code=answer.status, headers=[*headers.items()]),
            h11.Data(data=answer.body),
            h11.EndOfMessage(),
        )
        writer.write(b"".join(server.send(part) or b"" for part in said))
        await writer.drain()
        if server.our_state is h11.MUST_CLOSE:
            return
        server.start_next_cycle()


async def _request(server: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    """The next request on a connection, None at its end."""
    asked, body = None, b""
    while True:
        event = server.next_event()
        match event:
            case h11.NEED_DATA:
                server.receive_data(await reader.read(_CHUNK))
            case h11.Request():
                asked = event
            case h11.Data():
                body += event.data
            case h11.EndOfMessage() if asked is not None:
                return Request(
                    asked.method.decode(), asked.target.decode("latin-1"), _names(asked), body
                )
            case _:
                return None
