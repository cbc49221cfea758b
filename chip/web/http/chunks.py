"""The chunked body of an HTTP request, as RFC 9112 has it in section 7.1.

    4;extension CR LF  data CR LF  0 CR LF  Trailer: x CR LF  CR LF

Owns which bodies are refused. Extensions and trailers are dropped. Twisted's own decoder waits
where a line ends in LF alone, and does not look at trailers.
"""

import re
from collections.abc import Callable
from typing import Final, Literal

from chip.web.http.head import BadRequest

MAX_LINE: Final = 1024
"""Bytes of the line before a chunk."""
MAX_TRAILERS: Final = 8 * 1024
"""Bytes of all trailers."""
FREE_CHUNKS: Final = 1000
"""Chunks that a body may have however small they are."""
BYTES_PER_CHUNK: Final = 256
"""Bytes of the body for each chunk more. A chunk costs 6 µs, even one of a single byte."""

_TEXT = rb"[\t -~\x80-\xff]*"
_SIZE = re.compile(rb"(?P<size>[0-9A-Fa-f]{1,15})(?:[ \t]*;%b)?" % _TEXT)
_TRAILER = re.compile(rb"[!-9;-~]+:%b" % _TEXT)


class Chunks:
    """Decodes one body. `take` is called with each piece of it, and at its end `finish` with
    whatever came behind it. Raises BadRequest."""

    def __init__(self, take: Callable[[bytes], object], finish: Callable[[bytes], object]) -> None:
        self._take = take
        self._finish = finish
        self._buffer = bytearray()
        self._left = 0  # of a chunk's data
        self._next: Literal["size", "end of data", "trailer"] = "size"
        self._trailers = 0
        self._chunks = 0
        self._taken = 0  # bytes of data

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the peer; called so by Twisted."""
        self._buffer += data
        while self._buffer:
            if self._left:
                self._data()
            elif (line := self._line()) is None or self._is_last(line):
                return

    def _data(self) -> None:
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: self._left]
        self._left -= len(piece)
        self._taken += len(piece)
        self._take(piece)

    def _line(self) -> bytes | None:
        """The next line without its end, or None when there is none yet."""
        most = {"size": MAX_LINE, "end of data": 0, "trailer": MAX_TRAILERS - self._trailers}
        longest = most[self._next]
        end = self._buffer.find(b"\r\n", 0, longest + len(b"\r\n"))
        is_whole = end >= 0
        line = bytes(self._buffer[: end if is_whole else longest + len(b"\r\n")])
        without_cr = line if is_whole else line.removesuffix(b"\r")
        if len(without_cr) > longest or b"\n" in line or b"\r" in without_cr:
            raise BadRequest("the chunked body is malformed")
        if not is_whole:
            return None
        del self._buffer[: end + len(b"\r\n")]
        return line

    def _is_last(self, line: bytes) -> bool:
        """Whether the body ends with this line."""
        if self._next == "size":
            match = _SIZE.fullmatch(line)
            if match is None:
                raise BadRequest("the chunked body is malformed")
            self._chunks += 1
            if self._chunks > FREE_CHUNKS + self._taken // BYTES_PER_CHUNK:
                raise BadRequest("the chunked body has too many small chunks")
            self._left = int(match["size"], 16)
            self._next = "end of data" if self._left else "trailer"
        elif self._next == "end of data":
            self._next = "size"
        elif line:
            self._trailers += len(line) + len(b"\r\n")
            if _TRAILER.fullmatch(line) is None:
                raise BadRequest("the chunked body is malformed")
        else:
            self._finish(bytes(self._buffer))
            return True
        return False
