"""What a chat's queues are, in plain Python; and real ones beside it, step by step.

Two processes share a storage. Either may send, say, read, acknowledge, claim, settle, die and come
back, in any order, while time passes. `ChatModel` says what each step must answer.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import blockingCallFromThread, deferToThread

from chip.chat.outbound.ports import ABANDONED, ALIVE, Batch, ClaimResult
from chip.limits import Limits
from chip.models import Incoming, Report
from tests.contracts.queue_parts import CHAT, CLAIM_LASTS, DAY, Process, QueueRig, name

TOKENS = ("here", "there")
MESSAGES = st.integers(1, 5)
PROCESSES = st.sampled_from((0, 1))
TIMES = st.sampled_from((2.0, 45.0, 700.0))
"""Seconds that pass: more than a report rests, than a dead process's claim lasts, than any does."""
NEAR = 5.0
"""Seconds before a deadline, and twice as many behind it, in which nothing is asked: Valkey's clock
goes on by itself, and it looks every 5 s whether an owner is dead."""


class ChatModel:
    """A chat: what waits each way, and who is at work on it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.outbox: list[int] = []
        self.sent: set[int] = set()
        self.reported: dict[int, Report] = {}
        self.spool: list[Incoming | Report] = []
        self.resting: set[Report] = set()
        self.refs: set[str] = set()
        self.alive_at: dict[str, float] = {}
        self.owner = ""
        self.granted = 0.0
        self.under_way = 0
        self.unknown = 0

    def send(self, number: int) -> str:
        if number in self.sent:
            self.resting |= {self.reported[number]} if number in self.reported else set()
            return "repeated"
        self.sent.add(number)
        self.outbox.append(number)
        return "queued"

    def take_out(self, number: int, status: Any) -> bool:
        if number not in self.outbox:
            return False
        self.outbox.remove(number)
        self.reported[number] = Report(status, number, f"uuid-{number}")
        self.resting.add(self.reported[number])
        return True

    def say(self, text: str) -> str:
        if text in self.refs:
            return "repeated"
        self.refs.add(text)
        self.spool.append(Incoming(text, text))
        return "queued"

    def claim_ends_in(self, token: str, alive: set[str]) -> float:
        """Seconds until this process may have the chat; 0 or less for now."""
        age = self.now - self.granted
        if not self.owner:
            return 0.0
        if self.owner == token:
            return ABANDONED - age
        seems_alive = self.alive_at[self.owner] + ALIVE - self.now
        return NEAR + 1 if self.owner in alive else max(CLAIM_LASTS - age, seems_alive)

    def give(self, token: str, entries: list[Incoming | Report]) -> int:
        """This process gets the chat with these entries; how many may have arrived already."""
        self.resting -= set(entries[len(self.spool) :])
        self.spool = entries
        self.unknown = min(max(self.under_way, self.unknown), len(entries))
        self.owner, self.granted, self.under_way = token, self.now, len(entries)
        return self.unknown

    def settle(self, removed: int, unknown: int) -> None:
        del self.spool[:removed]
        self.owner, self.under_way = "", 0
        self.unknown = unknown if self.spool else 0


class QueueMachine(RuleBasedStateMachine):
    """Two processes on a rig, and the model."""

    def make_rig(self) -> QueueRig:
        """An empty storage."""
        raise NotImplementedError

    async def close_rig(self) -> None:
        """Let go of it."""

    def run(self, step: Coroutine[Any, Any, Any]) -> Any:
        """What a step of the reactor's returns; Hypothesis runs in a thread of its own."""
        return blockingCallFromThread(reactor, Deferred.fromCoroutine, step)

    @initialize()
    def start(self) -> None:
        self.rig = self.make_rig()
        self.model = ChatModel()
        self.starts = 0
        self.processes: list[Process] = []
        self.tokens: list[str] = []
        self.batches: list[Batch | None] = [None, None]
        self.is_late = False
        for _ in TOKENS:
            self.processes.append(self.run(self._process()))
            self.tokens.append(f"process-{self.starts}")

    async def _process(self) -> Process:
        self.starts += 1
        self.model.alive_at[f"process-{self.starts}"] = self.model.now
        return await self.rig.process(f"process-{self.starts}", Limits())

    # Messages for the visitor.

    @rule(who=PROCESSES, number=MESSAGES)
    def send(self, who: int, number: int) -> None:
        assert self.run(self.processes[who].send(number)) == self.model.send(number)

    @rule(who=PROCESSES, number=MESSAGES)
    def acknowledge(self, who: int, number: int) -> None:
        acked = self.run(self.processes[who].outbox.ack(CHAT, name(number)))
        assert (acked is not None) == self.model.take_out(number, "delivered")

    @precondition(lambda self: not self.is_late)
    @rule(who=PROCESSES)
    def expire(self, who: int) -> None:
        """Fifteen days pass: what waits is given up, and what is remembered of it is forgotten."""
        self.is_late = True
        self.pass_time(15 * DAY)
        waiting = list(self.model.outbox)
        assert self.run(self.processes[who].outbox.expire(10)) == len(waiting)
        self.model.sent.clear()
        self.model.refs.clear()
        for number in waiting:
            self.model.take_out(number, "failed")
        self.model.reported.clear()

    @invariant()
    def what_waits_for_the_visitor_can_be_read(self) -> None:
        assert self.run(self.processes[0].waiting()) == self.model.outbox

    # Events for Courier.

    @rule(who=PROCESSES, text=st.sampled_from("abcdef"), may_claim=st.booleans())
    def say(self, who: int, text: str, may_claim: bool) -> None:
        if not self._is_near():
            spooled = self.run(self.processes[who].say(text, may_claim=may_claim))
            assert spooled.results == [self.model.say(text)]
            self._claimed(who, spooled.claim, may_claim)

    @rule(who=PROCESSES)
    def claim(self, who: int) -> None:
        if not self._is_near():
            self._claimed(who, self.run(self.processes[who].spool.claim(CHAT)))

    @rule(who=PROCESSES, data=st.data(), may_continue=st.booleans())
    def settle(self, who: int, data: st.DataObject, may_continue: bool) -> None:
        batch = self.batches[who]
        if batch is None:
            return
        removed = data.draw(st.integers(0, len(batch.entries)), "removed")
        unknown = data.draw(st.integers(0, len(batch.entries) - removed), "unknown")
        is_ours = self.model.owner == self.tokens[who]
        answer = self.run(
            self.processes[who].settle(
                batch, remove=removed, unknown=unknown, may_continue=may_continue
            )
        )
        self.batches[who] = None
        if is_ours:
            self.model.settle(removed, unknown)
            self._claimed(who, answer, may_continue)
        else:
            assert answer == ClaimResult("elsewhere")

    def _is_near(self) -> bool:
        ends = [self.model.claim_ends_in(token, set(self.tokens)) for token in self.tokens]
        return any(-2 * NEAR < end < NEAR for end in ends if end)

    def _claimed(self, who: int, claim: ClaimResult, may_claim: bool = True) -> None:
        """This process was answered so. Reports that rest may or may not be ready."""
        model, token = self.model, self.tokens[who]
        if model.claim_ends_in(token, set(self.tokens)) > 0:
            assert claim.state == "elsewhere"
        elif not model.spool and not model.resting:
            assert claim.state == "idle"
        elif claim.batch is None:
            assert claim.state == "waiting"
            assert not may_claim or not model.spool
        else:
            entries = [entry.event for entry in claim.batch.entries]
            assert entries[: len(model.spool)] == model.spool
            assert set(entries[len(model.spool) :]) <= model.resting
            assert claim.batch.unknown == model.give(token, entries)
            self.batches[who] = claim.batch

    @invariant()
    def nothing_is_missing(self) -> None:
        visitors, courier = self.run(self.processes[1].queue.balances())
        waiting = len(self.model.spool) + len(self.model.resting)
        assert (visitors.waiting, visitors.missing) == (len(self.model.outbox), 0)
        assert (courier.waiting, courier.missing) == (waiting, 0)
        for balance in (visitors, courier):
            assert balance.accepted == balance.done + balance.given_up + balance.waiting

    # What befalls processes.

    @rule(who=PROCESSES)
    def kill(self, who: int) -> None:
        """It dies, and starts anew."""
        self.processes[who] = self.run(self._process())
        self.tokens[who] = f"process-{self.starts}"
        self.batches[who] = None

    @rule(seconds=TIMES)
    def pass_time(self, seconds: float) -> None:
        self.run(self.rig.pass_time(seconds))
        self.model.now += seconds
        for token, process in zip(self.tokens, self.processes, strict=True):
            self.run(process.spool.keep_alive())
            self.model.alive_at[token] = self.model.now

    # In the end.

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.pass_time(700.0)
            self.kill(0)
            self.kill(1)
            self.pass_time(700.0)
            self._drain()
            self.run(self.close_rig())

    def _drain(self) -> None:
        """All that waits comes out, in order, and then nothing does."""
        self.claim(0)
        while batch := self.batches[0]:
            assert self.model.owner == self.tokens[0]
            answer = self.run(self.processes[0].settle(batch, remove=len(batch.entries)))
            self.batches[0] = None
            self.model.settle(len(batch.entries), 0)
            self._claimed(0, answer)
        assert (self.model.spool, self.model.resting) == ([], set())


def so_many(examples: int) -> settings:
    """Try so many orders of steps, or as many times more as the profile has examples."""
    assert settings.default
    scale = max(1, settings.default.max_examples // 200)
    phases = () if scale > 1 else {"phases": (Phase.generate,)}  # to make it short takes minutes
    return settings(max_examples=examples * scale, stateful_step_count=30, **dict(phases))


def try_in_thread(machine: type[QueueMachine], examples: int) -> Deferred[None]:
    """Try a machine whose steps need the reactor, which turns meanwhile."""
    return deferToThread(run_state_machine_as_test, machine, settings=so_many(examples))
