"""How the desk of a Chip that runs alone is made: what it is told of the settings, and how it and
Chip reach each other."""

import socket
from typing import Any
from urllib.parse import urlsplit

from twisted.web.client import Agent, HTTPConnectionPool

from chip.app.backend import Backend
from chip.chat.observer import Observer
from chip.chat.server import ChatServer
from chip.config.schema import Config
from chip.desk.desk import Desk
from chip.desk.loopback import loopback_post
from chip.store.sqlite import SqliteStore

TIMEOUT = 10
"""Seconds that the desk waits for Chip's own answer."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
DESK_IS_CLOSED = (
    "The desk is closed: others than this machine may reach Chip, and desk_token is not set."
)


def make_desk(
    config: Config,
    reactor: Any,
    backend: Backend,
    server: ChatServer,
    chip_url: str,
    *,
    observer: Observer,
) -> Desk:
    """The desk, which says to Chip at `chip_url` what Courier would."""
    store, archive = backend.store, backend.archive
    assert isinstance(store, SqliteStore)  # noqa: S101 - without `db` it is
    assert archive is not None  # noqa: S101 - without `db` there is
    pool = HTTPConnectionPool(reactor)
    agent = Agent(reactor, connectTimeout=TIMEOUT, pool=pool)
    desk = Desk(
        store,
        post=loopback_post(agent, chip_url),
        presence=server.hub,
        clock=reactor,
        base_url=config.url,
        public_url=config.public_url,
        token=config.desk_token,
        guide=config.desk_guide,
        limits=config.limits_in_force,
        count_login=observer.desk_login,
        # With a token of its own it may be anywhere; without one it is this machine's alone.
        hosts=None if config.desk_token else own_hosts(config),
        closed="" if config.desk_token or config.is_this_machines_alone else DESK_IS_CLOSED,
    )
    archive.on_message(desk.message_changed)
    return desk


def own_hosts(config: Config) -> frozenset[str]:
    """The hosts by which browsers on this machine ask: loopback's, and the one that is printed."""
    return LOOPBACK | {urlsplit(config.own_origin).hostname or ""}


def loopback_socket() -> socket.socket:
    """A port that only this machine reaches, for the desk and Chip to talk to each other."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    listening.setblocking(False)
    return listening
