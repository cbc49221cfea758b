"""Headers that keep the desk and its pages safe, on each of their answers, errors included."""

from typing import Final

from chip.web.http.answers import Answer, Handler, Header, answer_to
from chip.web.http.request import Request

_SAFE: Final[tuple[Header, ...]] = (
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Referrer-Policy", b"no-referrer"),
    (b"X-Frame-Options", b"DENY"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
    (b"Cache-Control", b"no-store"),
)


def with_safe_headers(handler: Handler) -> Handler:
    """`handler`, with these headers wherever its answer does not say otherwise."""

    async def handle(request: Request) -> Answer | None:
        try:
            answer = await handler(request)
        except Exception as error:
            answer = answer_to(error)
        if answer is None:
            return None
        return answer._replace(headers=(*_SAFE, *answer.headers))

    return handle
