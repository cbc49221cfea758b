"""The desk's messages on their way to visitors: one at a time per conversation, in order.

    → POST /wc/send/{channel}/   {"chat_id":"…","secret":"…","msg":{"uuid":"…","text":"Hi",…}}
    ← 2xx: sent    4xx: failed for good    anything else: again, with the same uuid

Owns when a message goes and goes again. It never forgets one: those that wait are in the
database, and `take_up` looks there. How a request travels is its caller's affair.
"""

from collections.abc import Awaitable, Callable

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from chip.desk.commands import DeskCommands, Waiting
from chip.errors import Unavailable
from chip.protocol.courier_send import SendRequest, SentMsg
from chip.tasks import Clock, Tasks, pause

Post = Callable[[str, bytes], Awaitable[int]]
"""Posts a body to a path of this server and returns the status; raises when there is none."""

RETRIES = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before each further attempt; the last one again and again."""

GIVE_UP_AFTER = 24 * 3600
"""Seconds of trying. Chip knows for so long which messages it has taken already."""


class Sender:
    """`changed` is told the id of each message whose state has changed."""

    _log = Logger()

    def __init__(
        self,
        commands: DeskCommands,
        post: Post,
        changed: Callable[[int], None],
        clock: Clock,
        tasks: Tasks,
    ) -> None:
        self._commands = commands
        self._post = post
        self._changed = changed
        self._clock = clock
        self._tasks = tasks
        self._busy: dict[int, bool] = {}
        self._pauses: set[Deferred[None]] = set()
        self._stopped = False

    async def take_up(self) -> None:
        """Go on with what an earlier start, or an outage of the database, has left."""
        for conversation in await self._commands.waiting_conversations():
            self.wake(conversation)

    def stop(self) -> None:
        """Begin nothing more. What is in hand is among the tasks."""
        self._stopped = True
        for waiting in list(self._pauses):
            waiting.cancel()

    def wake(self, conversation: int) -> None:
        """There is something to send in this conversation."""
        if conversation in self._busy:
            self._busy[conversation] = True
        elif not self._stopped:
            self._busy[conversation] = False
            self._tasks.spawn("sending from the desk", self._run(conversation))

    async def _run(self, conversation: int) -> None:
        try:
            while not self._stopped:
                # Before the look, not after it: what is put down meanwhile must be seen.
                self._busy[conversation] = False
                waiting = await self._commands.next_waiting(conversation)
                if waiting is not None:
                    await self._deliver(waiting)
                elif not self._busy[conversation]:
                    return
        except Unavailable:
            self._log.debug("a conversation was left to be taken up later")
        finally:
            del self._busy[conversation]

    async def _deliver(self, waiting: Waiting) -> None:
        attempts, began = 0, self._clock.seconds()
        while not self._stopped:
            status = await self._attempt(waiting)
            if 200 <= status < 300:
                await self._commands.mark(waiting.id, "W")
            elif 400 <= status < 500 or self._clock.seconds() - began > GIVE_UP_AFTER:
                self._log.warn("a message from the desk was refused: {status}", status=status)
                await self._commands.mark(waiting.id, "F")
            else:
                await self._pause(RETRIES[min(attempts, len(RETRIES) - 1)])
                attempts += 1
                continue
            self._changed(waiting.id)
            return

    async def _attempt(self, waiting: Waiting) -> int:
        """The status of the answer, 0 when there is none."""
        try:
            return await self._post(f"/wc/send/{waiting.chat.channel_uuid}/", _body(waiting))
        except Exception as error:
            self._log.info("the desk could not reach Chip: {kind}", kind=type(error).__name__)
            return 0

    async def _pause(self, seconds: float) -> None:
        done = Deferred.fromCoroutine(pause(self._clock, seconds))
        self._pauses.add(done)
        try:
            await done
        except CancelledError:
            return  # `stop` has ended it
        finally:
            self._pauses.discard(done)


def _body(waiting: Waiting) -> bytes:
    return msgspec.json.encode(
        SendRequest(
            chat_id=waiting.chat.chat_id,
            secret=waiting.secret,
            msg=SentMsg(
                uuid=waiting.uuid,
                text=waiting.text,
                attachments=waiting.attachments or None,
                quick_replies=waiting.quick_replies or None,
                origin=waiting.origin,
                user_id=waiting.user_id,
            ),
        )
    )
