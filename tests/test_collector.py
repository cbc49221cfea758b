"""What Chip leaves to Python's collector of cycles: nothing, so it may come seldom."""

from __future__ import annotations

import gc

from tests.support.memory_chip import MemoryChip


def test_messages_leave_nothing_to_collect():
    chip = MemoryChip()
    visitor = chip.bob()
    gc.collect()
    gc.disable()
    try:
        for number in range(1, 11):
            chip.send(number)
            visitor.says({"type": "ack_chat", "msg_id": number})
            chip.later(2)
            chip.gateway.take().handle()
            visitor.says({"type": "send_msg", "text": f"Answer {number}", "ref": f"ref {number}"})
            chip.gateway.take().handle()
        assert gc.collect() == 0
    finally:
        gc.enable()
