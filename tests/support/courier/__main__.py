"""The stand-in Courier as a process of its own; see the package."""

from __future__ import annotations

import argparse
import asyncio
import signal

from .control import Control
from .database import Backend, Database, Memory
from .http import Server
from .records import Log
from .whole import WholeCourier


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.support.courier")
    parser.add_argument("--port", type=int, required=True, help="where Chip posts to")
    parser.add_argument("--control", type=int, required=True, help="where tests ask for things")
    parser.add_argument("--db", help="RapidPro's database; without it nothing is kept")
    parser.add_argument("--secret", default="sesame", help="every channel's, without --db")
    parser.add_argument("--chip", default="http://127.0.0.1:8070", help="Chip's base URL")
    parser.add_argument("--era", choices=("id", "uuid"), help="how statuses must name messages")
    parser.add_argument("--repeat-window", type=float, default=4.0, help="in seconds")
    parser.add_argument(
        "--no-messages",
        action="store_true",
        help="make contacts, but write no rows of messages and keep no log",
    )
    return parser.parse_args()


async def _serve(options: argparse.Namespace) -> None:
    backend: Backend = Memory(options.secret)
    if options.db:
        backend = Database(options.db, messages=not options.no_messages)
    courier = WholeCourier(backend, Log(keep=not options.no_messages), options.chip)
    courier.configure("repeat_window", options.repeat_window)
    courier.configure("era", options.era)
    server = Server(courier.receiver.handle, options.port)
    control = Control(courier, server)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await server.listen()
    await Server(control.handle, options.control).listen()
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
