"""The archive in memory that other tests stand on keeps the contract of the real one."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from chip.models import Channel
from tests.contracts.archive import (
    COURIER,
    EXTERNAL,
    MAX_LENGTH,
    ArchiveContract,
    ArchiveWorld,
)
from tests.support.memory_archive import MemoryArchive
from tests.support.memory_store import MemoryStore

PUBLIC = "a5f3c2de-0000-8000-8000-000000000001"
CHANNEL = Channel(PUBLIC, 1, "Bearer s", EXTERNAL, courier=COURIER, max_length=MAX_LENGTH)


class MemoryWorld(ArchiveWorld):
    """Rows of dictionaries."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.store: MemoryStore = MemoryStore(self.clock.seconds)
        self.store.channels[CHANNEL.uuid] = CHANNEL
        self.archive: MemoryArchive = MemoryArchive(self.store, self.clock)
        self.channel = CHANNEL

    def later(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def parts(self) -> list[str]:
        return [one.part.text for known in self.archive.kept.values() for one in known]

    def statuses(self) -> list[str]:
        return [row.status for row in self.store.messages]


@pytest.fixture
def world():
    return MemoryWorld()


class TestMemoryArchive(ArchiveContract):
    """The contract, on dictionaries."""
