"""What flows to one connection from its chat's outbox: in order, within a window.

The outbox is the source of truth; the live channel only tells what is new. News is sent as it comes
while it follows on what was sent before. Whenever it does not (a full window, a missed piece of
news, a number that does not follow), the feed marks itself behind and reads the outbox again. It
buffers nothing.

    live      news is sent at once
    reading   the outbox is being read, or filled where it may have lost something; news only notes
              that it must be read once more
    behind    the window is full; an ack makes room and starts a reading. Or a reading has failed,
              and is begun again a little later, if no news comes before
"""

from typing import Any, Final, Literal

from chip.chat.hops import HOPS
from chip.chat.ports import Loss, Outbox, OutboxItem, Page
from chip.chat.reconciler import Reconciler
from chip.chat.replies import Replies
from chip.chat.window import Window
from chip.errors import Unavailable
from chip.limits import Limits
from chip.models import ChatKey, MsgName
from chip.protocol.events import chat_out_frame
from chip.tasks import Clock, Tasks

READ_AGAIN_AFTER: Final = 2.0
"""Seconds until an outbox that could not be read is read again."""


class Feed:
    """One connection's side of its chat's outbox."""

    __slots__ = (
        "_acked_meanwhile",
        "_chat",
        "_clock",
        "_limits",
        "_news",
        "_outbox",
        "_recheck",
        "_reconciler",
        "_replies",
        "_retry",
        "_state",
        "_stopped",
        "_tasks",
        "_window",
    )

    def __init__(
        self,
        chat: ChatKey,
        *,
        outbox: Outbox,
        reconciler: Reconciler | None,
        clock: Clock,
        tasks: Tasks,
        limits: Limits,
        replies: Replies,
    ) -> None:
        self._chat = chat
        self._outbox = outbox
        self._reconciler = reconciler
        self._clock = clock
        self._tasks = tasks
        self._limits = limits
        self._replies = replies
        self._window = Window(limits.window_messages, limits.window_bytes)
        self._state: Literal["live", "reading", "behind"] = "behind"
        self._news = False
        self._acked_meanwhile: set[int] | None = None
        self._recheck = False
        self._retry: Any = None
        self._stopped = False

    async def start(self, *, is_new: bool) -> None:
        """Send what waits. When the queue does not answer, the feed catches up later. A chat that
        is new has lost nothing."""
        await self._read(first=True, may_lack=not is_new)

    def stop(self) -> None:
        """The connection is gone."""
        self._stopped = True
        if self._retry:
            self._retry.cancel()
            self._retry = None

    def in_flight(self, name: MsgName) -> bool:
        """Whether this message was sent here and nobody has acknowledged it."""
        return self._window.has(name)

    def arrived(self, item: OutboxItem) -> None:
        """News: a message was appended."""
        if self._state == "reading":
            self._news = True
        elif self._state == "live" and item.number > self._window.last:
            if self._window.room <= 0:
                self._state = "behind"
            elif self._window.expects(item.number):
                self._pass_on(item)
            else:
                self._catch_up()
        elif self._state == "behind" and self._window.room > 0:
            self._catch_up()

    def acked(self, number: int) -> None:
        """News: a message was acknowledged, on this connection or another."""
        self._window.acked(number)
        if self._state == "reading":
            # It may be on the page that is being read, as if it still waited.
            self._acked_meanwhile = {*(self._acked_meanwhile or ()), number}
        self._go_on()

    def seen(self, name: MsgName) -> None:
        """This connection's visitor has seen a message, and its ack is going to be stored; its
        place in the window is free."""
        self._window.seen(name)
        self._go_on()

    def stored(self) -> None:
        """That ack is stored, or kept for later, or there was nothing to acknowledge."""
        self._window.stored()

    def _go_on(self) -> None:
        if self._state == "behind" and self._window.room > 0:
            self._catch_up()

    def interrupted(self) -> None:
        """No news came for a while: whatever it would have been is in the outbox."""
        self._recheck = True
        if self._state == "reading":
            self._news = True
        else:
            self._catch_up()

    def _catch_up(self) -> None:
        self._tasks.spawn("reading an outbox", self._read(first=False))

    async def _fill(self, loss: Loss, reconciler: Reconciler) -> None:
        """Read once the outbox has back what it has lost, so that this comes in its order."""
        await reconciler.fill(self._chat, loss)
        await self._read(first=False, may_lack=False)

    async def _read(self, *, first: bool, may_lack: bool = True) -> None:
        """Read the outbox until nothing new waits, or the window is full.

        On the first reading nothing can have been missed: the browser fetches history anyway. It
        does so at once: if the reading has to wait, others may acknowledge something meanwhile.
        Unless it `may_lack` something, it is read as it is, and from its beginning: what waits
        although this connection has had it was acknowledged, and that was lost. That may take more
        windows than one.
        """
        self._state = "reading"
        window = self._window
        limits = self._limits
        if not may_lack:
            window.read_to = 0
        told = False
        try:
            while not self._stopped:
                self._news = False
                self._acked_meanwhile = None
                recheck, self._recheck = self._recheck, False
                after = window.read_to
                if recheck and window.oldest is not None:
                    after = min(after, window.oldest - 1)
                page = await self._outbox.read(
                    self._chat, after, limits.window_messages, limits.window_bytes
                )
                if page.loss and self._reconciler and may_lack:
                    # Nobody waits for that: neither the commands nor what else is to be read.
                    self._recheck = recheck
                    if first:
                        window.last = page.head
                    filling = self._fill(page.loss, self._reconciler)
                    self._tasks.spawn("filling an outbox", filling)
                    return
                missed = self._take(page, after)
                if missed and not (first or told):
                    self._replies.resync()
                    told = True
                first = False
                if window.room <= 0:
                    self._state = "behind"
                    return
                if not page.more and not self._news:
                    self._state = "live"
                    return
        except Exception as error:
            # The next news starts another reading, and so does `interrupted`, which comes when
            # the queue is back. Not all troubles end with one of them.
            self._recheck = True
            self._state = "behind"
            if not isinstance(error, Unavailable):
                raise
            if not (self._retry or self._stopped):
                self._retry = self._clock.callLater(READ_AGAIN_AFTER, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        if self._state == "behind":
            self._catch_up()

    def _take(self, page: Page, after: int) -> bool:
        """Send what is new on `page`, or while the outbox is read anew what is not in flight.
        Whether some number was skipped: somebody else has it."""
        window = self._window
        if page.head < window.last:
            # The queue has lost its last moments, and gives out the same numbers again.
            window.forget()
            self._news = True
            return True
        for item in page.items:
            window.renumber(item)
        numbers = {item.number for item in page.items}
        window.keep_only(
            numbers, after, max(numbers, default=page.head) if page.more else page.head
        )
        missed = False
        for item in page.items:
            was_sent = item.number <= window.last
            acked = was_sent and item.number in (self._acked_meanwhile or ())
            if item.number <= window.read_to or acked:
                continue
            if window.room <= 0:
                return missed
            missed = missed or not (was_sent or window.expects(item.number))
            self._pass_on(item)
        if not page.more:
            missed = missed or page.head > window.last
            window.last = window.read_to = page.head
        return missed

    def _pass_on(self, item: OutboxItem) -> None:
        is_news = self._window.sends(item)
        if self._acked_meanwhile and item.number in self._acked_meanwhile:
            self._window.acked(item.number)
        if is_news:
            self._replies.send_frame(chat_out_frame(item.msg_out))
            HOPS.tell("shown", self._chat, (item,))
