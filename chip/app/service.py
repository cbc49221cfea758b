"""The one place that builds Chip's parts and wires them together, starts them and stops them.

    start   store, queues ──► chats ──► listener ──► desk ──► "ready"
    stop    listener and sockets ──► desk ──► work in hand ──► queues, Courier client, store

Whatever fails at the start ends the process with one line.
"""

import socket
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger

from chip import __version__
from chip.app.backend import Backend, TimedQueue, make_gateway
from chip.app.clock import use_even_clock
from chip.app.collector import collect_seldom
from chip.app.desk import loopback_socket, make_desk
from chip.app.exits import announce, fail, words_of
from chip.app.log_watch import LogWatch
from chip.app.names import NameResolver
from chip.app.reload import reloaded, set_log_level
from chip.app.signals import heed_signals
from chip.app.stopping import stop_by_steps
from chip.chat.server import ChatServer
from chip.config.schema import Config
from chip.desk.desk import Desk
from chip.errors import ChipError, Unavailable
from chip.gateway.courier import CourierGateway
from chip.limits import Limits
from chip.logs.log_observer import LogObserver
from chip.ops.descriptors import too_few_descriptors
from chip.ops.lag import LagService
from chip.ops.listening import listen_address
from chip.ops.metrics import Metrics
from chip.ops.ops_site import OpsSite
from chip.ops.status import Status
from chip.ops.systemd import Notifier, WatchdogService
from chip.web.availability import AvailabilityHandler
from chip.web.connect import Connections
from chip.web.http.addresses import Addresses
from chip.web.send import SendHandler
from chip.web.site import Site
from chip.widget.serving import widget_handlers

OPS_DRAIN = 1.0
"""Seconds that the operators' listener has for its last answers."""


def make_service(
    config: Config, read_again: Callable[[], Config], observer: LogObserver
) -> IService:
    """Chip as a service, to be started by twistd. Raises ConfigError.

    `read_again` returns the settings as they are now, or raises ConfigError; `observer` logs.
    """
    from twisted.internet import reactor  # noqa: PLC0415 - installed by twistd, not by an import

    use_even_clock(reactor)
    set_log_level(observer, config.log_level)
    return cast(IService, ChipService(config, read_again, observer, reactor))


class ChipService(Service):
    """Chip, from its first port to its last byte."""

    _log = Logger()

    def __init__(
        self, config: Config, read_again: Callable[[], Config], observer: LogObserver, reactor: Any
    ) -> None:
        self._config = config
        self._read_again = read_again
        self._observer = observer
        self._reactor = reactor
        self._limits: Limits = config.limits_in_force
        self._notifier = Notifier()
        self._metrics = Metrics()
        self._watchers = (
            WatchdogService(self._notifier, reactor),
            LagService(self._metrics, reactor),
            LogWatch(self._metrics, reactor),
            NameResolver(reactor),
        )
        self._backend = Backend(config, reactor)
        self._ports: list[Any] = []
        self._ops_port: Any = None
        self._ops_site: OpsSite | None = None
        self._starting: Deferred[None] | None = None
        self._server: ChatServer | None = None
        self._site: Site | None = None
        self._gateway: CourierGateway | None = None
        self._desk: Desk | None = None
        # Read now, so that a mistake is told before anything is started.
        descriptions = {"listen": config.endpoint, "ops_listen": config.ops_endpoint}
        self._places = {
            setting: listen_address(reactor, setting, description, config.tls_ciphers)
            for setting, description in descriptions.items()
            if description
        }

    # Starting.

    def startService(self) -> None:
        """Begin to start. twistd does not wait, so a failure ends the process by itself."""
        super().startService()  # type: ignore[no-untyped-call]
        for watcher in self._watchers:
            watcher.startService()
        if few := too_few_descriptors(self._limits.sockets):
            self._log.warn("sockets: {reason}", reason=few)
        self._reactor.callWhenRunning(heed_signals, self._reactor, self._reload)
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(self._could_not_start)

    def _could_not_start(self, failure: Any) -> None:
        # A stop ends the start, too; what that makes of whatever it waited for is no news.
        if not self.running:
            return
        if not failure.check(ChipError, OSError):
            self._log.failure("Chip could not start", failure)
        fail(self._reactor, f"could not start: {words_of(failure.value)}")

    async def _start(self) -> None:
        config, backend, reactor = self._config, self._backend, self._reactor
        await backend.open_store()
        await backend.open_queue()
        loopback = None if config.db else loopback_socket()
        domain = f"127.0.0.1:{loopback.getsockname()[1]}" if loopback else config.domain
        self._gateway = make_gateway(config, reactor, domain, observer=self._metrics)
        server = self._server = ChatServer(
            store=self._metrics.timed("store", backend.store, reactor),
            queue=TimedQueue(backend.queue, self._metrics, reactor),
            gateway=self._gateway,
            limits=self._limits,
            clock=reactor,
            observer=self._metrics,
            archive=backend.archive,
            sent_messages=backend.sent_messages(self._metrics),
        )
        if loopback:
            self._desk = make_desk(
                config, reactor, backend, server, f"http://{domain}", observer=self._metrics
            )
            await self._desk.start()
        site = self._site = self._make_site(server)
        if loopback:
            self._listen_on(loopback, site)
        await server.start()
        await self._listen(site)
        await self._start_ops(server)
        collect_seldom()
        self._say_ready(domain)

    def _make_site(self, server: ChatServer) -> Site:
        connections = Connections(
            clock=self._reactor,
            chat_server=server,
            limits=self._limits,
            allowed_origins=self._config.allowed_origins,
            own_origin=self._config.own_origin,
            observer=self._metrics,
        )
        find = self._desk.availability.of if self._desk else None
        self._metrics.read_from(
            sockets=partial(len, connections),
            chats=lambda: server.hub.open_chats,
            circuit_is_open=lambda: server.outbound.courier_is_away,
        )
        mounts = widget_handlers() | (self._desk.handlers() if self._desk else {})
        return Site(
            clock=self._reactor,
            limits=self._limits,
            connections=connections,
            sends=SendHandler(self._reactor, server, self._limits, self._metrics),
            availability=AvailabilityHandler(self._reactor, server, self._limits, find),
            addresses=Addresses(self._config.trusted_proxies),
            mounts=mounts,
            front=self._desk.front() if self._desk else None,
            observer=self._metrics,
        )

    async def _listen(self, site: Site) -> None:
        try:
            self._ports.append(await self._places["listen"].endpoint.listen(site))
        except Exception as error:
            setting = "listen" if self._config.listen else "address and port"
            raise Unavailable(
                f"{setting}: cannot listen on {self._config.endpoint}: {words_of(error)}"
            ) from None

    def _listen_on(self, listening: socket.socket, site: Site) -> None:
        """Serve `site` on a socket that is bound already."""
        with listening:
            port = self._reactor.adoptStreamPort(listening.fileno(), socket.AF_INET, site)
        self._ports.append(port)

    async def _start_ops(self, server: ChatServer) -> None:
        if "ops_listen" not in self._places:
            return
        status = Status(self._config, server, self._backend, lambda: not self.running)
        names = self._config.ops_hosts
        site = self._ops_site = OpsSite(status, self._metrics, self._reactor, self._limits, names)
        try:
            self._ops_port = await self._places["ops_listen"].endpoint.listen(site)
        except Exception as error:
            reason = f"cannot listen on {self._config.ops_endpoint}: {words_of(error)}"
            if self._config.ops_required:
                raise Unavailable(f"ops_listen: {reason}") from None
            self._log.warn("no operators' listener: {reason}", reason=reason)

    def _say_ready(self, domain: str) -> None:
        backend = self._backend
        gateway = "the desk" if self._desk else f"Courier at {domain}"
        self._log.info(
            "Chip {version} is ready: store {store}, queues {queue}, gateway {gateway}, listening "
            "on {listen}",
            version=__version__,
            store=backend.store_name,
            queue=backend.queue_name,
            gateway=gateway,
            listen=self._config.endpoint,
            process=backend.process_name,
        )
        self._notifier.status(f"serving: {backend.store_name}, {backend.queue_name}, {gateway}")
        self._notifier.ready()
        if self._desk:
            announce(f"\n  Chat:  {self._desk.front_link}\n  Desk:  {self._desk.link}\n")

    def _reload(self) -> None:
        self._observer.reopen()
        certificates = [at.certificates for at in self._places.values() if at.certificates]
        self._config = reloaded(self._config, self._read_again, certificates)
        set_log_level(self._observer, self._config.log_level)
        if self._site:
            self._site.connections.allowed_origins = self._config.allowed_origins

    # Stopping.

    def stopService(self) -> Deferred[None]:
        """Stop in order. Whatever still hangs near the hard deadline is left behind."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._notifier.stopping()
        visitors = len(self._site.connections) if self._site else 0
        self._log.info("Chip is stopping", visitors=visitors)
        if self._starting is not None:
            self._starting.cancel()
        steps = (self._let_nobody_in, self._drain, self._finish, self._tell, self._close)
        return Deferred.fromCoroutine(
            stop_by_steps(self._reactor, self._limits.stop_deadline, steps)
        )

    async def _let_nobody_in(self) -> None:
        if self._server:
            self._server.stop_taking_up()
        while self._ports:
            await maybeDeferred(self._ports.pop().stopListening)

    async def _drain(self) -> None:
        if self._desk:
            self._desk.send_away()
        if self._site:
            await self._site.drain(self._limits.drain_deadline)

    async def _finish(self) -> None:
        if self._desk:
            await self._desk.stop()
        if self._server:
            await self._server.finish(self._limits.drain_deadline)

    async def _tell(self) -> None:
        if self._server:
            await self._backend.log_what_waits()

    async def _close(self) -> None:
        await self._backend.close_queue()
        if self._gateway:
            await self._gateway.close()
        await self._backend.close()
        if self._ops_port:
            # Last: until now it has told that Chip is draining.
            await maybeDeferred(self._ops_port.stopListening)
        if self._ops_site:
            await self._ops_site.drain(OPS_DRAIN)
        for watcher in self._watchers:
            watcher.stopService()
        self._notifier.close()
