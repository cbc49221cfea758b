"""The bare parts that Chip is made of, each doing next to nothing, as processes of their own.

    python -m bench.bare echo PORT                    Autobahn, on its resource, echoing frames
    python -m bench.bare post PORT                    twisted.web, answering POSTs
    python -m bench.bare treq URL COUNT PARALLEL      treq, posting; prints seconds and CPU

They are used as their documentation shows it, with no option set: what a program costs that does
not look closer.
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import treq
from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.resource import Resource
from twisted.web.server import Site

reactor: Any = installed_reactor

BODY = (
    b'{"chat_id":"65vbbDAQCdPdEWlEhDGy4utO","secret":"sesame",'
    b'"events":[{"type":"msg_in","msg":{"text":"hello"}}]}'
)


class Echo(WebSocketServerProtocol):
    """Says what it hears."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


class Answer(Resource):
    """Reads a body and answers."""

    isLeaf = True

    def render_POST(self, request: Any) -> bytes:  # noqa: N802
        json.loads(request.content.read())
        request.setHeader(b"Content-Type", b"application/json")
        return b'{"status":"queued"}'


def echo(port: str) -> None:
    factory = WebSocketServerFactory()
    factory.protocol = Echo
    reactor.listenTCP(int(port), Site(WebSocketResource(factory)), 1024, "127.0.0.1")
    reactor.run()


def post(port: str) -> None:
    reactor.listenTCP(int(port), Site(Answer()), 1024, "127.0.0.1")
    reactor.run()


def treq_posts(url: str, count: str, parallel: str) -> None:
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = int(parallel)
    client = treq.client.HTTPClient(Agent(reactor, pool=pool))
    numbers: Iterator[int] = iter(range(int(count)))

    async def work() -> None:
        for _ in numbers:
            response = await client.post(
                url, data=BODY, headers={"Content-Type": "application/json"}
            )
            await treq.content(response)

    async def run() -> None:
        began, used = time.perf_counter(), time.process_time()
        await gatherResults([Deferred.fromCoroutine(work()) for _ in range(int(parallel))])
        print(time.perf_counter() - began, time.process_time() - used)
        reactor.stop()

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(run()))
    reactor.run()


if __name__ == "__main__":
    {"echo": echo, "post": post, "treq": treq_posts}[sys.argv[1]](*sys.argv[2:])
