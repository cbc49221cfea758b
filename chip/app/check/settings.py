"""Whether a start would take the settings: what is listened on, where errors go, and the rest.

Ports are bound for a moment and not listened on, so that nobody is let in.
"""

import errno
import http.client
import os
import socket
import ssl
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from twisted.internet.protocol import Factory

from chip.app.check.findings import Finding
from chip.app.desk import DESK_IS_CLOSED
from chip.config.schema import Config
from chip.config.settings import SETTINGS
from chip.config.sources import unknown_variables
from chip.errors import ConfigError
from chip.logs.redact import REDACTOR
from chip.logs.sentry import SentryObserver
from chip.ops.descriptors import too_few_descriptors
from chip.ops.listening import listen_address

_ANSWER_WITHIN: Final = 5.0
"""Seconds that whoever is at a port has to say who he is."""
_EVERYWHERE: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


async def ask_settings(config: Config, environ: Mapping[str, str]) -> list[Finding]:
    """What is found."""
    found = [_variable(name) for name in unknown_variables(environ)]
    few = too_few_descriptors(config.sockets)
    if few:
        found.append(Finding("warning", "sockets", few))
    if config.sentry_dsn:
        found.append(_sentry(config))
    found.append(await _listener("listen", config.endpoint, config, environ))
    found += _links(config)
    if config.ops_endpoint:
        ops = await _listener("ops_listen", config.ops_endpoint, config, environ)
        if ops.verdict == "FAILED" and not config.ops_required:
            ops = ops._replace(verdict="warning")
        found.append(ops)
    return found


def _variable(name: str) -> Finding:
    names = {setting.env: setting.name for setting in SETTINGS.values()}
    close = get_close_matches(name, names, 1)
    meant = f"; is {names[close[0]]} ({close[0]}) meant?" if close else ""
    return Finding("warning", "settings", f"{name} names no setting{meant}")


def _links(config: Config) -> list[Finding]:
    found = []
    if config.public_url:
        found.append(Finding("ok", "public_url", f"links say {config.public_url}"))
    elif not (config.db or config.url):
        text = "not set: it is not known what links to the pages and the guide's picture should say"
        found.append(Finding("warning", "public_url", text))
    if not (config.db or config.desk_token or config.is_this_machines_alone):
        found.append(Finding("warning", "desk_token", DESK_IS_CLOSED))
    return found


def _sentry(config: Config) -> Finding:
    try:
        SentryObserver(config, REDACTOR, "check")
    except ConfigError as error:
        part, _, text = str(error).partition(": ")
        return Finding("FAILED", part, text)
    return Finding("ok", "sentry_dsn", "errors go to Sentry")


async def _listener(
    setting: str, description: str, config: Config, environ: Mapping[str, str]
) -> Finding:
    if description.startswith("systemd:") and environ.get("LISTEN_PID") != str(os.getpid()):
        return Finding("ok", setting, f"{description}: systemd has it, which shows at a start only")
    try:
        there: Any = listen_address(_BindOnly(), setting, description, config.tls_ciphers)
        await there.endpoint.listen(Factory())
    except ConfigError as error:
        return Finding("FAILED", setting, str(error).removeprefix(f"{setting}: "))
    except _Taken as taken:
        return _who(taken, setting, description)
    except OSError as error:
        return Finding("FAILED", setting, f"{description}: {error.strerror}")
    return Finding("ok", setting, description)


class _Taken(Exception):
    """Somebody listens at this host and port."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.host = _EVERYWHERE.get(host, host)
        self.port = port


def _who(taken: _Taken, setting: str, description: str) -> Finding:
    """Whether it is a Chip that listens there."""
    kind = description.partition(":")[0]
    if kind not in _SPEAKS:
        text = f"{description}: taken, by a running Chip or by another program"
        return Finding("warning", setting, text)
    connection = _SPEAKS[kind](taken.host, taken.port)
    try:
        connection.request("GET", "/livez")
        is_chip = connection.getresponse().getheader("Server") == "Chip"
    except (OSError, http.client.HTTPException):
        is_chip = False
    finally:
        connection.close()
    if is_chip:
        return Finding("ok", setting, f"{description}: a Chip is at it already")
    return Finding("FAILED", setting, f"{description}: taken, and not by a Chip that answers")


def _https(host: str, port: int) -> http.client.HTTPConnection:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=_ANSWER_WITHIN, context=context)


def _http(host: str, port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(host, port, timeout=_ANSWER_WITHIN)


_SPEAKS: Final = {"tcp": _http, "tcp6": _http, "ssl": _https, "tls": _https}
"""How to ask at an endpoint of each kind."""


class _BindOnly:
    """A reactor that finds out whether one could listen, for endpoints to be tried on."""

    def listenTCP(self, port: int, factory: Any, backlog: int = 0, interface: str = "") -> None:
        family = socket.AF_INET6 if ":" in interface else socket.AF_INET
        with socket.socket(family) as ours:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                ours.bind((interface, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise _Taken(interface, port) from None
                raise

    def listenUNIX(self, address: str, *_: Any, **__: Any) -> None:
        directory = Path(address).parent
        if not os.access(directory, os.W_OK | os.X_OK):
            number = errno.EACCES if directory.is_dir() else errno.ENOENT
            raise OSError(number, os.strerror(number))

    def adoptStreamPort(self, *_: Any) -> None:
        """Whoever handed it over has bound it."""
