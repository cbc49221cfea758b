"""What every store must do (`chip.chat.ports.Store`), whatever keeps its rows.

A store's own tests subclass `StoreContract` and give it a fixture `world`: the store, and a way to
put rows there as somebody else does.

    class TestMyStore(StoreContract):
        @pytest_twisted.async_yield_fixture
        async def world(self): …
"""

from .store_history import HistoryContract
from .store_parts import NEVER, NOON, STORAGE, Name, World, after, transcript
from .store_rows import RowsContract

__all__ = ["NEVER", "NOON", "STORAGE", "Name", "StoreContract", "World", "after", "transcript"]


class StoreContract(RowsContract, HistoryContract):
    """All of it."""
