"""A stand-in for Courier, RapidPro's messaging gateway, as one separate process.

`python -m tests.support.courier` runs it; `Courier` starts it and asks it for things.
Everything here blocks until the answer is there. Where Chip runs in the reactor of the same
process, use `courier.apart`, whose methods are the same, run in a thread and return Deferreds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.support.in_thread import InThread
from tests.support.process import ChildProcess, answers, free_port
from tests.support.rapidpro import Channel

Json = dict[str, Any]
_ROOT = Path(__file__).parents[3]


class Courier(ChildProcess):
    """The process, and its controls. Without `db` it keeps nothing and knows one secret."""

    name = "courier"

    def __init__(
        self,
        db: str | None = None,
        *,
        chip: str = "",
        era: str = "",
        secret: str = "sesame",
        repeat_window: float = 4.0,
        messages: bool = True,
        directory: Path | None = None,
    ) -> None:
        super().__init__(directory)
        self.port = free_port()
        self.control_port = free_port()
        self._arguments = ["--secret", secret, "--repeat-window", str(repeat_window)]
        self._arguments += ["--db", db] if db else []
        self._arguments += ["--chip", chip] if chip else []
        self._arguments += ["--era", era] if era else []
        self._arguments += [] if messages else ["--no-messages"]

    def command(self) -> Sequence[str]:
        ports = ["--port", str(self.port), "--control", str(self.control_port)]
        return [sys.executable, "-m", __name__, *ports, *self._arguments]

    def spawn_options(self) -> Json:
        return {"cwd": _ROOT}

    def ready(self) -> bool:
        return answers(self.port) and answers(self.control_port)

    @property
    def domain(self) -> str:
        """What Chip's `domain` must be."""
        return f"127.0.0.1:{self.port}"

    @property
    def apart(self) -> InThread:
        """The same methods, each run in a thread and returning a Deferred."""
        return InThread(self)

    # Messages to visitors.

    def send(self, channel: Channel | str, chat: str, text: str = "hi", **options: Any) -> Json:
        """Say something to a visitor; return Chip's `status` (None: no answer) and `body`.

        Also the message's `id`, `uuid`, what it `became` ("sent", "failed" or "errored"), the
        `payload` and all `answers`. Options: era ("id" or "uuid"), origin, user_id, attachments,
        quick_replies (texts, or texts with what is behind them), secret, row (False: write no
        row), chip (another base URL).

        On an External channel the payload is the requests, one for each part of the text, and
        status and body are those of the last part that was sent; `secret` is sent as
        `Authorization`. Its `send_url` leads to `chip` unless it is on this machine.
        """
        return self._ask("send", channel=_address(channel), chat=chat, text=text, **options)

    def send_many(
        self, sends: Iterable[Json], parallel: int = 8, pause: float = 0, *, ordered: bool = True
    ) -> list[Json]:
        """Send many, each given as the arguments of `send`, several chats at a time.

        `pause` is between the messages of one chat, which the real one lets 3 s pass between when
        they come from one step of a flow. Not `ordered`, they go as if queued separately: several
        of one chat at a time, in any order.
        """
        plain = [{**one, "channel": _address(one["channel"])} for one in sends]
        return self._ask("send_many", sends=plain, parallel=parallel, pause=pause, ordered=ordered)

    def post(
        self, channel: Channel | str, payload: Any, copies: int = 1, chip: str | None = None
    ) -> list[Json]:
        """Post any payload to Chip, so many times at once; return what came of each.

        A dictionary is the JSON of the body, or on an External channel the fields of a form.
        """
        return self._ask(
            "post", channel=_address(channel), payload=payload, copies=copies, chip=chip
        )

    def again(self, sent: Json, copies: int = 1, chip: str | None = None) -> list[Json]:
        """Post what `send` has posted before."""
        return self.post(sent["channel"], sent["payload"], copies, chip)

    def deliver_again(self, sent: Json) -> Json:
        """Send a message once more, as after an answer that was lost: it becomes wired anew."""
        return self._ask(
            "deliver_again", channel=sent["channel"], payload=sent["payload"], id=sent["id"]
        )

    def queue_again(self, sent: Json) -> Json:
        """Queue a message a second time: one that was sent or has failed within the last hour is
        not sent again, but becomes wired whatever it was."""
        return self._ask(
            "queue_again", channel=sent["channel"], payload=sent["payload"], id=sent["id"]
        )

    def retry(self, chip: str | None = None) -> list[Json]:
        """Send everything again that met a 5xx or no answer, from the first part on."""
        return self._ask("retry", chip=chip)

    def let_go(self) -> None:
        """Close the connections to Chip that are kept for the next message."""
        self._ask("let_go")

    # Events from visitors.

    def requests(self, chat: str | None = None) -> list[Json]:
        """Return the requests that came, in order: number, connection, channel, chat_id, events,
        done (Courier's result for each event that happened), at, until, status (-1: hung up), form
        (what was posted to an External channel, of which each request is one event)."""
        return self._ask("requests", chat=chat)

    def events(self, chat: str | None = None, kind: str | None = None) -> list[Json]:
        """Return the events that happened, in order, flat."""
        return [
            event
            for request in self.requests(chat)
            for event, _ in zip(request["events"], request["done"], strict=False)
            if kind in {None, event["type"]}
        ]

    def texts(self, chat: str | None = None) -> list[str]:
        """Return what visitors said and Courier took for new, in the order of arrival."""
        taken: dict[str, str] = {}
        for request in self.requests(chat):
            for result in request["done"]:
                if result["type"] == "msg":
                    taken.setdefault(result["msg_uuid"], result["text"])
        return list(taken.values())

    def statuses(self, chat: str | None = None) -> list[Json]:
        """Return the reports about messages, in the order of arrival."""
        return [event["status"] for event in self.events(chat, "msg_status")]

    def wait(
        self,
        count: int = 0,
        chat: str | None = None,
        kind: str | None = None,
        *,
        requests: int = 0,
        timeout: float = 60,
    ) -> None:
        """Return once so many events have happened and so many requests have been answered."""
        found = self._ask(
            "wait", count=count, chat=chat, kind=kind, requests=requests, timeout=timeout
        )
        if not found:
            raise TimeoutError(
                f"waited {timeout:g} s for {count} {kind or 'events'} and {requests} requests:"
                f" {self.stats()}"
            )

    def clear(self) -> None:
        """Forget what came."""
        self._ask("clear")

    def stats(self) -> Json:
        """Return requests, events (by type), first and latest (times), connections, cpu…"""
        return self._ask("stats")

    def write_spooled(self) -> None:
        """Write at once what was taken while the database was away and External channels spoke."""
        self._ask("write_spooled")

    def write_statuses(self) -> None:
        """Write at once the statuses that wait for their batch."""
        self._ask("write_statuses")

    # Trouble.

    def fault(self, **fields: Any) -> None:
        """Do something wrong from now on; see records.Fault for the fields."""
        self._ask("fault", **fields)

    def fail(self, status: int = 500, times: int | None = None, **fields: Any) -> None:
        """Answer this status instead of doing anything."""
        self.fault(status=status, times=times, **fields)

    def hang_up(self, times: int | None = None, *, work: bool = False, **fields: Any) -> None:
        """Close the connection instead of answering, before or after doing the `work`."""
        self.fault(hang_up=True, work=work, times=times, **fields)

    def dawdle(self, delay: float = 0, linger: float = 0, **fields: Any) -> None:
        """Take so many seconds before the work, or between the work and its answer."""
        self.fault(delay=delay, linger=linger, **fields)

    def heal(self) -> None:
        """Listen, and do everything right again."""
        self._ask("heal")

    def deaf(self) -> None:
        """Reset all connections and listen no more, until healed."""
        self._ask("deaf")

    def configure(self, **settings: Any) -> None:
        """Set how Courier behaves; what is not given stays as it is.

        era: how messages are named, "id" or "uuid", "" for both. release: "10.2", "26.2" or "26.3",
        of which the last has no webchat channels and retries after 429; it sets the era, too.
        chip: Chip's base URL. advance: seconds by which the clock of repeated texts, remembered
        channels and sent messages is put forward.

        In seconds, with the real ones: repeat_window (4), status_window (0.5; here 0), patience
        with answers (30), spool_interval (30; here 0.5).

        full: workspaces take no new contacts. disallows: nothing is sent to private addresses.
        """
        self._ask("configure", **settings)

    def _ask(self, name: str, **fields: Any) -> Any:
        connection = HTTPConnection("127.0.0.1", self.control_port, timeout=120)
        try:
            connection.request("POST", f"/_/{name}", json.dumps(fields))
            answer = connection.getresponse()
            content = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise ValueError(f"{name}: {content['error']}")
        return content


def _address(channel: Channel | str) -> str:
    return channel if isinstance(channel, str) else channel.uuid
