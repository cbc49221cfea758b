"""How a message of an External channel reaches Chip: by requests made from a template.

The channel's `config` holds what RapidPro's form asks for: `send_url`, `method`, `content_type`,
`body`, `max_length`, `send_authorization`, `mt_response_check`; and `headers`, which no form asks
for. Of the message there are its text, quick replies and the URLs of attachments; a long text goes
in parts, one request each, all with the same id.
"""

from __future__ import annotations

import ipaddress
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from .database import Channel
from .http import Answer, Client
from .outgoing import ERRORED, FAILED, WIRED, Json, Saying, no_answer, outcome
from .parts import split, whole_text
from .releases import Settings
from .templates import CONTENT_TYPES, URLENCODED, fill

_SEE_OTHER = {301, 302, 303}
_REPEAT_THERE = {307, 308}
_MOST_REDIRECTS = 10
_GUNZIP = 16 + zlib.MAX_WBITS


class ExternalRoad:
    """Posts to the channel's `send_url`. A host that is not on this machine is where `chip` is."""

    def __init__(self, client: Client, settings: Settings, chip: str) -> None:
        self._client = client
        self._settings = settings
        self.chip = chip

    def payload(self, channel: Channel, saying: Saying) -> list[Json]:
        """Return the requests, one for each part of the message."""
        if not channel.config.get("send_url"):
            return []
        limit = int(channel.config.get("max_length", 160))
        parts = split(whole_text(saying.text, saying.attachments), limit)
        replies: list[list[str]] = [[] for _ in parts]
        replies[-1] = saying.quick_replies
        return [
            self._request(channel, saying, part, last)
            for part, last in zip(parts, replies, strict=True)
        ]

    def _request(
        self, channel: Channel, saying: Saying, part: str, quick_replies: list[str]
    ) -> Json:
        config = channel.config
        content_type = config.get("content_type", URLENCODED)
        method = config.get("method", "POST")
        sender = channel.address or ""
        variables = {
            "id": str(saying.id) if saying.era == "id" else saying.uuid,
            "text": part,
            "to": saying.chat,
            "to_no_plus": saying.chat.removeprefix("+"),
            "from": sender,
            "from_no_plus": sender.removeprefix("+"),
            "channel": channel.uuid,
            "session_status": saying.session_status,
        }
        if saying.era != "id":
            variables["uuid"] = saying.uuid
        body = ""
        if method in {"POST", "PUT"}:
            body = fill(config.get("body", ""), variables, quick_replies, content_type)
        return {
            "method": method,
            "url": fill(config["send_url"], variables, quick_replies, URLENCODED),
            "headers": self._headers(config, saying),
            "body": body,
        }

    def _headers(self, config: Mapping[str, Any], saying: Saying) -> dict[str, str]:
        content_type = config.get("content_type", URLENCODED)
        headers = {
            "User-Agent": self._settings.release(saying.era).user_agent,
            "Content-Type": CONTENT_TYPES.get(content_type, content_type),
            "Accept-Encoding": "gzip",
        }
        if authorization := saying.secret or config.get("send_authorization"):
            headers["Authorization"] = authorization
        own = {name.title(): str(value) for name, value in config.get("headers", {}).items()}
        return headers | own

    async def post(
        self, channel: Channel, payload: list[Json] | dict[str, str], chip: str | None
    ) -> tuple[Json, str]:
        """Post the parts in turn until one is not taken; return the last answer with all
        `answers`, and what they make of the message. A form is posted as one part."""
        requests = [self._of_form(channel, payload)] if isinstance(payload, dict) else payload
        answers: list[Json] = []
        verdict = FAILED
        for request in requests:
            result = await outcome(self._ask(request, chip))
            answers.append(result)
            verdict = self._verdict(channel, result)
            if verdict != WIRED:
                break
        last = answers[-1] if answers else no_answer("channel config invalid")
        return last | {"answers": answers}, verdict

    def _of_form(self, channel: Channel, form: dict[str, str]) -> Json:
        nothing = Saying(0, "", form.get("to", ""), "", self._settings.release().era)
        return self._request(channel, nothing, "", []) | {"body": urlencode(form)}

    async def _ask(self, request: Json, chip: str | None) -> Answer:
        """Ask as Go does, which follows redirects, most of them by a GET without a body."""
        method, url = request["method"], request["url"]
        headers, body = request["headers"], request["body"].encode()
        if self._settings.disallows and _is_private(url):
            raise PermissionError("disallowed network")
        if chip:
            url = _at(chip, url)
        for _ in range(_MOST_REDIRECTS):
            there = url if _is_private(url) else _at(self.chip, url)
            answer = _plain(await self._client.request(method, there, headers, body))
            location = answer.header("location")
            if not location or answer.status not in _SEE_OTHER | _REPEAT_THERE:
                return answer
            url = urljoin(url, location)
            if answer.status in _SEE_OTHER:
                method, body = "GET", b""
        raise ConnectionError("too many redirects")

    def _verdict(self, channel: Channel, result: Json) -> str:
        status = result["status"]
        if status is None or status >= 500:
            return ERRORED
        if status == 429 and self._settings.release().patient:
            return ERRORED
        if not 200 <= status < 300:
            return FAILED
        wanted = channel.config.get("mt_response_check", "")
        return WIRED if wanted in result["text"] else FAILED


def _at(base: str, url: str) -> str:
    """Return the same place at another base URL."""
    there = urlsplit(base)
    return urlunsplit(urlsplit(url)._replace(scheme=there.scheme, netloc=there.netloc))


def _is_private(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost"


def _plain(answer: Answer) -> Answer:
    if answer.header("content-encoding") != "gzip":
        return answer
    return Answer(answer.status, zlib.decompress(answer.body, _GUNZIP), answer.headers)
