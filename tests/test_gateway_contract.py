"""Both kinds of channel, and the gateway that other tests stand on, keep one contract."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred

from chip.chat.outbound.ports import AnswerKind, CourierAnswer
from chip.gateway.courier import CourierGateway
from chip.models import Channel, Report, SpoolEvent
from tests.contracts.gateway import CHAT, GatewayContract, GatewayWorld
from tests.support.memory_store import MemoryStore
from tests.support.process import free_port
from tests.support.scripted_gateway import ScriptedGateway
from tests.support.scripted_http import Reply, ScriptedHttp

CHP = Channel("8291264a-4581-4d12-96e5-e9fcfa6e68d9", 1, "sesame")
EXTERNAL = Channel(
    "a5f3c2de-0000-8000-8000-000000000001", 1, "Bearer s", "3e7e5a52-9b5e-4ee8-8f36-0b9cd2c1d9e2"
)


def reply(status: int, message: str, *data: dict[str, str]) -> Reply:
    return Reply(status, json.dumps({"message": message, "data": data}).encode())


def refusal(status: int, reason: str) -> Reply:
    return reply(status, "Error", {"type": "error", "error": reason})


ENDINGS: dict[AnswerKind, Reply] = {
    "refused": refusal(400, "invalid path component"),
    "channel_refused": refusal(400, "channel not found"),
    "failed": refusal(500, "no database"),
    "unknown": Reply(None),
}


class HttpWorld(GatewayWorld):
    """A gateway on a web server that says what Courier says."""

    def __init__(self, channel: Channel, server: ScriptedHttp) -> None:
        self.channel = channel
        self._server = server
        self.gateway: CourierGateway = self._at(server.url.removeprefix("http://"))

    async def post(
        self, events: Sequence[SpoolEvent], kind: AnswerKind, uuids: Sequence[str] = ()
    ) -> CourierAnswer:
        if kind == "unsent":
            nobody = self._at(f"127.0.0.1:{free_port()}")
            answer = await nobody.post(self.channel, CHAT, events)
            await nobody.close()
            return answer
        self._server.answers = [
            reply(200, "Events Handled", *self._made(events, uuids))
            if kind == "handled"
            else ENDINGS[kind]
        ]
        answer = await self.gateway.post(self.channel, CHAT, events)
        assert len(self._server.asked) == 1
        return answer

    async def start_chat(self) -> CourierAnswer:
        self._server.answers = [reply(200, "Events Handled", {"type": "event"})]
        return await self.gateway.start_chat(self.channel, CHAT)

    def _made(self, events: Sequence[SpoolEvent], uuids: Sequence[str]) -> list[dict[str, str]]:
        names = iter(uuids)
        return [
            {"type": "status", "status": "D"}
            if isinstance(event, Report)
            else {"type": "msg", "msg_uuid": next(names)}
            for event in events
        ]

    def _at(self, domain: str) -> CourierGateway:
        return CourierGateway(
            reactor=reactor, domain=domain, tls=False, connect_timeout=30, timeout=30, parallel=1
        )


class HttpContract(GatewayContract):
    channel: Channel

    @pytest.fixture
    def world(self):
        with ScriptedHttp() as server:
            world = HttpWorld(self.channel, server)
            yield world
            pytest_twisted.blockon(ensureDeferred(world.gateway.close()))


class TestChpChannel(HttpContract):
    channel = CHP


class TestExternalChannel(HttpContract):
    channel = EXTERNAL


class ScriptedWorld(GatewayWorld):
    """The gateway whose Courier is the test."""

    channel = CHP

    def __init__(self) -> None:
        self.gateway: ScriptedGateway = ScriptedGateway(MemoryStore())

    async def post(
        self, events: Sequence[SpoolEvent], kind: AnswerKind, uuids: Sequence[str] = ()
    ) -> CourierAnswer:
        answered = Deferred.fromCoroutine(self.gateway.post(self.channel, CHAT, events))
        request = self.gateway.take()
        if kind == "handled":
            request.handle(*uuids)
        else:
            request.fail(kind)
        return await answered

    async def start_chat(self) -> CourierAnswer:
        return await self.gateway.start_chat(self.channel, CHAT)


class TestScriptedGateway(GatewayContract):
    @pytest.fixture
    def world(self):
        return ScriptedWorld()
