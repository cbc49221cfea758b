"""Fills outboxes with messages that they have lost, from the rows of RapidPro's database.

A queue that has lost something, or may have, says so on the pages of its outboxes. A message that
Courier has handed over is in the database as such, so whoever reads such a page has the outbox
filled first. It owns how: once for all connections of a chat, a few chats at a time, however many
ask at once, and again later where the database is away.

    fill → waits for its turn → the rows are looked up → Outbox.fill → whoever waited goes on
                 ▲                                           │
                 └─ a little later, if the database was away ┘  or not everything fitted

A queue may refuse some chats, those on one node for instance: these come behind all that were not
tried yet. Only when it refuses one new chat after the other does nobody wait for it.
"""

from collections import deque
from typing import Any, Final, Literal

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from chip.chat.hub import Hub
from chip.chat.lookups import Lookups
from chip.chat.observer import Observer
from chip.chat.ports import Loss, Outbox, SentMessages
from chip.errors import Unavailable
from chip.limits import Limits
from chip.models import ChatKey
from chip.tasks import Clock, Tasks, pause

AT_ONCE: Final = 2
"""Chats whose rows are looked up at the same time."""
SETTLED_AFTER: Final = 2.0
"""Seconds after a loss was noticed until rows tell of all that was lost: Courier writes that it has
handed a message over up to half a second later."""
PATIENCE: Final = 5.0
"""Seconds that a connection waits for its outbox. After that it is shown what waits; what is put
back later comes then, and what was shown too early once more behind it."""
LOOK_UP_AGAIN_AFTER: Final = 5.0
"""Seconds until a chat is looked up again that could not be."""
REFUSED_IN_A_ROW: Final = 20
"""Chats that the queue must refuse, one after the other, before more are left for later."""
TELL_AFTER: Final = 5.0
"""Seconds that the log waits for more to tell of."""
LOOKED_WITHIN: Final = 10.0
"""Seconds after which the database looks at most, from when it is asked. It counts what was
acknowledged before a loss from when it looks, so that much is left to be looked for besides."""
_DAY: Final = 86_400.0


class _Wanted:
    """A chat that is to be filled: after which loss, when that was noticed, whether it was tried
    in vain, and who waits."""

    __slots__ = ("_waiting", "in_vain", "loss", "noticed_at")

    def __init__(self, loss: str, noticed_at: float) -> None:
        self.loss = loss
        self.noticed_at = noticed_at
        self.in_vain = False
        self._waiting: list[Deferred[None]] = []

    async def wait(self, clock: Clock) -> None:
        """Until somebody lets go, or `PATIENCE` is over."""
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        timer: Any = clock.callLater(PATIENCE, self._give_up, waiter)
        await waiter
        if timer.active():
            timer.cancel()

    def _give_up(self, waiter: "Deferred[None]") -> None:
        self._waiting.remove(waiter)
        waiter.callback(None)

    def let_go(self) -> None:
        """Let all go on who wait."""
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)


class Reconciler:
    """Fills the outboxes of open chats."""

    _log = Logger()

    def __init__(
        self,
        *,
        sent_messages: SentMessages,
        outbox: Outbox,
        lookups: Lookups,
        hub: Hub,
        limits: Limits,
        clock: Clock,
        tasks: Tasks,
        observer: Observer,
    ) -> None:
        self._sent_messages = sent_messages
        self._outbox = outbox
        self._lookups = lookups
        self._hub = hub
        self._limits = limits
        self._clock = clock
        self._tasks = tasks
        self._observer = observer
        self._wanted: dict[ChatKey, _Wanted] = {}
        # Chats whose turn comes, those that were tried in vain after all others, and those that
        # are to be tried again after a while.
        self._turns: deque[ChatKey] = deque()
        self._again: deque[ChatKey] = deque()
        self._later: list[ChatKey] = []
        # How many the queue has refused in a row: of those not tried before, and of the others.
        self._refused = [0, 0]
        self._at_work = 0
        self._serving = False
        self._state: Literal["working", "pausing", "stopped"] = "working"
        self._retry: Any = None
        self._telling: Any = None
        self._chats = self._messages = 0

    async def fill(self, chat: ChatKey, loss: Loss) -> None:
        """Return once the outbox was filled after this loss, or that has failed for now, or
        `PATIENCE` is over. It goes on being filled for as long as the chat is open."""
        if self._state == "stopped":
            return
        noticed_at = self._clock.seconds() - loss.age / 1000
        wanted = self._wanted.get(chat)
        if wanted is None:
            wanted = self._wanted[chat] = _Wanted(loss.name, noticed_at)
            self._turns.append(chat)
        elif wanted.loss != loss.name:
            wanted.loss, wanted.noticed_at = loss.name, noticed_at
        self._serve()
        is_soon = self._state == "working" and not wanted.in_vain
        if is_soon and self._wanted.get(chat) is wanted:
            await wanted.wait(self._clock)

    def stop(self) -> None:
        """Begin nothing more, and let everybody go on."""
        self._state = "stopped"
        self._turns.clear()
        self._again.clear()
        if self._retry:
            self._retry.cancel()
        if self._telling:
            self._telling.cancel()
            self._tell()
        self._let_go()

    def _let_go(self) -> None:
        for wanted in list(self._wanted.values()):
            wanted.let_go()

    def _serve(self) -> None:
        """Begin with those whose turn it is. Work that is done at once, such as that for chats
        which nobody has open any more, comes here again: the call that is under way goes on."""
        if self._serving:
            return
        self._serving = True
        try:
            while self._at_work < AT_ONCE and self._state == "working":
                if self._turns:
                    chat = self._turns.popleft()
                elif self._again and self._refused[True] < REFUSED_IN_A_ROW:
                    chat = self._again.popleft()
                else:
                    break
                self._at_work += 1
                self._tasks.spawn("filling an outbox", self._work(chat, self._wanted[chat]))
        finally:
            self._serving = False

    async def _work(self, chat: ChatKey, wanted: _Wanted) -> None:
        try:
            is_whole = not self._hub.is_open(chat) or await self._fill(chat, wanted)
        # Not `finally`, which would begin the next one when this is dropped, at the process's end.
        except Exception as error:
            if isinstance(error, Unavailable):
                self._pause()
            self._worked(chat, wanted, is_whole=False)
            raise
        self._worked(chat, wanted, is_whole=is_whole)

    def _worked(self, chat: ChatKey, wanted: _Wanted, *, is_whole: bool) -> None:
        self._at_work -= 1
        if is_whole:
            del self._wanted[chat]
        else:
            wanted.in_vain = True
            self._try_later(chat)
        wanted.let_go()
        self._serve()

    async def _fill(self, chat: ChatKey, wanted: _Wanted) -> bool:
        """Fill one outbox. Whether nothing is missing now."""
        settling = wanted.noticed_at + SETTLED_AFTER - self._clock.seconds()
        if settling > 0:
            await pause(self._clock, settling)
        loss, limits = wanted.loss, self._limits
        channel = await self._lookups.channel(chat.channel_uuid)
        if channel is None:
            return True
        messages = await self._sent_messages.wired(
            channel,
            chat.chat_id,
            since=limits.outbox_days * _DAY,
            lost=self._clock.seconds() - wanted.noticed_at + LOOKED_WITHIN,
            max_bytes=limits.outbox_bytes,
        )
        is_again = wanted.in_vain
        try:
            filled = await self._outbox.fill(chat, loss, messages)
        except Unavailable:
            self._refused[is_again] += 1
            if is_again or self._refused[is_again] < REFUSED_IN_A_ROW:
                return False
            raise
        self._refused[is_again] = 0
        if filled.messages:
            self._note(filled.messages)
        return not filled.is_full and wanted.loss == loss

    def _pause(self) -> None:
        """The database or the queue is away: nobody waits for it."""
        if self._state == "working":
            self._state = "pausing"
            self._let_go()

    def _try_later(self, chat: ChatKey) -> None:
        self._later.append(chat)
        if self._retry is None and self._state != "stopped":
            self._retry = self._clock.callLater(LOOK_UP_AGAIN_AFTER, self._go_on)

    def _go_on(self) -> None:
        self._retry = None
        self._state = "working"
        self._refused = [0, 0]
        self._again.extend(self._later)
        self._later.clear()
        self._serve()

    def _note(self, messages: int) -> None:
        """Count what was put back, and tell of it in one line with what follows soon."""
        self._observer.put_back(messages)
        self._chats += 1
        self._messages += messages
        if self._state == "stopped":
            self._tell()
        elif self._telling is None:
            self._telling = self._clock.callLater(TELL_AFTER, self._tell)

    def _tell(self) -> None:
        self._telling = None
        self._log.warn(
            "messages that were lost with the queues have been put back from the database",
            messages=self._messages,
            chats=self._chats,
        )
        self._chats = self._messages = 0
