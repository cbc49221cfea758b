"""A listening socket that a program is handed when it starts, as systemd does (sd_listen_fds(3)).

Owns nothing but the program's command line: the socket is its third file, under the name "chip".
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Sequence

from .process import free_port

_HAND_OVER = """
exec 3<&{fd} {fd}<&-
export LISTEN_FDS=1 LISTEN_FDNAMES=chip LISTEN_PID=$$
exec "$@"
"""


class ListeningSocket:
    """One of loopback, on a port that no other test has."""

    def __init__(self) -> None:
        self.port = free_port()
        with socket.create_server(("127.0.0.1", self.port)) as server:
            # Out of the way of those that a shell numbers itself.
            self.fd = fcntl.fcntl(server.fileno(), fcntl.F_DUPFD, 10)
        self.options: dict[str, object] = {"pass_fds": (self.fd,)}
        """For Popen."""

    def handed_to(self, command: Sequence[str]) -> list[str]:
        """The command line that starts a program with it."""
        return ["bash", "-c", _HAND_OVER.format(fd=self.fd), "bash", *command]

    def close(self) -> None:
        os.close(self.fd)
