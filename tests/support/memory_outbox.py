"""The outboxes of the queues in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chip.chat.outbound.ports import REPORT_REST, Appended
from chip.chat.ports import Acked, Filled, Loss, OutboxItem, Page, WiredMessage
from chip.models import ChatKey, DeliveryStatus, MsgName, Report
from tests.support.memory_state import Item

if TYPE_CHECKING:
    from tests.support.memory_queue import MemoryQueue


class MemoryOutbox:
    """Messages for visitors: `ports.Outbox`."""

    def __init__(self, queue: MemoryQueue) -> None:
        self._queue = queue
        self._server = queue.server
        self._limits = queue.limits

    async def append(self, chat: ChatKey, name: MsgName, msg_out: bytes) -> Appended:
        now, state = self._server.reach(), self._server.chats[chat]
        limits = self._limits
        names = {str(part) for part in name if part}
        memory = limits.duplicate_memory_hours * 3600
        if any(now - state.sent.get(part, float("-inf")) < memory for part in names):
            self._again(chat, name, names)
            return "repeated"
        size = sum(len(one.item.msg_out) for one in state.items) + len(msg_out)
        if (
            len(state.items) >= limits.outbox_messages
            or size > limits.outbox_bytes
            or len(state.spool) + len(state.reports) >= 2 * limits.spool_events
        ):
            return "full"
        state.sent.update(dict.fromkeys(names, now))
        state.statuses = {part: it for part, it in state.statuses.items() if part not in names}
        state.head += 1
        item = OutboxItem(state.head, name.outbox_id, msg_out)
        state.items.append(Item(now, item, name))
        self._server.to_visitors.accepted += 1
        state.last_text_at = None
        for listener in self._server.listeners(chat):
            listener.arrived(chat, item)
        return "queued"

    def _again(self, chat: ChatKey, name: MsgName, names: set[str]) -> None:
        now, state = self._server.reach(), self._server.chats[chat]
        state.sent.update({part: now for part in names if part in state.sent})
        status = next((state.statuses[part] for part in names if part in state.statuses), None)
        if status:
            self._queue.spool.add_report(
                chat, Report(status, name.id, name.uuid), now + REPORT_REST
            )

    async def read(self, chat: ChatKey, after: int, limit: int, max_bytes: int) -> Page:
        now = self._server.reach()
        self._queue.reads += 1
        state = self._server.chats[chat]
        waiting = [one.item for one in state.items if one.item.number > after]
        page: list[OutboxItem] = []
        for item in waiting[:limit]:
            max_bytes -= len(item.msg_out)
            if page and max_bytes < 0:
                break
            page.append(item)
        loss = None
        if state.filled != self._server.loss:
            age = max(0, int((now - self._server.lost_at) * 1000))
            loss = Loss(self._server.loss, age)
        return Page(state.head, page, len(page) < len(waiting), loss)

    async def fill(self, chat: ChatKey, loss: str, messages: Sequence[WiredMessage]) -> Filled:
        now, state, limits = self._server.reach(), self._server.chats[chat], self._limits
        memory = limits.duplicate_memory_hours * 3600
        old, added, is_full = list(state.items), 0, False
        for name, msg_out, age in messages:
            names = {str(part) for part in name if part}
            waits = any(names & {str(part) for part in one.name if part} for one in state.items)
            if waits or any(now - state.sent.get(part, float("-inf")) < memory for part in names):
                continue
            size = sum(len(one.item.msg_out) for one in state.items) + len(msg_out)
            if len(state.items) >= limits.outbox_messages or size > limits.outbox_bytes:
                is_full = True
                break
            later = (i for i, one in enumerate(state.items) if (one.name.id or 0) > (name.id or 0))
            item = Item(now - age / 1000, OutboxItem(0, name.outbox_id, msg_out), name)
            state.items.insert(next(later, len(state.items)), item)
            state.sent.update(dict.fromkeys(names, now))
            self._server.to_visitors.accepted += 1
            added += 1
        same = [before is after for before, after in zip(old, state.items, strict=False)]
        for one in state.items[(same.index(False) if False in same else len(old)) :]:
            state.head += 1
            one.item = one.item._replace(number=state.head)
            for listener in self._server.listeners(chat):
                listener.arrived(chat, one.item)
        if not is_full:
            state.filled = loss
        return Filled(added, is_full)

    async def ack(self, chat: ChatKey, name: MsgName) -> Acked | None:
        now = self._server.reach()
        for one in self._server.chats[chat].items:
            if one.item.id == name.outbox_id or (name.uuid and one.name.uuid == name.uuid):
                self._take_out(chat, one, "delivered")
                for listener in self._server.listeners(chat, but=self._queue):
                    listener.acked(chat, one.item.number)
                return Acked(one.item.number, int((now - one.stored) * 1000))
        return None

    async def expire(self, limit: int) -> int:
        oldest, taken = self._server.reach() - self._limits.outbox_days * 86400, 0
        for chat in [c for c, s in self._server.chats.items() if s.items][:limit]:
            for one in [o for o in self._server.chats[chat].items if o.stored <= oldest]:
                self._take_out(chat, one, "failed")
                taken += 1
                for listener in self._server.listeners(chat):
                    listener.acked(chat, one.item.number)
        return taken

    def _take_out(self, chat: ChatKey, one: Item, status: DeliveryStatus) -> None:
        now, state = self._server.reach(), self._server.chats[chat]
        state.items.remove(one)
        self._server.to_visitors.done += status == "delivered"
        self._server.to_visitors.given_up += status == "failed"
        names = [str(part) for part in one.name if part]
        last_sent = max(state.sent.get(part, float("-inf")) for part in names)
        state.statuses.update(dict.fromkeys(names, status))
        report = Report(status, one.name.id, one.name.uuid)
        self._queue.spool.add_report(chat, report, max(now, last_sent + REPORT_REST))
