"""In which order the stand-in Courier writes its own word on a message, and Chip's."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.courier.database import Memory, Named
from tests.support.courier.spool import Spool
from tests.support.courier.statuses import WIRED, Statuses

MESSAGE = Named(1, 17, None)


class Written(Memory):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__(None)
        self.statuses: list[str] = []

    async def set_status(self, message: Named, status: str) -> None:
        self.statuses.append(status)


def result_of(work: Coroutine[Any, Any, list[str]]) -> list[str]:
    """What it returns, in a thread of its own: browsers leave a loop of theirs in this one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()


def test_a_report_that_is_quicker_than_the_answer_is_written_after_couriers_own_word():
    async def send() -> list[str]:
        backend = Written()
        statuses = Statuses(backend, Spool())
        with statuses.sending(MESSAGE):
            report = asyncio.create_task(statuses.report(MESSAGE, "D"))
            await asyncio.wait([report], timeout=0.01)
            await statuses.write(MESSAGE, WIRED)
        await report
        return backend.statuses

    assert result_of(send()) == [WIRED, "D"]


def test_a_word_that_comes_late_takes_no_report_with_it():
    async def send() -> list[str]:
        backend = Written()
        statuses = Statuses(backend, Spool())
        statuses.window = 60
        await statuses.write(MESSAGE, WIRED, waited=61)
        await statuses.report(MESSAGE, "D")
        await statuses.write_batch()
        return backend.statuses

    assert result_of(send()) == [WIRED, "D"]
