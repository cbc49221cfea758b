"""What of a channel may be shown: the public ids of External channels, and what no log shows.

The UUID of an External channel is the only credential that Courier asks of whoever posts as a
visitor, so pages carry another one. It is made of the channel's own, and says nothing about it.
"""

import hashlib
import hmac
from uuid import UUID

from chip.logs.redact import REDACTOR
from chip.models import Channel


def public_id(external_uuid: str, authorization: str) -> str:
    """The public id of the channel: an RFC 9562 UUID of version 8, the same for as long as the
    channel and its `authorization` are. `external_uuid` is in lower case."""
    made = hmac.digest(authorization.encode(), external_uuid.encode(), hashlib.sha256)
    number = int.from_bytes(made[:16])
    number = number & ~(0xF << 76) | 0x8 << 76  # the version
    number = number & ~(0x3 << 62) | 0x2 << 62  # the variant
    return str(UUID(int=number))


def keep_from_logs(channel: Channel) -> None:
    """From now on no log shows what Courier and Chip know each other by."""
    for hidden in filter(None, (channel.secret, channel.external_uuid)):
        REDACTOR.learn(hidden)
