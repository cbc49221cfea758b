"""The queues do what a plain model of them says, in any order of steps."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis.stateful import rule

from chip.chat.outbound.ports import Outcome
from tests.models.queue_model import QueueMachine, try_in_thread
from tests.support.sqlite import Machine
from tests.support.valkey_rig import ValkeyRig
from tests.test_memory_queue import MemoryRig


async def test_those_in_memory_do():
    class InMemory(QueueMachine):
        def make_rig(self):
            return MemoryRig()

    await try_in_thread(InMemory, 40)


async def test_those_on_sqlite_do():
    class OnSqlite(QueueMachine):
        def make_rig(self):
            self.folder = tempfile.TemporaryDirectory()
            self.machine = Machine(Path(self.folder.name) / "data")
            return self.machine

        async def close_rig(self):
            await self.machine.stop()
            self.folder.cleanup()

        @rule()
        def restart(self):
            """All die, and one that knows it opens what lies on the disk."""
            self.run(self.machine.start())
            self.model.alive_at = dict.fromkeys(self.model.alive_at, float("-inf"))
            self.kill(0)
            self.kill(1)

    await try_in_thread(OnSqlite, 10)


async def test_those_on_valkey_do(valkey):
    class OnValkey(QueueMachine):
        def make_rig(self):
            valkey.clear()
            self.valkey_rig = ValkeyRig(valkey)
            return self.valkey_rig

        async def close_rig(self):
            await self.valkey_rig.close()

    await try_in_thread(OnValkey, 8)


class HastyRig(MemoryRig):
    """Its spools let go of one event more than they are told."""

    async def process(self, token="here", limits=None):
        process = await super().process(token, limits)
        settle = process.spool.settle

        async def hasty(batch, outcome: Outcome, *, may_continue=True):
            more = min(outcome.remove + 1, len(batch.entries))
            return await settle(batch, Outcome(remove=more), may_continue=may_continue)

        process.spool.settle = hasty
        return process


async def test_a_queue_that_loses_something_is_found_out():
    class Hasty(QueueMachine):
        def make_rig(self):
            return HastyRig()

    with pytest.raises(AssertionError):
        await try_in_thread(Hasty, 60)
