"""What Chip tells systemd.

Owns the notification datagrams (sd_notify) and the watchdog. Works without systemd: then nothing is
sent. Knows nothing of what is ready.

    Chip → systemd    READY=1 · STATUS=<one line> · WATCHDOG=1 · STOPPING=1
"""

import os
import socket
from collections.abc import Mapping

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from chip.tasks import Clock, every


class Notifier:
    """Sends notifications to the manager that `environ` names, if any; it never raises."""

    _log = Logger()

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the NUL of the abstract name space.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        # Kept: a process without free descriptors is to be left to live.
        self._socket: socket.socket | None = None
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        usec = environ.get("WATCHDOG_USEC", "")
        self.watchdog_interval = int(usec) / 2e6 if ours and usec.isdigit() else 0.0
        """Seconds between signs of life, half of what systemd allows; 0: none is wanted."""

    def ready(self) -> None:
        """Chip serves."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._send(f"STATUS={' '.join(text.split())}")

    def stopping(self) -> None:
        """Chip has begun to stop."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """The reactor turns."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            if self._socket is None:
                kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
                self._socket = socket.socket(socket.AF_UNIX, kind)
            self._socket.sendto(message.encode(), self._address)
        except OSError as error:
            self._log.debug("systemd could not be told", reason=str(error))

    def close(self) -> None:
        """There is nothing more to tell."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class WatchdogService(Service):
    """Gives signs of life for as long as the reactor turns, where systemd wants them.

    It asks nothing else: a lost database must not get Chip killed.
    """

    def __init__(self, notifier: Notifier, clock: Clock) -> None:
        self._notifier = notifier
        self._clock = clock
        self._call: LoopingCall | None = None

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        interval = self._notifier.watchdog_interval
        if interval:
            self._call = every(self._clock, interval, self._notifier.alive, now=True)

    def stopService(self) -> None:
        if self._call:
            self._call.stop()
            self._call = None
        super().stopService()  # type: ignore[no-untyped-call]
