"""A real website on a port of its own, and whoever answers its visitors at the desk."""

from __future__ import annotations

import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.support.chip_process import ChipProcess
from tests.support.fetch import fetch
from tests.support.process import eventually

TOKEN = "a-token-for-the-tests-of-the-widget"


class Website:
    """Serves `pages`, by path, each with the policy that the test gave it."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, dict[str, str]]] = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                markup, headers = site.pages.get(self.path, ("", {}))
                self.send_response(200 if self.path in site.pages else 404)
                for name, value in {"Content-Type": "text/html", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(markup.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing: the tests' output is theirs."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def put(self, markup: str, path: str = "/", **headers: str) -> str:
        """Put a page with this markup into the site; return its address."""
        head = '<!doctype html><html lang="en"><title>A shop</title><link rel="icon" href="data:,">'
        page = f"{head}{markup}<h1>A shop</h1></html>"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (page, named)
        return self.url + path

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class DeskClient:
    """Somebody who answers at the desk of a running Chip, by what its page asks for."""

    def __init__(self, chip: ChipProcess) -> None:
        self.chip = chip
        answer = fetch(f"{chip.url}/desk/?token={TOKEN}")
        self._headers = {
            "Cookie": answer.headers["set-cookie"].partition(";")[0],
            "X-Chip-Desk": "1",
        }

    def conversations(self) -> list[dict[str, Any]]:
        return self._ask("conversations")["conversations"]

    def messages(self, conversation: int) -> list[dict[str, Any]]:
        """Return what was said, oldest first, of however many pages."""
        page = self._ask(f"conversations/{conversation}")
        messages = page["messages"]
        while page["more"]:
            page = self._ask(f"conversations/{conversation}?before={messages[0]['id']}")
            messages = page["messages"] + messages
        return messages

    def heard(self, conversation: int) -> list[str]:
        """Return what the visitor said."""
        return [one["text"] for one in self.messages(conversation) if one["incoming"]]

    def hears(self, conversation: int, *texts: str) -> None:
        """Wait until the visitor has said exactly that, each once and in that order."""
        eventually(lambda: self.heard(conversation) == list(texts), f"the desk heard {texts}")

    def visitor(self) -> int:
        """Wait for somebody to write, and return his conversation."""
        eventually(self.conversations, "somebody writes")
        return self.conversations()[0]["id"]

    def reply(self, conversation: int, text: str = "", **more: Any) -> None:
        body = {"uuid": str(uuid.uuid4()), "text": text, "author": "Bob McTickets", **more}
        self._ask(f"conversations/{conversation}/messages", body)

    def delivered(self, conversation: int, text: str) -> None:
        """Wait until the desk knows that the visitor has that message."""
        eventually(
            lambda: any(
                one["text"] == text and one["state"] == "delivered"
                for one in self.messages(conversation)
            ),
            f"{text!r} is delivered",
        )

    def _ask(self, path: str, body: Any = None) -> Any:
        url = f"{self.chip.url}/desk/api/{path}"
        method = "GET" if body is None else "POST"
        answer = fetch(url, method=method, body=body, headers=self._headers)
        assert answer.status == 200, answer.body
        return answer.json


def channel_of(chip: ChipProcess) -> str:
    """Return the channel that an embedded Chip made for a website."""
    page = fetch(f"{chip.url}/", headers={"Accept": "text/html"}).body.decode()
    found = re.search(r'data-channel="([0-9a-f-]{36})"&gt;', page)
    assert found, page
    return found[1]
