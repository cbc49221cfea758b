"""How Chip is: what the operators' listener tells (`chip.ops.ops_site.Health`).

It asks the parts themselves, now; it remembers nothing.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred

from chip import __version__
from chip.chat.ports import Balances, Depths, Queue, Store
from chip.chat.server import ChatServer
from chip.config.schema import Config
from chip.errors import Unavailable
from chip.models import NOBODYS_CHAT, Channel, Contact, MsgName
from chip.ops.descriptors import is_one_left
from chip.ops.ops_site import Readiness

_CHANNEL: Final = Channel(NOBODYS_CHAT.channel_uuid, 0, "")
_CONTACT: Final = Contact(0, 0, NOBODYS_CHAT.chat_id)
_NUMBER: Final = 1
"""Of a message, which nobody's contact does not have, and of a user."""


class StoreAndQueue(Protocol):
    """The store and the queues in use."""

    store: Store
    queue: Queue
    store_name: str
    queue_name: str


class Status:
    """The state of one process."""

    def __init__(
        self,
        config: Config,
        server: ChatServer,
        backend: StoreAndQueue,
        draining: Callable[[], bool],
    ) -> None:
        self._config = config
        self._server = server
        self._backend = backend
        self._draining = draining

    async def readiness(self) -> Readiness:
        """Whether new visitors should come here. Courier is reported, and not required: while it
        is away, Chip keeps what visitors say."""
        _, store = await _tried(_read(self._backend.store))
        queues_serve, queues = await self._use_queues()
        descriptors = "ok" if is_one_left() else "none left"
        parts = {
            "store": store,
            "queues": queues,
            "descriptors": descriptors,
            "courier": self._server.outbound.courier_trouble or "ok",
            "draining": "yes" if self._draining() else "no",
        }
        well = queues_serve and store == descriptors == "ok"
        return Readiness(well and not self._draining(), parts)

    async def _use_queues(self) -> tuple[bool, str]:
        """Whether they serve anybody, and in a word whether all of them do."""
        queue = self._backend.queue
        asked = [_tried(queue.depths())]
        # What can be read cannot always be stored. A process that leaves claims nothing more.
        if not self._draining():
            asked.append(_tried(queue.spool.keep_alive()))
        # At the same time: where a node of a Cluster is silent, each takes a while.
        started = [Deferred.fromCoroutine(one) for one in asked]
        found = [await one for one in started]
        return next((one for one in found if not one[0]), found[-1])

    async def depths(self) -> Depths:
        """How much waits in the queues."""
        return await self._backend.queue.depths()

    async def balances(self) -> Balances:
        """What became of everything that was ever accepted."""
        return await self._backend.queue.balances()

    async def status(self) -> Mapping[str, object]:
        """What a person would want to know."""
        readiness = await self.readiness()
        found: dict[str, object] = {
            "version": __version__,
            "instance": self._config.instance_id,
            "store": self._backend.store_name,
            "queues": self._backend.queue_name,
            "ready": readiness.ready,
            "parts": dict(readiness.parts),
            "chats": self._server.hub.open_chats,
        }
        try:
            found["waiting"] = (await self.depths())._asdict()
        except Unavailable:
            found["waiting"] = None
        return found


async def _read(store: Store) -> None:
    """Ask for one of each thing that a chat takes: each may be refused, or damaged, by itself."""
    await store.channel(_CHANNEL.uuid)
    await store.contact(_CHANNEL, NOBODYS_CHAT.chat_id)
    await store.message(_CONTACT, MsgName(_NUMBER))
    await store.user(_NUMBER)


async def _tried(asked: Coroutine[Any, Any, object]) -> tuple[bool, str]:
    """Whether this works, and a word on it: that which it has for itself, if any."""
    try:
        found = await asked
    except Unavailable as error:
        return False, str(error)
    return True, found if found and isinstance(found, str) else "ok"
