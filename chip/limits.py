"""The limits that are settings, with their defaults. Those that nobody needs to change are
constants of the modules that apply them; the operator's guide lists those that one may
meet.

Each is a setting of the same name (see `chip.config.schema`), declared here and nowhere else: type,
default, section and description together. A rate is written as two of them: how many a second or
minute go on for ever, and how many may come at once. What counts them is in `chip.buckets`.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import msgspec

# The highest values are beyond all use. Higher ones still would not fit where they go: into SQLite,
# into a date, into a time-out of the kernel's.
Count = Annotated[int, msgspec.Meta(ge=1, le=10**12)]
Rate = Annotated[float, msgspec.Meta(gt=0, le=10**12)]
Time = Annotated[float, msgspec.Meta(gt=0, le=10**6)]
Days = Annotated[float, msgspec.Meta(gt=0, le=36_500)]


class About(msgspec.Struct, frozen=True):
    """What the annotation of a setting says beside its type.

    `check` returns a value as it is to be used, or raises ValueError with what was expected.
    `secret` returns the parts of a value that must never be shown.
    """

    section: str
    description: str
    check: Callable[[Any], object] | None = None
    secret: Callable[[str], set[str]] | None = None


of_handshake = partial(About, "Limits of a handshake")
per_connection = partial(About, "Limits of a connection")
per_chat = partial(About, "Limits of a chat")
per_address = partial(About, "Limits of an address")
per_channel = partial(About, "Limits of a channel")
per_process = partial(About, "Limits of a process")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits in force. Sizes are bytes, times are seconds, unless a name says otherwise."""

    handshake_bytes: Annotated[
        Count, of_handshake("most bytes of the head of a request, else 431")
    ] = 32 * 1024
    handshake_headers: Annotated[Count, of_handshake("most header lines of it, else 431")] = 100
    handshake_deadline: Annotated[Time, of_handshake("seconds for a whole handshake")] = 5
    start_chat_deadline: Annotated[
        Time, of_handshake("seconds from the handshake to start_chat, else close 4001")
    ] = 10

    message_bytes: Annotated[
        Count, per_connection("most bytes of a visitor's message or frame, else close 1009")
    ] = 16 * 1024
    fragments_per_message: Annotated[Count, per_connection("most frames of one message")] = 64
    frames_per_second: Annotated[Rate, per_connection("frames a second")] = 100
    pings_per_second: Annotated[Rate, per_connection("pings a second")] = 1
    pings_burst: Annotated[Count, per_connection("pings at once")] = 20
    commands_per_second: Annotated[Rate, per_connection("commands a second")] = 20
    commands_burst: Annotated[Count, per_connection("commands at once")] = 120
    bad_commands_per_minute: Annotated[
        Rate, per_connection("commands in error a minute, else close 4400")
    ] = 10
    history_per_second: Annotated[Rate, per_connection("history pages a second")] = 2
    history_burst: Annotated[Count, per_connection("history pages at once")] = 5
    unsent_pause_bytes: Annotated[
        Count, per_connection("unsent bytes at which a socket is no longer read")
    ] = 256 * 1024
    unsent_close_bytes: Annotated[
        Count, per_connection("unsent bytes at which a socket is cut off")
    ] = 1024 * 1024
    window_messages: Annotated[Count, per_connection("messages under way unacknowledged")] = 32
    window_bytes: Annotated[Count, per_connection("bytes under way unacknowledged")] = 64 * 1024
    write_stall: Annotated[
        Time, per_connection("seconds without progress in writing until a socket is cut off")
    ] = 15
    ping_interval: Annotated[Time, per_connection("seconds between pings to a visitor")] = 30
    ping_timeout: Annotated[
        Time, per_connection("seconds a visitor has to answer a ping; at most until the next")
    ] = 10

    sends_per_second: Annotated[Rate, per_chat("messages a second")] = 2
    sends_burst: Annotated[Count, per_chat("messages at once")] = 60
    emails_per_minute: Annotated[Rate, per_chat("e-mail addresses a minute")] = 6
    emails_burst: Annotated[Count, per_chat("e-mail addresses at once")] = 10
    history_page_bytes: Annotated[
        Count, per_chat("most bytes of a page of history, unless one message is larger")
    ] = 12 * 1024
    history_bytes_per_second: Annotated[Rate, per_chat("bytes of history a second")] = 16 * 1024
    history_bytes_burst: Annotated[Count, per_chat("bytes of history at once")] = 256 * 1024
    sockets_per_chat: Annotated[Count, per_chat("open sockets; the oldest is closed with 4409")] = 5
    outbox_messages: Annotated[Count, per_chat("messages that may wait for the visitor")] = 1000
    outbox_bytes: Annotated[Count, per_chat("bytes that may wait for the visitor")] = 1024 * 1024
    outbox_days: Annotated[Days, per_chat("days that messages wait for the visitor")] = 14
    duplicate_memory_hours: Annotated[
        Time, per_chat("hours that repeated sends are recognised")
    ] = 24
    spool_events: Annotated[Count, per_chat("events that may wait for Courier")] = 1000
    spool_hours: Annotated[Time, per_chat("hours that events wait for Courier")] = 72

    new_chats_per_minute: Annotated[Rate, per_address("new chats a minute")] = 30
    new_chats_burst: Annotated[Count, per_address("new chats at once")] = 60
    sockets_per_address: Annotated[Count, per_address("open sockets")] = 200
    connects_per_second: Annotated[Rate, per_address("connections a second")] = 20
    connects_burst: Annotated[Count, per_address("connections at once")] = 100
    commands_at_once: Annotated[
        Count, per_address("commands that are carried out before those of others")
    ] = 16
    address_sends_per_second: Annotated[Rate, per_address("messages a second, in all chats")] = 50
    address_sends_burst: Annotated[Count, per_address("messages at once, in all chats")] = 2000
    address_history_bytes_per_second: Annotated[
        Rate, per_address("bytes of history a second, of all chats")
    ] = 1024 * 1024
    address_history_bytes_burst: Annotated[
        Count, per_address("bytes of history at once, of all chats")
    ] = 8 * 1024 * 1024
    unfinished_per_address: Annotated[
        Count, per_address("unfinished HTTP requests; the oldest makes way")
    ] = 50
    vain_lookups_per_second: Annotated[
        Rate, per_address("lookups a second of what is not there, and for wrong secrets")
    ] = 5
    vain_lookups_burst: Annotated[Count, per_address("such lookups at once")] = 100
    addresses_per_network: Annotated[
        Count, per_address("times what one address has that an IPv6 /48 has in all")
    ] = 10
    desk_logins_per_minute: Annotated[
        Rate, per_address("wrong tokens a minute at the desk, then 429 instead of 403")
    ] = 10
    unproven_bytes_per_second: Annotated[
        Rate, per_address("bytes a second in POSTs until one had a right secret")
    ] = 256 * 1024
    unproven_bytes_burst: Annotated[Count, per_address("such bytes at once")] = 2 * 1024 * 1024
    wrong_secrets_per_minute: Annotated[
        Rate, per_address("wrong secrets a minute for one channel, then 429 instead of 400")
    ] = 10

    channel_new_chats_per_minute: Annotated[Rate, per_channel("new chats a minute")] = 600
    channel_new_chats_burst: Annotated[Count, per_channel("new chats at once")] = 300

    sockets: Annotated[Count, per_process("open sockets")] = 10_000
    spool_total: Annotated[Count, per_process("events that may wait for Courier in all")] = 100_000
    unfinished_bytes: Annotated[
        Count, per_process("bytes of unfinished HTTP requests in all; the greediest make way")
    ] = 64 * 1024 * 1024
    post_bytes: Annotated[Count, per_process("most bytes of a POST body")] = 1024 * 1024
    post_deadline: Annotated[Time, per_process("seconds for a whole POST request")] = 10
    courier_connect_timeout: Annotated[Time, per_process("seconds to connect to Courier")] = 3
    courier_timeout: Annotated[Time, per_process("seconds to wait for Courier's answer")] = 35
    courier_parallel: Annotated[Count, per_process("requests to Courier at once")] = 64
    drain_deadline: Annotated[
        Time, per_process("seconds that work in hand may take when stopping")
    ] = 10
    stop_deadline: Annotated[
        Time, per_process("seconds after which a stop no longer waits for anything")
    ] = 30

    def without_rates(self) -> "Limits":
        """The same without rates and without caps on an address, for benchmarks and networks of
        clients who are known. What bounds memory stays: sizes, windows and deadlines."""
        return msgspec.structs.replace(
            self,
            **{name: math.inf for name in self.__struct_fields__ if _is_rate(name)},
            sockets_per_address=2**31,
            commands_at_once=2**31,
            unfinished_per_address=2**31,
        )


_PER = ("_per_second", "_per_minute")


def _is_rate(name: str) -> bool:
    return name.endswith(_PER)
