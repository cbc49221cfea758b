"""What every gateway must do (`chip.chat.outbound.ports.Gateway`), whatever it speaks.

A test module subclasses `GatewayContract` and brings a fixture `world`: a gateway, a channel, and a
Courier that answers in the words of the channel's type. How each contract is spoken, and what each
of Courier's answers means there, is in the gateways' own tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chip.chat.outbound.ports import AnswerKind, CourierAnswer, Gateway
from chip.models import Channel, Incoming, Report, SpoolEvent

CHAT = "azosmAPAXirc3Cmu3TwMY6Yr"
REPORT = Report("delivered", 42, "01a2139e-c365-76c2-97fd-53bb20bc6da5")


class GatewayWorld:
    """A gateway and its Courier."""

    gateway: Gateway
    channel: Channel

    async def post(
        self, events: Sequence[SpoolEvent], kind: AnswerKind, uuids: Sequence[str] = ()
    ) -> CourierAnswer:
        """Post to a Courier with which it ends like that; it makes messages with these uuids."""
        raise NotImplementedError

    async def start_chat(self) -> CourierAnswer:
        """Start a chat at a Courier that works."""
        raise NotImplementedError


class GatewayContract:
    """All of it."""

    async def test_a_message_that_courier_took_is_heard(self, world):
        answer = await world.post([Incoming("hello")], "handled", ["u1"])
        assert (answer.kind, list(answer.heard)) == ("handled", ["u1"])

    async def test_one_request_carries_as_many_events_as_are_promised(self, world):
        most = world.gateway.habits(world.channel).events_at_once
        assert most >= 1
        uuids = [f"u{number}" for number in range(most)]
        answer = await world.post([Incoming(uuid) for uuid in uuids], "handled", uuids)
        assert (answer.kind, list(answer.heard)) == ("handled", uuids)

    async def test_of_a_report_nothing_is_heard(self, world):
        answer = await world.post([REPORT], "handled")
        assert (answer.kind, list(answer.heard)) == ("handled", [])

    async def test_a_chat_starts(self, world):
        answer = await world.start_chat()
        assert (answer.kind, list(answer.heard)) == ("handled", [])

    @pytest.mark.parametrize("kind", ["refused", "channel_refused", "failed", "unsent", "unknown"])
    async def test_whatever_goes_wrong_is_an_answer_that_says_why(self, world, kind):
        answer = await world.post([Incoming("hello")], kind)
        assert (answer.kind, list(answer.heard)) == (kind, [])
        assert answer.detail
