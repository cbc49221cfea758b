"""What Chip counts and times, for Prometheus.

One `Metrics` object per process; the layers know it as the `Observer` that they tell. Labels come
from closed sets, most of them the literals of what is told: whatever else turns up, a close code
that a browser invented for instance, is counted as ``other``. Owns the names, their descriptions
and buckets; where they are read is `chip.ops.ops_site`'s business.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar, cast, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics import MetricWrapperBase

from chip import __version__
from chip.chat.observer import ConnectOutcome, MessageOutcome, Observer, SentBy
from chip.chat.outbound.ports import AnswerKind
from chip.chat.ports import Balances, Depths
from chip.ops.metrics_channels import OTHER, ChannelCounts
from chip.ops.metrics_timed import Timed
from chip.protocol.commands import COMMAND_NAMES
from chip.protocol.events import ErrorCode
from chip.tasks import Clock
from chip.web.http.waiting import Cut

T = TypeVar("T")

LEVEL_LABELS = ("debug", "info", "warn", "error", "critical")
"""The values of the label `level`: Twisted's levels, from the least of them up."""
COMMANDS = (*COMMAND_NAMES, "invalid")
CLOSES = (
    *("1000", "1001", "1002", "1003", "1005", "1006", "1007", "1008", "1009", "1011", "1012"),
    *("4001", "4008", "4013", "4029", "4400", "4409"),
)
SENDS = ("200", "400", "404", "405", "408", "413", "429", "500", "503")
LOGINS = ("let_in", "wrong_token", "too_many")

_QUICK = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0, 10.0)
_LAG = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
_CALL = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 35.0)
_SHOWN = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 300.0, 3600.0, 86400.0)

_TIMED = {
    "store": ("chip_store_seconds", "Questions to the database, by operation"),
    "queue": ("chip_queue_seconds", "Calls of the queues (Valkey, or embedded), by operation"),
}


class Metrics(Observer):
    """Everything that is counted. Methods cost a microsecond or two and never raise."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessWithoutStat(registry=self.registry)
        GCCollector(registry=self.registry)
        self._gauge("chip_info", "Always 1; the version is in the label", ["version"]).labels(
            __version__
        ).set(1)
        self._connections = self._family(
            Counter,
            ("chip_connections_total", "Attempts to open a WebSocket, by what came of them"),
            ("outcome", get_args(ConnectOutcome)),
        )
        self._closes = self._family(
            Counter, ("chip_closes_total", "Closed WebSockets, by close code"), ("code", CLOSES)
        )
        self._cuts = self._family(
            Counter,
            ("chip_cuts_total", "HTTP connections cut, or not begun, by reason"),
            ("reason", get_args(Cut)),
        )
        self._commands = self._family(
            Counter,
            ("chip_commands_total", "Commands from visitors, by kind"),
            ("command", COMMANDS),
        )
        self._errors = self._family(
            Counter,
            ("chip_errors_total", "Errors told to visitors, by code"),
            ("code", get_args(ErrorCode)),
        )
        self._sends = self._family(
            Counter,
            ("chip_sends_total", "Messages handed over by Courier, by HTTP status answered"),
            ("status", SENDS),
        )
        self._channels = ChannelCounts(self.registry)
        self._expired = self._counter(
            "chip_expired_total", "Messages that waited too long for their visitors"
        )
        self._put_back = self._counter(
            "chip_put_back_total", "Messages lost with the queues and put back from the database"
        )
        self._resyncs = self._counter(
            "chip_resyncs_total", "Times that a visitor was told that messages may have been missed"
        )
        self._desk_logins = self._family(
            Counter,
            ("chip_desk_logins_total", "Attempts to come in at the desk, by what came of them"),
            ("outcome", LOGINS),
        )
        self._courier = self._family(
            Histogram,
            ("chip_courier_seconds", "Requests to Courier, by what came of them"),
            ("outcome", get_args(AnswerKind)),
            _CALL,
        )
        self._shown = Histogram(
            "chip_shown_seconds",
            "From accepting a message for a visitor to the visitor's acknowledgement",
            buckets=_SHOWN,
            registry=self.registry,
        )
        self._lag = Histogram(
            "chip_reactor_lag_seconds",
            "How late the reactor was, looked at once a second",
            buckets=_LAG,
            registry=self.registry,
        )
        self._log_lines = self._family(
            Counter,
            ("chip_log_lines_total", "Events worth a log line, by level"),
            ("level", LEVEL_LABELS),
        )
        self._ready = self._gauge("chip_ready", "1 while new visitors may come, else 0")
        self._circuit_open = self._gauge(
            "chip_courier_circuit_open", "1 while Courier seems to be away, and is only probed"
        )
        self._sockets = self._gauge("chip_sockets", "Open WebSockets")
        self._chats = self._gauge("chip_chats", "Chats open in this process")
        self._depths = {
            "outbox_chats": self._gauge(
                "chip_outbox_chats", "Chats whose visitors have messages waiting"
            ),
            "outbox_oldest": self._gauge(
                "chip_outbox_oldest_seconds", "Age of the oldest undelivered message"
            ),
            "spool_events": self._gauge("chip_spool_events", "Events waiting for Courier"),
            "spool_oldest": self._gauge(
                "chip_spool_oldest_seconds", "Age of the oldest event waiting for Courier"
            ),
        }
        self._balances = self._gauge(
            "chip_balance",
            "What became of all that was ever accepted, by all processes that share the queues",
            ["way", "state"],
        )
        self._timers = {
            part: Histogram(*about, ["operation"], buckets=_QUICK, registry=self.registry)
            for part, about in _TIMED.items()
        }

    # What the layers tell.

    def connection(self, outcome: ConnectOutcome) -> None:
        """Somebody asked for a WebSocket."""
        _of(self._connections, outcome).inc()

    def closed(self, code: int) -> None:
        """A WebSocket is gone."""
        _of(self._closes, str(code)).inc()

    def cut(self, why: str) -> None:
        """An HTTP connection was ended, or not begun."""
        _of(self._cuts, why).inc()

    def send(self, status: int) -> None:
        """A message from Courier was answered with this HTTP status."""
        _of(self._sends, str(status)).inc()

    def message(
        self, sender: SentBy, channel_uuid: str, outcome: MessageOutcome, times: int = 1
    ) -> None:
        """Messages were stored, or refused. The first channels have series of their own."""
        self._channels.message(sender, channel_uuid, outcome, times)

    def channel_refused(self, channel_uuid: str) -> None:
        """See `Observer`."""
        self._channels.refusal(channel_uuid)

    def expired(self, messages: int) -> None:
        """So many messages were given up."""
        self._expired.inc(messages)

    def put_back(self, messages: int) -> None:
        """See `Observer`."""
        self._put_back.inc(messages)

    def resync(self) -> None:
        """A visitor was told that messages may have been missed."""
        self._resyncs.inc()

    def command(self, kind: str) -> None:
        """A visitor's command has come in."""
        _of(self._commands, kind).inc()

    def error(self, code: ErrorCode) -> None:
        """A visitor was told of an error."""
        _of(self._errors, code).inc()

    def shown(self, seconds: float) -> None:
        """A message was acknowledged, so many seconds after it was accepted."""
        self._shown.observe(max(0.0, seconds))

    def courier(self, kind: AnswerKind, seconds: float) -> None:
        """A request to Courier has ended."""
        _of(self._courier, kind).observe(seconds)

    def desk_login(self, outcome: str) -> None:
        """Somebody wanted to come in at the desk."""
        _of(self._desk_logins, outcome).inc()

    def lag(self, seconds: float) -> None:
        """The reactor was so late."""
        self._lag.observe(max(0.0, seconds))

    def logged(self, level: str) -> None:
        """There is an event of this level to be logged."""
        _of(self._log_lines, level).inc()

    # What is asked for when somebody reads.

    def read_from(
        self,
        *,
        sockets: Callable[[], float],
        chats: Callable[[], float],
        circuit_is_open: Callable[[], bool],
    ) -> None:
        """Set where the numbers of open sockets and chats come from."""
        self._sockets.set_function(sockets)
        self._chats.set_function(chats)
        self._circuit_open.set_function(circuit_is_open)

    def ready(self, ready: bool) -> None:
        """Note whether new visitors may come."""
        self._ready.set(ready)

    def depths(self, depths: Depths) -> None:
        """Note how much waits."""
        for name, value in depths._asdict().items():
            self._depths[name].set(value)

    def balances(self, balances: Balances) -> None:
        """Note what became of everything that was ever accepted."""
        for way, balance in balances._asdict().items():
            for state, count in balance._asdict().items():
                self._balances.labels(way, state).set(count)

    def page(self, accept: str) -> tuple[bytes, str]:
        """Everything in the format that a reader accepts, and that format's media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self.registry), media_type

    # Timing.

    def timed(self, part: str, target: T, clock: Clock) -> T:
        """Return `target` with its asynchronous methods timed, as ``store`` or ``queue``."""
        return cast(T, Timed(target, self._timers[part], clock))

    def _gauge(self, name: str, about: str, labels: list[str] | None = None) -> Gauge:
        return Gauge(name, about, labels or [], registry=self.registry)

    def _counter(self, name: str, about: str) -> Counter:
        return Counter(name, about, registry=self.registry)

    def _family(
        self,
        kind: type[MetricWrapperBase],
        about: tuple[str, str],
        label: tuple[str, tuple[str, ...]],
        buckets: tuple[float, ...] | None = None,
    ) -> dict[str, Any]:
        """One child per label, made now, so that every series is there from the start."""
        more: dict[str, Any] = {"buckets": buckets} if buckets else {}
        family = kind(*about, [label[0]], registry=self.registry, **more)
        return {value: family.labels(value) for value in (*label[1], OTHER)}


def _of(children: dict[str, Any], label: str) -> Any:
    return children.get(label) or children[OTHER]


class ProcessWithoutStat(ProcessCollector):
    """The usual figures of the process, also where systemd hides all of /proc but processes."""

    def _boot_time(self) -> float:
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
