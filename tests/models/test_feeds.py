"""What tabs are shown of an outbox is what a plain model of it says, in any order of steps.

Two processes; tabs come and go, messages arrive, any tab acknowledges any of them, queues are away
for a while. The window is three messages.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.models.queue_model import so_many
from tests.support.memory_chip import MemoryChip, Visitor

WINDOW = 3
MOST_TABS = 4
INDEX = st.integers(0, MOST_TABS - 1)


class TabModel:
    """A connection: what it was shown, and what it has not been shown yet."""

    def __init__(self, waiting: list[int]) -> None:
        self.shown: list[int] = []
        self.ahead = list(waiting)
        self.told = False
        self.heard: list[dict[str, Any]] = []

    def go_on(self, outbox: list[int]) -> None:
        """Show what there is room for, in order; what others have seen meanwhile is told of."""
        while self.ahead and sum(one in outbox for one in self.shown) < WINDOW:
            one = self.ahead.pop(0)
            self.told |= one not in outbox
            self.shown += [one] if one in outbox else []


class FeedMachine(RuleBasedStateMachine):
    """Tabs at two processes, and models of them."""

    @initialize()
    def start(self) -> None:
        self.chip = MemoryChip(window_messages=WINDOW, reconciles=True)
        self.chip.later(10)
        self.servers = [self.chip.server, self.chip.process()]
        self.outbox: list[int] = []
        self.sent = 0
        self.tabs: list[tuple[Visitor, TabModel]] = []

    @precondition(lambda self: len(self.tabs) < MOST_TABS)
    @rule(server=st.sampled_from((0, 1)))
    def come(self, server: int) -> None:
        self.tabs.append((self.chip.bob_again(self.servers[server]), TabModel(self.outbox)))
        self._look()

    @precondition(lambda self: self.tabs)
    @rule(index=INDEX)
    def leave(self, index: int) -> None:
        visitor, _ = self.tabs.pop(index % len(self.tabs))
        visitor.leaves()

    @rule(count=st.integers(1, 5))
    def send(self, count: int) -> None:
        for _ in range(count):
            self.sent += 1
            self.chip.send(self.sent)
            self.outbox.append(self.sent)
            for _, model in self.tabs:
                model.ahead.append(self.sent)
        self._look()

    @precondition(lambda self: self.tabs and self.sent)
    @rule(index=INDEX, data=st.data())
    def acknowledge(self, index: int, data: st.DataObject) -> None:
        self._acknowledge(index, data)
        self._look()

    @precondition(lambda self: self.tabs and self.sent)
    @rule(index=INDEX, data=st.data())
    def acknowledge_while_queues_are_away(self, index: int, data: st.DataObject) -> None:
        self.chip.queues.away = True
        self._acknowledge(index, data)
        self.chip.later(1)
        self.chip.queues.come_back()
        self._look()

    def _acknowledge(self, index: int, data: st.DataObject) -> None:
        visitor, _ = self.tabs[index % len(self.tabs)]
        number = data.draw(st.integers(1, self.sent), "number")
        visitor.says({"type": "ack_chat", "msg_id": number})
        self.outbox = [one for one in self.outbox if one != number]

    def _look(self) -> None:
        self.chip.later(4)
        for visitor, model in self.tabs:
            model.go_on(self.outbox)
            model.heard += visitor.hears()
            ids = [event["msg_out"]["id"] for event in model.heard if event["type"] == "chat_out"]
            assert ids == model.shown
            assert {"type": "resync"} in model.heard or not model.told

    def teardown(self) -> None:
        """Whoever acknowledges all that he is shown is shown all that waits."""
        if hasattr(self, "chip"):
            visitor = self.chip.bob_again()
            shown: list[int] = []
            while more := visitor.is_shown():
                shown += more
                for number in more:
                    visitor.says({"type": "ack_chat", "msg_id": number})
                self.chip.later(1)
            assert shown == self.outbox
            for server in self.servers:
                server.stop_taking_up()


def test_tabs_are_shown_what_the_model_says():
    run_state_machine_as_test(FeedMachine, settings=so_many(40))
