"""Which server is the primary now, as most of the Sentinels have it.

Owns the question. A Sentinel that is cut off from the others may know yesterday's primary, so all
of them are asked, and what most of those say that answer is believed. A server that is in use is
left only if most of all of them name another one.
"""

from collections import Counter
from typing import Any, Final, cast

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.protocol import Factory

from chip.errors import Unavailable
from chip.queue.valkey.address import ValkeyAddress
from chip.queue.valkey.deadline import Halves
from chip.queue.valkey.errors import why_not_connected
from chip.queue.valkey.protocol import CommandProtocol, encode_command
from chip.tasks import in_time

ASK_WITHIN: Final = 1.0
"""Seconds for which a Sentinel's answer is awaited."""

_Named = tuple[str, int] | None
"""The host and port of the primary, None where a Sentinel does not know the name."""


async def locate(address: ValkeyAddress, reactor: Any) -> ValkeyAddress:
    """The server at this address: itself, or the primary that its Sentinels name. Raises
    Unavailable."""
    if not address.sentinel:
        return address
    ended = await _ask_all(address, reactor)
    answers = [answer for worked, answer in ended if worked]
    known = Counter(filter(None, answers))
    if known:
        ((primary, _),) = known.most_common(1)
        return address.at(*primary)
    if answers:
        raise Unavailable(f"the Sentinels know no primary of the name {address.sentinel}")
    (_, first), *_ = ended
    raise Unavailable(f"no Sentinel answers: {why_not_connected(cast(Any, first).value, None)}")


async def is_replaced(server: ValkeyAddress, address: ValkeyAddress, reactor: Any) -> bool:
    """Whether most of the Sentinels at this address name another primary than this one, which is in
    use. Those that do not answer count too: one that does, and is cut off from the others, must not
    have it left because they are slow."""
    if not address.sentinel:
        return False
    ended = await _ask_all(address, reactor)
    others = [named for worked, named in ended if worked and named and address.at(*named) != server]
    return 2 * len(others) > len(ended)


async def _ask_all(address: ValkeyAddress, reactor: Any) -> list[tuple[bool, Any]]:
    """What each Sentinel says, or why it does not."""
    clock: Any = Halves(reactor)
    asked = [
        in_time(Deferred.fromCoroutine(_ask(one, address.sentinel, reactor)), ASK_WITHIN, clock)
        for one in address.sentinels()
    ]
    return await DeferredList(asked, consumeErrors=True)


async def _ask(sentinel: ValkeyAddress, name: str, reactor: Any) -> _Named:
    factory = Factory.forProtocol(CommandProtocol)
    factory.noisy = False
    protocol: CommandProtocol = await sentinel.endpoint(reactor).connect(factory)
    try:
        if sentinel.login:
            await protocol.request(encode_command(b"AUTH", *sentinel.login))
        question = (b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", name.encode())
        answer = await protocol.request(encode_command(*question))
    finally:
        protocol.transport.abortConnection()
    return None if answer is None else (answer[0].decode(), int(answer[1]))
