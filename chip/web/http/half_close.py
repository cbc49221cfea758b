"""How a connection ends whose peer may still be sending.

A connection that is closed with bytes unread is reset, and a reset can take with it what the peer
has not read yet. So the peer is shown the end first, and is still read from, for a bounded time.
"""

from typing import Any, Final

from twisted.internet.interfaces import ISSLTransport

LINGER: Final = 0.5
"""Seconds in which a peer that was refused can read why, before its connection is dropped."""
IGNORED_BYTES: Final = 1024 * 1024
"""What such a peer may still send before it is not even read any more."""


def ignore(transport: Any, so_far: int, data: bytes) -> int:
    """Drop `data` of such a peer, of which `so_far` bytes were dropped before. Returns how many it
    is now."""
    ignored = so_far + len(data)
    if ignored > IGNORED_BYTES:
        transport.pauseProducing()
    return ignored


def end_writing(transport: Any) -> None:
    """Show the peer the end of the connection, behind everything that was written. It is still read
    from; by TLS, the end is an alert that the peer answers."""
    # Twisted waits for as long as there is a producer.
    transport.unregisterProducer()
    if ISSLTransport.providedBy(transport):
        transport.loseConnection()
    else:
        transport.loseWriteConnection()
