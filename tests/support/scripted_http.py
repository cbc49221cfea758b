"""A web server that answers what it is told to, in a thread, and keeps what it was asked.

with ScriptedHttp() as server:
    server.answers += [503, Reply(302, location="/elsewhere")]
    …
    assert [asked.method for asked in server.asked] == ["POST", "POST", "GET"]
"""

from __future__ import annotations

import http.server
import threading
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class Asked:
    """`headers` are by lower-case name."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Reply:
    """`status` None closes the connection instead."""

    status: int | None = 200
    body: bytes = b'{"status":"queued"}'
    location: str = ""


class ScriptedHttp:
    """Answers as `answers` say, each a Reply or its status, and then with `Reply()`."""

    def __init__(self) -> None:
        self.answers: list[Reply | int | None] = []
        self.asked: list[Asked] = []
        script = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Else the body waits for the acknowledgement of the head.
            disable_nagle_algorithm = True

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                script.asked.append(Asked(self.command, self.path, headers, body))
                reply = script.answers.pop(0) if script.answers else Reply()
                if not isinstance(reply, Reply):
                    reply = Reply(reply)
                if reply.status is None:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                if reply.location:
                    self.send_header("Location", reply.location)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def do_GET(self) -> None:
                self.answer()

            def do_POST(self) -> None:
                self.answer()

            def do_PUT(self) -> None:
                self.answer()

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
