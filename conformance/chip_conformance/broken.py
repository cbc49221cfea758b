"""How a promise that is not kept shows, wherever that is noticed."""


class Broken(Exception):
    """The server has not kept a promise; the text says what was seen instead."""


def expect(holds: object, seen: object) -> None:
    """Raises Broken with what was seen, unless it holds."""
    if not holds:
        raise Broken(str(seen))
