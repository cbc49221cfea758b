"""The parts of the stand-in Courier put together, without the ports that lead to them."""

from __future__ import annotations

from typing import Any

from .channels import Channels
from .chp import ChpChannels
from .chp_send import ChpRoad
from .clock import Clock
from .database import Backend
from .external_receive import ExternalChannels
from .external_send import ExternalRoad
from .http import Client
from .receive import Receiver
from .records import Log
from .releases import Settings
from .repeats import Repeats
from .send import Sender
from .spool import Spool
from .statuses import Statuses


class WholeCourier:
    """`chip` is Chip's base URL."""

    def __init__(self, backend: Backend, log: Log, chip: str) -> None:
        self.settings = Settings()
        self.clock = Clock()
        self.client = Client()
        self.spool = Spool()
        self.statuses = Statuses(backend, self.spool)
        channels = Channels(backend, self.clock)
        repeats = Repeats(self.clock, self.settings)
        self.receiver = Receiver(
            channels,
            {
                "chp": ChpChannels(backend, self.statuses, repeats, self.settings),
                "ex": ExternalChannels(backend, self.statuses, repeats, self.settings, self.spool),
            },
            log,
        )
        self._roads = (
            ChpRoad(self.client, chip),
            ExternalRoad(self.client, self.settings, chip),
        )
        self.sender = Sender(
            backend,
            channels,
            self.statuses,
            repeats,
            self.settings,
            self.clock,
            road=self._roads[0],
            external=self._roads[1],
        )

    def configure(self, name: str, value: Any) -> None:
        """Change one of the settings that `Courier.configure` names."""
        match name:
            case "era":
                self.settings.era, self.settings.newest = value or None, False
            case "release":
                self.settings.become(value)
            case "repeat_window" | "full" | "disallows":
                setattr(self.settings, name, value)
            case "status_window":
                self.statuses.window = value
            case "spool_interval":
                self.spool.interval = value
            case "patience":
                self.client.timeout = value
            case "advance":
                self.clock.offset += value
            case "chip":
                for road in self._roads:
                    road.chip = value
            case _:
                raise ValueError(f"no setting {name!r}")
