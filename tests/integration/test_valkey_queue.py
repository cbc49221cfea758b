"""The queues on a real Valkey: the contract."""

from __future__ import annotations

import pytest
import pytest_twisted

from chip.queue.valkey import scripts
from tests.contracts.queue import QueueContract
from tests.support.valkey_rig import ValkeyRig


@pytest_twisted.async_yield_fixture
async def rig(valkey):
    rig = ValkeyRig(valkey)
    yield rig
    await rig.close()


class TestValkeyQueue(QueueContract):
    """Valkey's queues pass the contract."""

    @pytest.fixture
    def rest(self, monkeypatch):
        monkeypatch.setattr(scripts, "REPORT_REST", 30)
        return 30
