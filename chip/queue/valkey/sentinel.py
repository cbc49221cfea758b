"""Which server is the primary now, as most of the Sentinels have it.

Owns the question. A Sentinel that is cut off from the others may know yesterday's primary, so all
of them are asked, and what most of those say that answer is believed.
"""

from collections import Counter
from typing import Any, Final, cast

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.protocol import Factory

from chip.errors import Unavailable
from chip.queue.valkey.address import ValkeyAddress
from chip.queue.valkey.errors import why_not_connected
from chip.queue.valkey.protocol import CommandProtocol, encode_command

ASK_WITHIN: Final = 1.0
"""Seconds for which a Sentinel's answer is awaited."""


async def locate(address: ValkeyAddress, reactor: Any) -> ValkeyAddress:
    """The server at this address: itself, or the primary that its Sentinels name. Raises
    Unavailable."""
    if not address.sentinel:
        return address
    asked = [
        Deferred.fromCoroutine(_ask(one, address.sentinel, reactor)).addTimeout(ASK_WITHIN, reactor)
        for one in address.sentinels()
    ]
    ended = await DeferredList(asked, consumeErrors=True)
    answers = [answer for worked, answer in ended if worked]
    known = Counter(filter(None, answers))
    if known:
        ((primary, _),) = known.most_common(1)
        return address.at(*primary)
    if answers:
        raise Unavailable(f"the Sentinels know no primary of the name {address.sentinel}")
    (_, first), *_ = ended
    raise Unavailable(f"no Sentinel answers: {why_not_connected(cast(Any, first).value, None)}")


async def _ask(sentinel: ValkeyAddress, name: str, reactor: Any) -> tuple[str, int] | None:
    """The host and port of the primary, None where this Sentinel does not know the name."""
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
