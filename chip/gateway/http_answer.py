"""Answers of HTTP/1.1, out of the bytes of a connection.

Owns what an answer looks like on the wire, which httptools parses, the parser of Node.js. It knows
neither connections nor what an answer means.
"""

from typing import Any, Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse
from zope.interface import implementer

_LENGTHS: Final = (b"content-length", b"transfer-encoding")


@implementer(IResponse)
class Response:
    """An answer that has come whole. `raw_headers` are pairs of name and value."""

    version = (b"HTTP", 1, 1)
    request = None
    previousResponse: Any = None

    def __init__(
        self, code: int, phrase: bytes, raw_headers: list[tuple[bytes, bytes]], body: bytes
    ) -> None:
        self.code = code
        self.phrase = phrase
        self.length = len(body)
        self._raw_headers = raw_headers
        self._body = body

    @property
    def headers(self) -> Headers:
        """Made when asked for, since of most answers only status and body are read."""
        headers = Headers()
        for name, value in self._raw_headers:
            headers.addRawHeader(name, value)
        return headers

    def deliverBody(self, protocol: Any) -> None:
        """Give `protocol` the body, and its end, at once."""
        protocol.dataReceived(self._body)
        protocol.connectionLost(Failure(ResponseDone()))

    def setPreviousResponse(self, response: Any) -> None:
        """Remember the redirect that led here; the interface wants it."""
        self.previousResponse = response


class AnswerReader:
    """The answers of one connection, one after the other. Methods that begin with ``on_`` are what
    the parser calls."""

    def __init__(self) -> None:
        self.reusable = False
        """Whether the connection is good for another request after the answer."""
        self._parser = HttpResponseParser(self)
        self._response: Response | None = None
        self.on_message_begin()

    def feed(self, data: bytes) -> Response | None:
        """The answer, if it is complete with `data`. Raises HttpParserError."""
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            raise HttpParserError("the answer speaks another protocol") from None
        except HttpParserError:
            # What follows an answer takes nothing from it, but nobody has asked for it.
            if not self._response:
                raise
            self.reusable = False
        response, self._response = self._response, None
        return response

    def end(self) -> Response | None:
        """The answer whose end is that of the connection, if there was one under way."""
        response = self._built() if self._until_closed else None
        del self._parser  # it has methods of this object, which is a cycle
        return response

    def on_message_begin(self) -> None:
        """An answer begins. Behind one that is complete, nobody has asked for it."""
        self.reusable = False
        self._phrase = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._until_closed = False

    def on_status(self, phrase: bytes) -> None:
        """The words behind the status code, or a part of them."""
        self._phrase += phrase

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """A body follows, of the length that the headers say, or to the connection's end."""
        self._until_closed = not any(name.lower() in _LENGTHS for name, _ in self._headers)

    def on_body(self, part: bytes) -> None:
        """A part of the body."""
        self._body.append(part)

    def on_message_complete(self) -> None:
        """The answer is whole, unless it is an interim one, as 100 is."""
        self._until_closed = False
        if self._parser.get_status_code() >= 200 and not self._response:
            self._response = self._built()
            self.reusable = self._parser.should_keep_alive()

    def _built(self) -> Response:
        code = self._parser.get_status_code()
        return Response(code, self._phrase, self._headers, b"".join(self._body))
