"""What every queue must do (`chip.chat.ports.Queue`), whatever it stands on.

A test module subclasses `QueueContract` and brings a fixture `rig`, a `QueueRig`: it knows how to
start processes on one and the same storage, and how to let time pass for what is stored there.
"""

from .queue_claims import ClaimContract
from .queue_filling import FillContract
from .queue_live import LiveContract, NotesContract
from .queue_outbox import OutboxContract
from .queue_parts import Process, QueueRig
from .queue_spool import SpoolContract

__all__ = ["Process", "QueueContract", "QueueRig"]


class QueueContract(
    OutboxContract, FillContract, SpoolContract, ClaimContract, NotesContract, LiveContract
):
    """All of it."""
