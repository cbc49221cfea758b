"""What is to be written into RapidPro's form for an External channel, field by field.

In RapidPro: Add channel, External API. Nothing but the name can be changed later.
  URN type               Web chat (webchat)
  …
"""

import secrets
import string
from collections.abc import Iterator
from typing import Final

from chip.models import MAX_LENGTH
from chip.store.external_form import BODY, PATH, RESPONSE_CHECK

_LETTERS: Final = string.ascii_letters + string.digits
_RANDOM: Final = 40


def new_authorization() -> str:
    """A secret by which Courier proves itself, made anew each time."""
    return "Bearer " + "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM))


def form_fields(
    name: str, chip_url: str, authorization: str, max_length: int = MAX_LENGTH
) -> dict[str, str]:
    """What is to be in each field of the form."""
    return {
        "URN type": "webchat",
        "Address": name[:64],
        "Send URL": f"{chip_url}{PATH}",
        "Method": "POST",
        "Content type": "URL Encoded",
        "Request body": BODY,
        "Max length": str(max_length),
        "Encoding": "Default",
        "Authorization header value": authorization,
        "MT response check": RESPONSE_CHECK,
    }


def form_lines(
    name: str, chip_url: str, authorization: str, max_length: int = MAX_LENGTH
) -> Iterator[str]:
    """The form, for the website `name` and a Chip that Courier reaches at `chip_url`."""
    fields = form_fields(name, chip_url, authorization, max_length)
    yield "In RapidPro: Add channel, External API. What is wrong there takes a new channel."
    width = max(map(len, fields))
    for field, value in fields.items():
        yield f"  {field:<{width}}  {value}"
