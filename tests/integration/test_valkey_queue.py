"""The queues on a real Valkey: the contract."""

from __future__ import annotations

import pytest_twisted

from tests.contracts.queue import QueueContract
from tests.support.valkey_rig import ValkeyRig


@pytest_twisted.async_yield_fixture
async def rig(valkey):
    rig = ValkeyRig(valkey)
    yield rig
    await rig.close()


class TestValkeyQueue(QueueContract):
    """Valkey's queues pass the contract."""
