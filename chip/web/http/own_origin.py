"""The origin of the pages that this server has itself, for whoever asks it something.

A browser sends the name by which it asks as Host, and the site whose page makes it ask as Origin.
They are the same on Chip's own pages. They are the same too where another site has had its name
lead here, after its page was loaded from elsewhere (DNS rebinding): so a name counts only where
nobody else can have chosen it.

    Host: localhost:8070, 192.0.2.7, box   no other site can have such a name lead anywhere
    by TLS to Chip itself                  the browser has seen a certificate for the name
    by a trusted proxy                     which serves the names that it was told to serve, and
                                           says so: X-Forwarded-Proto, X-Forwarded-Host. A page
                                           cannot add them to a handshake
    else                                   not certain: see `public_url`
"""

import ipaddress
from typing import Final

from chip.web.http.request import Request

_OWN_PORTS: Final = {"http": ":80", "https": ":443"}


def own_origin(request: Request) -> str:
    """The origin, such as ``https://chat.example.org``; ``""`` when it is not certain."""
    host = request.forwarded_host or request.host_and_port
    is_certain = (
        bool(request.isSecure()) or request.is_by_proxy or _leads_here_alone(request.asked_host)
    )
    if not (host and is_certain):
        return ""
    scheme = "https" if request.is_by_tls else "http"
    return f"{scheme}://{host.removesuffix(_OWN_PORTS[scheme])}"


def _leads_here_alone(host: str) -> bool:
    """Whether this is an address, or a name of this machine or of its own network."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return "." not in host or host.endswith(".localhost")
    return True
