"""What the stand-in Courier was told, in order, and the faults it was asked to show.

Pure data and the waiting for it. Times are those of the wall clock, in seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec

Json = dict[str, Any]


class Record(msgspec.Struct):
    """One request: what it said, what Courier made of the events it did, how it was answered.

    `status` 0 means that it is still under way, -1 that the connection was closed unanswered.
    `form` is what was posted to an External channel, in which each request is one event: `msg_in`,
    `msg_status` or `stopped`, written as for the other kind, or none when nothing was asked.
    """

    number: int
    connection: int
    channel: str
    chat_id: str
    events: list[Json]
    at: float
    done: list[Json] = []
    until: float = 0
    status: int = 0
    form: dict[str, str] = {}


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """Something to do wrong.

    Without `event` and `text` it strikes whole requests; with them, single events of that type
    or text, and those before it have happened. `work` does what was asked all the same.
    """

    status: int = 0
    body: str | None = None
    headers: dict[str, str] = {}
    delay: float = 0
    linger: float = 0
    hang_up: bool = False
    work: bool = False
    times: int | None = None
    chat: str | None = None
    event: str | None = None
    text: str | None = None

    @property
    def breaks(self) -> bool:
        """Tell whether it keeps Courier's own answer from Chip; else it is only late."""
        return bool(self.status) or self.hang_up

    @property
    def about_events(self) -> bool:
        return self.event is not None or self.text is not None

    def strikes_event(self, event: Json) -> bool:
        """Tell whether an event is the one that it waits for."""
        return (self.event is None or event.get("type") == self.event) and (
            self.text is None or event.get("msg", {}).get("text") == self.text
        )


class Faults:
    """The faults in force; the first that fits strikes."""

    def __init__(self) -> None:
        self.all: list[Fault] = []

    def take(self, chat: str, event: Json | None = None) -> Fault | None:
        """Return the fault that strikes this request, or this event of it."""
        if not self.all:
            return None
        for fault in self.all:
            if fault.about_events == (event is None) or fault.chat not in {None, chat}:
                continue
            if event is not None and not fault.strikes_event(event):
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self.all.remove(fault)
            return fault
        return None


class Log:
    """All requests in the order of their arrival, and counters of the events that were done."""

    def __init__(self, keep: bool = True) -> None:
        self.keep = keep
        self.records: list[Record] = []
        self.counts: dict[str, int] = {}
        self.requests = 0
        self.first = 0.0
        self.latest = 0.0
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def begin(
        self, connection: int, channel: str, chat: str, events: list[Json], form: dict[str, str]
    ) -> Record:
        """Note a request that has just come."""
        self.requests += 1
        number = self.requests
        record = Record(number, connection, channel, chat, events, time.time(), form=form)
        if self.keep:
            self.records.append(record)
        return record

    def did(self, record: Record, event: Json, result: Json) -> None:
        """Note that the next event of a request has happened."""
        record.done.append(result)
        kind = event["type"]
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.latest = time.time()
        self.first = self.first or self.latest

    def end(self, record: Record, status: int) -> None:
        """Note how a request was answered."""
        record.status = status
        record.until = time.time()
        self.changed()

    def changed(self) -> None:
        """Wake whoever waits for what has just become true."""
        for waiting in list(self._waiting):
            condition, future = waiting
            if condition():
                self._waiting.remove(waiting)
                if not future.done():
                    future.set_result(None)

    async def wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Return True once the condition holds, False when it did not in time."""
        if condition():
            return True
        future = asyncio.get_running_loop().create_future()
        waiting = (condition, future)
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(timeout):
                await future
        except TimeoutError:
            self._waiting.remove(waiting)
            return False
        return True

    def events(self, chat: str | None, kind: str | None) -> int:
        """Return how many events of a kind have been done, in one chat or in all."""
        if chat is None:
            return sum(self.counts.values()) if kind is None else self.counts.get(kind, 0)
        return sum(
            kind in {None, event["type"]}
            for record in self.records
            if record.chat_id == chat
            for event in record.events[: len(record.done)]
        )

    def clear(self) -> None:
        """Forget everything."""
        self.records.clear()
        self.counts.clear()
        self.requests = 0
        self.first = self.latest = 0.0
