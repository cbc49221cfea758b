"""What everything in Valkey is called."""

from __future__ import annotations

from chip.queue.valkey.keys import Keys


def test_every_key_of_a_single_server_has_the_name_that_it_always_had():
    keys, chat = Keys(5), b"1@2"
    assert [key.decode() for key in keys.messages(chat)] == [
        "chat:outbox:1@2",
        "chat:outboxes",
        "chat:numbers:1@2",
        "chat:sent:1@2",
        "chat:spool:1@2",
        "chat:spools",
        "chat:courier:1@2",
        "chat:alive",
        "chat:email:1@2",
        "chat:spool-ages",
        "chat:spool-totals",
        "chat:reports:1@2",
        "chat:balance",
    ]
    others = (keys.damaged, keys.refs, keys.made, keys.email, keys.live)
    assert [key(chat).decode() for key in others] == [
        "chat:damaged:1@2",
        "chat:refs:1@2",
        "chat:made:1@2",
        "chat:email:1@2",
        "chat:live:5:1@2",
    ]


def test_every_key_of_a_part_bears_its_tag():
    keys, whole, chat = Keys(0, b"x"), Keys(0), b"1@2"
    for of_part, key in zip(every_key(keys, chat), every_key(whole, chat), strict=True):
        assert of_part == key.replace(b"chat:", b"chat:{x}:")


def every_key(keys: Keys, chat: bytes) -> list[bytes]:
    of_chats = (keys.damaged, keys.refs, keys.made, keys.email, keys.live, keys.check)
    return [*keys.messages(chat), *[key(chat) for key in of_chats]]
